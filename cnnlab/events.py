"""What happens during training, as facts in the past tense; the engine yields them, the store keeps them.

Losses are mean cross-entropy per image in nats; accuracies are shares from 0 to 1, never percentages;
durations are seconds. Epochs and batches count from 1. Nothing here needs torch.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from typing import Any, Literal


@dataclass(frozen=True, slots=True)
class RunStarted:
    device: str  # "cpu", "cuda:0", "mps"
    device_name: str  # what a person would call it: "NVIDIA H100", "CPU, 2 cores"
    parameters: int  # trainable
    train_images: int
    test_images: int
    batches_per_epoch: int
    epochs: int
    classes: int


@dataclass(frozen=True, slots=True)
class Progress:
    """About twice a second. `loss` and `accuracy` cover the images since the last Progress only."""

    epoch: int
    batch: int  # batches of this epoch done so far
    batches: int  # batches in an epoch
    step: int  # optimiser steps since the run began
    loss: float
    accuracy: float
    images_per_second: float
    learning_rate: float
    share_done: float  # of the whole run, 0..1
    seconds: float  # since the run started
    seconds_left: float  # estimate, evaluations included
    # In "evaluation" the test images are being judged: loss, accuracy and batch are those of the last "training" event.
    phase: Literal["training", "evaluation"] = "training"


@dataclass(frozen=True, slots=True)
class EpochDone:
    epoch: int
    step: int
    train_loss: float  # mean over the epoch's images of what was minimised (label smoothing included)
    train_accuracy: float
    test_loss: float  # plain cross-entropy
    test_accuracy: float
    learning_rate: float  # at the end of the epoch
    seconds: float  # training and evaluation
    load_seconds: float  # making batches: selecting, resizing, augmenting, normalising
    compute_seconds: float  # forward, backward, optimiser
    evaluation_seconds: float


@dataclass(frozen=True, slots=True)
class Notice:
    """Something the learner should know now; the run goes on."""

    kind: str  # "stuck-at-chance"
    epoch: int
    message: str


@dataclass(frozen=True, slots=True)
class CheckpointSaved:
    kind: str  # "last" or "best"
    epoch: int
    test_accuracy: float | None  # of the last evaluation; None before the first
    step: int = 0


@dataclass(frozen=True, slots=True)
class RunFinished:
    epochs: int
    seconds: float
    train_accuracy: float
    test_accuracy: float
    best_epoch: int
    best_test_accuracy: float


@dataclass(frozen=True, slots=True)
class RunFailed:
    kind: str  # "not-finite", "out-of-memory", "error"
    epoch: int
    message: str


@dataclass(frozen=True, slots=True)
class RunStopped:
    """Somebody asked for an end; the checkpoints saved so far are kept."""

    epoch: int  # epochs that were completed
    seconds: float


@dataclass(frozen=True, slots=True)
class RunPaused:
    """Somebody asked for a pause; the last checkpoint is of this very moment."""

    epoch: int  # begun last
    step: int
    seconds: float


@dataclass(frozen=True, slots=True)
class RunResumed:
    """It goes on from a checkpoint. What had been told of later moments is told anew, so the record has it once."""

    epoch: int  # begun last
    step: int
    epochs_done: int
    epochs: int  # in all, after it was perhaps given more
    device: str
    device_name: str
    seconds: float  # trained before


@dataclass(frozen=True, slots=True)
class RunInterrupted:
    """Its process was gone; told by whoever noticed."""

    epoch: int  # epochs that were completed


Event = (
    RunStarted
    | Progress
    | EpochDone
    | Notice
    | CheckpointSaved
    | RunFinished
    | RunFailed
    | RunStopped
    | RunPaused
    | RunResumed
    | RunInterrupted
)

_KINDS: dict[str, type] = {
    "run_started": RunStarted,
    "progress": Progress,
    "epoch_done": EpochDone,
    "notice": Notice,
    "checkpoint_saved": CheckpointSaved,
    "run_finished": RunFinished,
    "run_failed": RunFailed,
    "run_stopped": RunStopped,
    "run_paused": RunPaused,
    "run_resumed": RunResumed,
    "run_interrupted": RunInterrupted,
}
_NAMES = {cls: name for name, cls in _KINDS.items()}
_FIELDS = {cls: frozenset(field.name for field in fields(cls)) for cls in _NAMES}


def name_of(event: Event) -> str:
    """The event's name as it stands in JSON and in the store, such as ``"epoch_done"``."""
    return _NAMES[type(event)]


def to_dict(event: Event) -> dict[str, Any]:
    """The event as a JSON-able mapping with its name under ``"event"``."""
    return {"event": name_of(event), **asdict(event)}


def from_dict(record: dict[str, Any]) -> Event:
    """The inverse of `to_dict`; fields that this version does not know are ignored."""
    cls = _KINDS[record["event"]]
    known = _FIELDS[cls]
    return cls(**{key: value for key, value in record.items() if key in known})
