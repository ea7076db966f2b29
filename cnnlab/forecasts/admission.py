"""Whether a run may be queued: does it fit into the memory, and is it within what this lab allows? Needs no torch."""

from __future__ import annotations

from cnnlab.config import RunConfig
from cnnlab.forecasts import limits
from cnnlab.forecasts.forecaster import Forecaster
from cnnlab.forecasts.limits import Limits
from cnnlab.runs.records import Run
from cnnlab.runs.store import Store
from cnnlab.system.files import folder_bytes, run_bytes


class Admission:
    """Checks runs against their forecasts and this lab's limits.

    A run that may start gets the limits back. Their `admit` is for the store, which counts the owner's runs in the transaction
    that queues this one.
    """

    def __init__(self, forecaster: Forecaster, store: Store) -> None:
        self._forecaster = forecaster
        self._store = store

    def new(self, config: RunConfig) -> Limits:
        """A new run. Raises ConfigError, which says what would fit, where its memory is too small; LimitError over a limit."""
        table = self._forecaster.table(config)
        forecast = self._forecaster.check(config, table)
        return self._limits(config, table.parameters, forecast.seconds_total)

    def further(self, run: Run, config: RunConfig) -> Limits:
        """A run that is to continue with `config`. Raises LimitError: limits may have been lowered since it began."""
        if run.active or limits.load(limits.limits_file()) == Limits():
            return Limits()  # an active run is not checked; without limits there is no need to ask the helper
        table = self._forecaster.table(config)
        epoch = self._forecaster.forecast(config, table=table, calibrate=False).seconds_per_epoch
        left = None if epoch is None else epoch * (config.epochs - run.epochs_done)
        return self._limits(config, table.parameters, left, run)

    def _limits(self, config: RunConfig, parameters: int, seconds: float | None, run: Run | None = None) -> Limits:
        allowed, home = limits.load(limits.limits_file()), self._store.home
        allowed.check(
            config,
            parameters=parameters,
            seconds=seconds,
            trained=(run.seconds or 0.0) if run else 0.0,
            disk_bytes=folder_bytes(home) if allowed.disk else 0,
            own_bytes=run_bytes(home, run.id) if run and allowed.disk else 0,
            promised_bytes=self._promised() if allowed.disk else 0,
        )
        return allowed

    def _promised(self) -> int:
        """Bytes that waiting and training runs will take in addition to what they have."""
        total = 0
        for run in self._store.active():
            needed = limits.checkpoint_bytes(run.config, self._forecaster.table(run.config).parameters)
            total += max(0, needed - run_bytes(self._store.home, run.id))
        return total
