"""Runs as the store returns them: plain values, without torch or SQL."""

from __future__ import annotations

from collections.abc import Set
from dataclasses import dataclass, replace
from enum import StrEnum

from cnnlab.config import RunConfig
from cnnlab.elsewhere import is_elsewhere
from cnnlab.i18n import N_
from cnnlab.system.processes import Process


class State(StrEnum):
    QUEUED = N_("queued")
    STARTING = N_("starting")
    RUNNING = N_("running")
    PAUSING = N_("pausing")
    PAUSED = N_("paused")
    STOPPING = N_("stopping")
    STOPPED = N_("stopped")
    FINISHED = N_("finished")
    FAILED = N_("failed")
    INTERRUPTED = N_("interrupted")


IN_PROCESS = frozenset({State.STARTING, State.RUNNING, State.PAUSING, State.STOPPING})  # a process works on it
ACTIVE = IN_PROCESS | {State.QUEUED}
MAY_GO_ON = ACTIVE | {State.INTERRUPTED}  # the lab resumes interrupted runs automatically
ASKED_TO_END = frozenset({State.PAUSING, State.STOPPING})

# The only table of state transitions: the store refuses every other one.
TRANSITIONS: dict[State, frozenset[State]] = {
    State.QUEUED: frozenset({State.STARTING, State.STOPPED, State.PAUSED}),
    # Back to the queue: its process could not go on, as on a full disk.
    State.STARTING: frozenset({State.QUEUED, State.RUNNING, State.PAUSING, State.STOPPING, State.FAILED, State.INTERRUPTED}),
    State.RUNNING: frozenset({State.QUEUED, State.PAUSING, State.STOPPING, State.FINISHED, State.FAILED, State.INTERRUPTED}),
    State.PAUSING: frozenset({State.PAUSED, State.STOPPING, State.FINISHED, State.FAILED, State.INTERRUPTED}),
    State.STOPPING: frozenset({State.STOPPED, State.FINISHED, State.FAILED, State.INTERRUPTED}),
    State.PAUSED: frozenset({State.QUEUED, State.STOPPED}),
    State.INTERRUPTED: frozenset({State.QUEUED, State.STOPPED}),
    State.STOPPED: frozenset({State.QUEUED}),
    State.FAILED: frozenset({State.QUEUED}),  # from its checkpoint
    State.FINISHED: frozenset({State.QUEUED}),  # for more epochs
}


@dataclass(frozen=True, slots=True)
class Run:
    """One run. Times are seconds since 1970 (UTC)."""

    id: str
    name: str
    state: State
    config: RunConfig
    created: float
    started: float | None
    ended: float | None  # or paused; None while it is active
    device: str  # of its last start; "" before the first
    message: str  # why it failed or was interrupted, or ""
    epochs_done: int
    train_loss: float | None  # of the last epoch
    train_accuracy: float | None
    test_accuracy: float | None
    best_test_accuracy: float | None
    parameters: int | None
    seconds: float | None  # of training, measured by its process; pauses do not count
    owner: str = ""  # who may change it; "" means anyone
    note: str = ""
    resumes: int = 0  # automatic ones since a user last started or resumed the run
    has_checkpoint: bool = False
    position: int | None = None  # in the queue; 1 starts next
    images_per_second: float | None = None  # in training, over the last epoch
    tags: tuple[str, ...] = ()

    @property
    def active(self) -> bool:
        """True while the run waits or a process works on it."""
        return self.state in ACTIVE

    @property
    def over(self) -> bool:
        """True once the run has ended, and goes on only if a user wants more of it."""
        return self.state in (State.STOPPED, State.FAILED, State.FINISHED)

    def interrupted(self, ids: Set[str], message: str) -> Run:
        """The run as interrupted with this message if it is among `ids`; as it is otherwise."""
        return replace(self, state=State.INTERRUPTED, message=message) if self.id in ids else self


class Runs(tuple[Run, ...]):
    """The readable runs, and a message for each other one: a damaged row must not hide the rest."""

    unreadable: tuple[str, ...] = ()

    def interrupted(self, ids: Set[str], message: str) -> Runs:
        """Those among `ids` as `Run.interrupted`."""
        runs = Runs(run.interrupted(ids, message) for run in self)
        runs.unreadable = self.unreadable
        return runs


@dataclass(frozen=True, slots=True)
class ActiveRun:
    """The part of a queued or training run that the dispatcher needs."""

    id: str
    state: State
    config: RunConfig
    device: str
    process: Process
    owner: str

    @property
    def waits(self) -> bool:
        return self.state is State.QUEUED


def may_take_the_same(choice: str, other: str) -> bool:
    """Whether runs with these choices of a device ("auto", "cpu", "cuda", "cuda:1", "mps") can be in each other's way.

    What "auto" takes depends on the machine, which only the dispatcher asks; here it may take any but those elsewhere.
    """
    either = (choice, other)
    if any(map(is_elsewhere, either)):
        return choice == other
    return choice == other or "auto" in either or ("cuda" in either and all(each.startswith("cuda") for each in either))
