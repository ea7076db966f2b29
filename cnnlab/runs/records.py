"""A run as the store keeps it: plain values, no torch, no SQL."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from cnnlab.config import RunConfig


class State(StrEnum):
    QUEUED = "queued"
    STARTING = "starting"
    RUNNING = "running"
    PAUSING = "pausing"
    PAUSED = "paused"
    STOPPING = "stopping"
    STOPPED = "stopped"
    FINISHED = "finished"
    FAILED = "failed"
    INTERRUPTED = "interrupted"


IN_PROCESS = frozenset({State.STARTING, State.RUNNING, State.PAUSING, State.STOPPING})  # a process works on it
ACTIVE = IN_PROCESS | {State.QUEUED}

# The one table of moves. A move that is not here does not happen, whoever asks.
MOVES: dict[State, frozenset[State]] = {
    State.QUEUED: frozenset({State.STARTING, State.STOPPED, State.PAUSED}),
    State.STARTING: frozenset({State.RUNNING, State.PAUSING, State.STOPPING, State.FAILED, State.INTERRUPTED}),
    State.RUNNING: frozenset({State.PAUSING, State.STOPPING, State.FINISHED, State.FAILED, State.INTERRUPTED}),
    State.PAUSING: frozenset({State.PAUSED, State.STOPPING, State.FINISHED, State.FAILED, State.INTERRUPTED}),
    State.STOPPING: frozenset({State.STOPPED, State.FINISHED, State.FAILED, State.INTERRUPTED}),
    State.PAUSED: frozenset({State.QUEUED, State.STOPPED}),
    State.INTERRUPTED: frozenset({State.QUEUED, State.STOPPED}),
    State.STOPPED: frozenset({State.QUEUED}),
    State.FAILED: frozenset({State.QUEUED}),  # with a checkpoint to go on from
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
    ended: float | None  # when it came to rest, paused included; None while it is active
    device: str  # where it ran or runs; "" while it is queued for the first time
    message: str  # why it failed or was interrupted, or ""
    epochs_done: int
    train_loss: float | None  # of the last epoch
    train_accuracy: float | None
    test_accuracy: float | None
    best_test_accuracy: float | None
    parameters: int | None
    seconds: float | None  # that it has trained for, as its process measured; pauses are left out
    owner: str = ""  # who may change it; "" is whoever comes
    note: str = ""
    resumes: int = 0  # how often the lab has resumed it by itself since somebody last asked for it
    has_checkpoint: bool = False
    position: int | None = None  # in the queue, 1 starts next
    images_per_second: float | None = None  # in training, over the last epoch

    @property
    def active(self) -> bool:
        """True while something may still happen to it by itself."""
        return self.state in ACTIVE
