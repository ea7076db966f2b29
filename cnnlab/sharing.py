"""What pages ask about sharing the lab: what a person may and has used, and when the runs that wait begin. Needs no torch."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence

from cnnlab.config import RunConfig
from cnnlab.errors import CNNLabError, RunNotFound
from cnnlab.forecasts.forecaster import Forecaster
from cnnlab.forecasts.limits import Limits
from cnnlab.forecasts.limits_file import Rules, rules
from cnnlab.forecasts.queue_times import House, Start, starts
from cnnlab.forecasts.usage import Usage, minutes, usage
from cnnlab.runs.records import ActiveRun
from cnnlab.runs.store import Store

QUEUE_SECONDS = 1.0  # during which the queue is not read again
START_SECONDS = 5.0  # during which the times of a queue that has not changed are kept: pages show minutes
FORECAST_SECONDS = 60.0  # during which a run's forecast is kept
NEW_FORECASTS = 5  # at a time: a page must not wait until a hundred have been made


class Sharing:
    """`ready` says whether the helper answers at once: no page waits for it because of the queue."""

    def __init__(
        self, store: Store, forecaster: Forecaster, ready: Callable[[], bool], clock: Callable[[], float] = time.time
    ) -> None:
        self._store, self._forecaster, self._ready, self._clock = store, forecaster, ready, clock
        self._lock = threading.Lock()
        self._starts: Mapping[str, Start] = {}
        self._active: tuple[ActiveRun, ...] | None = None  # for which they were made
        self._read_again = self._make_again = 0.0  # times of `monotonic`
        self._left_to_make = 0  # forecasts, this time
        self._forecasts: dict[str, tuple[float | None, float]] = {}  # seconds in all, and until when that is kept

    def rules(self) -> Rules:
        """Raises ConfigError where the file of limits is damaged."""
        return rules(self._store.home)

    def together(self) -> bool:
        """Whether all visitors count as one, as names are not verified. Raises ConfigError, StoreError."""
        return self.rules().together

    def limits(self, owner: str) -> Limits:
        """What this lab allows a person. Raises ConfigError where the file of limits is damaged."""
        return self.rules().of(owner)

    def usage(self, owner: str, *, disk: bool = False) -> Usage:
        """What counts against these limits; `disk` reads the folders of all their runs, too. Raises ConfigError, StoreError."""
        return usage(self._store, self.rules().account(owner), self._clock(), disk=disk)

    def starts(self) -> Mapping[str, Start]:
        """By id, when the runs that wait begin. Places are at most a second old, times a few."""
        with self._lock:  # browsers that ask together wait for one answer
            now = time.monotonic()
            if now >= self._read_again:
                active = self._store.active()
                if active != self._active or now >= self._make_again:
                    self._starts, self._active = self._made(active), active
                    # What is left of the forecasts is made the next time.
                    self._make_again = now + (START_SECONDS if self._left_to_make else QUEUE_SECONDS)
                self._read_again = now + QUEUE_SECONDS
            return self._starts

    def _made(self, active: Sequence[ActiveRun]) -> dict[str, Start]:
        if not any(run.waits for run in active):
            return {}
        try:
            known = self.rules()
        except CNNLabError:  # the form says what is wrong
            known = Rules()
        now, general = self._clock(), known.of("")
        limits = {owner: known.of(owner) for owner in {run.owner for run in active}}
        used = {owner: minutes(self._store, known.account(owner), now) for owner, each in limits.items() if each.minutes}
        spent = {
            run.id for run in active
            if run.waits and run.owner in used and limits[run.owner].spent(used[run.owner], run.config.device)
        }  # fmt: skip
        may_begin = [run for run in active if run.id not in spent]
        house = House(
            runs_at_a_time=general.runs_at_a_time,
            devices=tuple(general.devices or ()),
            slice_seconds=60 * general.slice_minutes if general.slice_minutes else None,
            parallel=lambda owner: limits[owner].parallel,
            account=known.account,
        )
        self._left_to_make = NEW_FORECASTS if self._ready() else 0
        later = dict.fromkeys(spent, Start(0, None))
        return later | starts(may_begin, self._store.turns(), now, self._seconds_left, house)

    def _seconds_left(self, run: ActiveRun) -> float | None:
        """By what it has reported, else by its forecast."""
        try:
            latest = next(reversed(self._store.progress(run.id, points=2)), None)
        except RunNotFound:  # deleted a moment ago
            latest = None
        if latest is None:
            return self._forecast(run.config)
        if not run.waits:
            return latest.seconds_left
        done = latest.epoch - 1 + latest.batch / latest.batches
        # The epochs may have become more since.
        return latest.seconds * max(0.0, run.config.epochs - done) / done if done > 0 else self._forecast(run.config)

    def _forecast(self, config: RunConfig) -> float | None:
        seconds, until = self._forecasts.get(config.to_json(), (None, 0.0))
        if time.monotonic() < until or not self._left_to_make:
            return seconds
        self._left_to_make -= 1
        try:
            made = self._forecaster.forecast(config, calibrate=False)
        except CNNLabError:
            seconds = None
        else:
            seconds = made.rough_seconds if made.seconds_total is None else made.seconds_total
        if len(self._forecasts) > 500:
            self._forecasts.clear()
        self._forecasts[config.to_json()] = seconds, time.monotonic() + FORECAST_SECONDS
        return seconds
