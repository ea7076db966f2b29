"""A run as the store keeps it: plain values, no torch, no SQL."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from cnnlab.config import RunConfig


class State(StrEnum):
    QUEUED = "queued"
    STARTING = "starting"
    RUNNING = "running"
    STOPPING = "stopping"
    STOPPED = "stopped"
    FINISHED = "finished"
    FAILED = "failed"
    INTERRUPTED = "interrupted"


ACTIVE = frozenset({State.QUEUED, State.STARTING, State.RUNNING, State.STOPPING})

# The one table of moves. A move that is not here does not happen, whoever asks.
MOVES: dict[State, frozenset[State]] = {
    State.QUEUED: frozenset({State.STARTING, State.STOPPED}),
    State.STARTING: frozenset({State.RUNNING, State.STOPPING, State.FAILED, State.INTERRUPTED}),
    State.RUNNING: frozenset({State.STOPPING, State.FINISHED, State.FAILED, State.INTERRUPTED}),
    State.STOPPING: frozenset({State.STOPPED, State.FINISHED, State.FAILED, State.INTERRUPTED}),
    State.STOPPED: frozenset(),
    State.FINISHED: frozenset(),
    State.FAILED: frozenset(),
    State.INTERRUPTED: frozenset(),
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
    ended: float | None
    device: str  # where it ran or runs; "" while it is queued
    message: str  # why it failed, or ""
    epochs_done: int
    train_loss: float | None  # of the last epoch
    train_accuracy: float | None
    test_accuracy: float | None
    best_test_accuracy: float | None
    parameters: int | None
    seconds: float | None  # from start to end, or to the last event while it runs

    @property
    def active(self) -> bool:
        """True while something may still happen to it."""
        return self.state in ACTIVE
