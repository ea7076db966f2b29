"""Whether a run may be queued: does it fit into the memory, and is it within what this lab allows its owner? Needs no torch."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from cnnlab.config import RunConfig
from cnnlab.forecasts import limits
from cnnlab.forecasts.forecaster import Forecaster
from cnnlab.forecasts.limits import Limits
from cnnlab.forecasts.limits_file import rules
from cnnlab.forecasts.usage import usage
from cnnlab.runs.records import ActiveRun, Run
from cnnlab.runs.store import Store
from cnnlab.system.files import folder_bytes, run_bytes

_BY_COUNT = {"runs_per_owner", "parallel", "queue", "slice_minutes"}  # for which no figure of the run is needed


@dataclass(frozen=True)
class Admitted:
    """A run that may start, as far as its settings go. `admit` is for the store, in the transaction that queues it."""

    limits: Limits = field(default_factory=Limits)
    together: bool = False  # whether the runs of all visitors count as one owner's

    def admit(self, owner: str, others: Sequence[ActiveRun]) -> None:
        """Raises LimitError where too many of the other active runs are the owner's, or wait."""
        own = sum(self.together or run.owner == owner for run in others)
        self.limits.admit(own, sum(run.waits for run in others), together=self.together)


class Admission:
    """Checks runs against their forecasts and the limits of their owner."""

    def __init__(self, forecaster: Forecaster, store: Store, *, clock: Callable[[], float] = time.time) -> None:
        self._forecaster = forecaster
        self._store = store
        self._clock = clock

    def new(self, config: RunConfig, owner: str = "") -> Admitted:
        """A new run. Raises ConfigError, which says what would fit, where its memory is too small; LimitError over a limit."""
        table = self._forecaster.table(config)
        forecast = self._forecaster.check(config, table)
        return self._admitted(owner, config, table.parameters, forecast.seconds_total)

    def further(self, run: Run, config: RunConfig) -> Admitted:
        """A run that is to continue with `config`. Raises LimitError: limits may have been lowered since it began."""
        if run.active:
            return Admitted()
        known = rules(self._store.home)
        allowed = known.of(run.owner)
        if not set(allowed.model_dump(exclude_none=True)) - _BY_COUNT:  # there is no need to ask the helper
            return Admitted(allowed, known.together)
        table = self._forecaster.table(config)
        epoch = self._forecaster.forecast(config, table=table, calibrate=False).seconds_per_epoch
        left = None if epoch is None else epoch * (config.epochs - run.epochs_done)
        return self._admitted(run.owner, config, table.parameters, left, run)

    def _admitted(self, owner: str, config: RunConfig, parameters: int, seconds: float | None, run: Run | None = None) -> Admitted:
        known, home = rules(self._store.home), self._store.home
        allowed, account = known.of(owner), known.account(owner)
        used = usage(self._store, account, self._clock(), disk=allowed.disk_per_owner is not None)
        if used.disk_bytes is not None:
            used = replace(used, disk_bytes=used.disk_bytes + self._promised(account))
        allowed.check(
            config,
            parameters=parameters,
            seconds=seconds,
            trained=(run.seconds or 0.0) if run else 0.0,
            disk_bytes=folder_bytes(home) if allowed.disk else 0,
            own_bytes=run_bytes(home, run.id) if run and (allowed.disk or allowed.disk_per_owner) else 0,
            promised_bytes=self._promised(None) if allowed.disk else 0,
            used=used,
            together=known.together,
        )
        return Admitted(allowed, known.together)

    def _promised(self, owner: str | None) -> int:
        """Bytes that waiting and training runs of `owner` (None: of all) will take in addition to what they have."""
        total = 0
        for run in self._store.active():
            if owner in (None, run.owner):
                needed = limits.checkpoint_bytes(run.config, self._forecaster.table(run.config).parameters)
                total += max(0, needed - run_bytes(self._store.home, run.id))
        return total
