"""What a lab's limits leave to one person at the moment: whether their run may start, and when one that trains gives way."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence

from cnnlab.events import Progress
from cnnlab.forecasts.limits_file import Rules
from cnnlab.forecasts.usage import Usage, minutes
from cnnlab.i18n import N_, say
from cnnlab.runs.records import ActiveRun, Run, may_take_the_same
from cnnlab.runs.store import Store
from cnnlab.text import duration_text

USAGE_SECONDS = 2.0  # between two looks at what an owner has used, and at who waits
ALMOST_DONE = 60.0  # seconds of training: a run with less to do does not give way to others

GAVE_WAY = N_("It has made room.")  # before the reason, in a run that is back in the queue and goes on from its checkpoint
OWNER_TRAINS = N_(
    "Its owner trains as many runs as this lab allows a person at a time ({count}): it begins when one of them has ended."
)
ALL_TRAIN = N_("As many runs train as this lab allows all visitors together ({count}): it begins when one of them has ended.")
SLICE_IS_OVER = N_("Its {time} at a stretch are over and runs of others wait: it goes on from this moment when it is next.")


class Shares:
    """Answers for whole processes, which ask at every turn; remembers what has been used for a moment."""

    def __init__(self, store: Store, rules: Callable[[], Rules], clock: Callable[[], float] = time.time) -> None:
        self._store, self._rules, self._clock = store, rules, clock
        self._used: dict[str | None, tuple[Usage, float]] = {}  # by account, and until when it is taken for true

    def obstacle(self, run: ActiveRun, device: str, going: Iterable[ActiveRun]) -> str:
        """Why this waiting run's owner may not train it on `device` beside the runs `going`, as a sentence; "" where they may."""
        rules = self._rules()
        allowed, account = rules.of(run.owner), rules.account(run.owner)
        if allowed.parallel is not None:
            counted = Counter(rules.account(other.owner) for other in going)
            if counted[account] >= allowed.parallel:
                return say(ALL_TRAIN if rules.together else OWNER_TRAINS, count=allowed.parallel)
        return allowed.spent(self._used_by(account), device) if allowed.minutes else ""

    def _used_by(self, account: str | None) -> Usage:
        known = self._used.get(account)
        if known is None or time.monotonic() >= known[1]:
            known = minutes(self._store, account, self._clock()), time.monotonic() + USAGE_SECONDS
            self._used[account] = known
        return known[0]


class Turn:
    """One run's turn on its device, which `device` names; its runner asks at each report of progress."""

    def __init__(
        self, store: Store, run: Run, device: str, rules: Rules, *, slices: bool, clock: Callable[[], float] = time.time
    ) -> None:
        self._store, self._run, self._device, self._rules = store, run, device, rules
        self._clock = clock
        self._shares = Shares(store, lambda: rules, clock)
        self._limits = rules.of(run.owner)
        self._slice = self._limits.slice_minutes if slices else None
        self._began = run.seconds or 0.0  # seconds that it had trained before
        self._next_look = 0.0

    def is_over(self, latest: Progress) -> str:
        """Why the run gives way now, as a sentence; "" while it goes on."""
        if time.monotonic() < self._next_look:
            return ""
        self._next_look = time.monotonic() + USAGE_SECONDS
        if spent := self._spent():
            return spent
        if self._slice is None or latest.seconds - self._began < 60 * self._slice or latest.seconds_left < ALMOST_DONE:
            return ""
        return say(SLICE_IS_OVER, time=duration_text(60 * self._slice)) if self._another_waits() else ""

    def begins_at(self, seconds: float) -> None:
        """The training goes on from a checkpoint with so many seconds of training."""
        self._began = seconds

    def _spent(self) -> str:
        if not self._limits.minutes:
            return ""
        used = minutes(self._store, self._rules.account(self._run.owner), self._clock())
        return self._limits.spent(used, self._device)

    def _another_waits(self) -> bool:
        """Whether another owner's run waits for this device, and could train there if this one did not."""
        active = self._store.active()
        going = [run for run in active if not run.waits and run.id != self._run.id]
        return any(self._could_begin(run, going) for run in active if run.waits and run.owner != self._run.owner)

    def _could_begin(self, run: ActiveRun, going: Sequence[ActiveRun]) -> bool:
        return may_take_the_same(run.config.device, self._device) and not self._shares.obstacle(run, self._device, going)
