"""Who is stuck, and why: by the diagnosis of the newest run, by how long a run waits, and by what was never started."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from cnnlab import datasets
from cnnlab.config import RunConfig
from cnnlab.diagnosis import at_chance, diagnose
from cnnlab.errors import CNNLabError
from cnnlab.i18n import say
from cnnlab.runs.records import IN_PROCESS, State
from cnnlab.runs.summaries import Summary
from cnnlab.sweeps.values import SWEEP_TAG
from cnnlab.teaching.presence import Seen
from cnnlab.teaching.values import Stuck, TaughtLab
from cnnlab.text import duration_text

PATIENCE_SECONDS = 600.0  # of waiting, and of having started nothing
RECENT_SECONDS = 3_600.0  # a run that began longer ago counts only for who is here
LOOK_SECONDS = 15.0  # between two diagnoses of a run that trains; each takes some milliseconds
MOST_POINTS = 200  # progress reports of a run that a diagnosis is given
_KEPT = 2_000  # diagnoses

# Causes that say by themselves that nothing is learnt; any other counts where the test accuracy is still that of guessing.
_DIVERGED = ("exploded", "diverged")


class _Key(NamedTuple):
    """What a diagnosis was made from: another one is made when it changes."""

    state: State
    epochs_done: int
    look: int


def started_by_hand(runs: Iterable[Summary]) -> list[Summary]:
    """Without those of sweeps, which start by themselves."""
    return [run for run in runs if not any(tag.startswith(SWEEP_TAG) for tag in run.tags)]


class Watch:
    """Finds who is stuck, and remembers what was found of each run. Safe to share between threads."""

    def __init__(self, lab: TaughtLab) -> None:
        self._lab = lab
        self._lock = threading.Lock()
        self._found: dict[str, tuple[_Key, Stuck | None]] = {}
        self._queued_since: dict[str, float] = {}

    def stuck(self, runs: Sequence[Summary], seen: Seen | None, now: float, *, paused: bool) -> Stuck | None:
        """Why the owner of these runs, newest first, may need help; None where nothing says so. `paused`: the lab is."""
        here = seen is not None and seen.here
        own = started_by_hand(runs)
        newest = own[0] if own else None
        if newest is not None:
            if newest.state is State.QUEUED:
                return None if paused else self._waits(newest, now)
            if (here or newest.active or now - newest.created < RECENT_SECONDS) and (found := self._of_run(newest, now)):
                return found
        if seen is None or not here or paused or now - seen.since < PATIENCE_SECONDS:
            return None
        if any(run.active or run.created >= seen.since for run in runs):
            return None
        return Stuck("idle", say("Here for {time}, and nothing is started yet.", time=duration_text(now - seen.since)))

    def _waits(self, run: Summary, now: float) -> Stuck | None:
        # The record has no time at which a run that was resumed came back into the queue.
        since = self._queued_since.setdefault(run.id, now if run.epochs_done else run.created)
        if now - since < PATIENCE_SECONDS:
            return None
        return Stuck("waits", say("A run waits in the queue for {time}.", time=duration_text(now - since)), run.id)

    def _of_run(self, run: Summary, now: float) -> Stuck | None:
        self._queued_since.pop(run.id, None)
        key = _Key(run.state, run.epochs_done, int(now // LOOK_SECONDS) if run.state in IN_PROCESS else 0)
        known = self._found.get(run.id)
        if known and known[0] == key:
            return known[1]
        try:
            found = self._diagnosed(run)
        except CNNLabError:  # deleted meanwhile, or damaged, which the list of runs says
            found = None
        with self._lock:
            while len(self._found) >= _KEPT:
                del self._found[next(iter(self._found))]
            self._found[run.id] = key, found
        return found

    def _diagnosed(self, run: Summary) -> Stuck | None:
        events = (*self._lab.events(run.id), *self._lab.progress(run.id, MOST_POINTS))
        diagnosis = diagnose(RunConfig.from_json(run.config_json), events)
        if diagnosis is None:
            if run.state is not State.FAILED:
                return None
            return Stuck("failed", say("A run has failed: {message}", message=self._lab.run(run.id).message), run.id)
        guesses = run.test_accuracy is None or at_chance(run.test_accuracy, len(datasets.entry(run.dataset).classes))
        if diagnosis.level == "problem" and (guesses or diagnosis.cause in _DIVERGED):
            return Stuck("not learning", diagnosis.sentence, run.id)
        return None
