"""Events of a run, as facts in the past tense: the engine yields them, and the store keeps them.

Losses are mean cross-entropy per image in nats; accuracies are shares from 0 to 1, never percentages;
durations are seconds. Epochs and batches count from 1.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any, Literal, get_args


@dataclass(frozen=True, slots=True)
class RunStarted:
    device: str  # "cpu", "cuda:0", "mps"
    device_name: str  # for people: "NVIDIA H100", "CPU, 2 cores"
    parameters: int  # trainable
    train_images: int
    test_images: int
    batches_per_epoch: int
    epochs: int
    classes: int
    validation_images: int = 0  # kept aside from the training images, which do not count them
    computes_on: str = ""  # at a place beyond this machine, which `device` names: "cpu" or "cuda:0" there; "" on this machine


@dataclass(frozen=True, slots=True)
class Progress:
    """Emitted about twice a second. `loss` and `accuracy` cover only the images since the last Progress."""

    epoch: int
    batch: int  # of this epoch, done so far
    batches: int  # batches in an epoch
    step: int  # of the optimiser, since the run began
    loss: float
    accuracy: float
    images_per_second: float
    learning_rate: float
    share_done: float  # of the whole run, 0..1
    seconds: float  # since the run started
    seconds_left: float  # estimate, evaluations included
    # In "evaluation" it predicts the validation and test images; loss, accuracy and batch repeat the last "training" event.
    phase: Literal["training", "evaluation"] = "training"
    gradient_norm: float | None = None  # of the last batch, before clipping; None where it is unknown or not finite


@dataclass(frozen=True, slots=True)
class EpochDone:
    epoch: int
    step: int
    train_loss: float  # plain cross-entropy, as the other losses; early versions included label smoothing
    train_accuracy: float
    test_loss: float  # plain cross-entropy
    test_accuracy: float
    learning_rate: float  # at the end of the epoch
    seconds: float  # training and evaluation
    load_seconds: float  # making batches: selecting, resizing, augmenting, normalising
    compute_seconds: float  # forward, backward, optimiser
    evaluation_seconds: float
    validation_loss: float | None = None  # plain cross-entropy; None where no images are kept aside
    validation_accuracy: float | None = None

    @property
    def score(self) -> float:
        """The accuracy by which the best epoch is chosen: on the validation images where there are any, else on the test images."""
        return self.test_accuracy if self.validation_accuracy is None else self.validation_accuracy


def best_epoch(epochs: Sequence[EpochDone]) -> EpochDone | None:
    """The epoch with the highest score, the first of equals; None where there is none. The only rule for "best"."""
    return max(epochs, key=lambda done: done.score, default=None)


@dataclass(frozen=True, slots=True)
class Notice:
    """A message to the user during a run, which goes on."""

    kind: str  # "precision", "compiled", "graph", "time-limit"; early versions also had "stuck-at-chance"
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
    best_test_accuracy: float  # test accuracy of the best epoch, whichever images that was chosen by
    best_validation_accuracy: float | None = None
    stopped_early: bool = False  # by the setting `patience`


DAMAGED = "damaged-checkpoints"


@dataclass(frozen=True, slots=True)
class RunFailed:
    kind: str  # "not-finite", "not-finite-at-first", "out-of-memory", "error"; DAMAGED: it has checkpoints, none can be read
    epoch: int
    message: str


@dataclass(frozen=True, slots=True)
class RunStopped:
    """A user stopped the run, or it reached its time limit. Its checkpoints are kept."""

    epoch: int  # completed epochs
    seconds: float


@dataclass(frozen=True, slots=True)
class RunPaused:
    """A user paused the run. The last checkpoint holds this moment."""

    epoch: int  # the last that has begun
    step: int
    seconds: float


@dataclass(frozen=True, slots=True)
class RunResumed:
    """The run goes on from a checkpoint. Events after the checkpoint are deleted and emitted again, so none is stored twice."""

    epoch: int  # the last that has begun
    step: int
    epochs_done: int
    epochs: int  # in all, those added since included
    device: str
    device_name: str
    seconds: float  # of training before
    computes_on: str = ""  # as that of RunStarted


@dataclass(frozen=True, slots=True)
class RunInterrupted:
    """The run's process died; added by the process that noticed."""

    epoch: int  # completed epochs


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

# EpochDone is "epoch_done" in JSON and in the store: after renaming a class, older records could not be read.
_KINDS: dict[str, type] = {re.sub(r"(?<=[a-z])(?=[A-Z])", "_", cls.__name__).lower(): cls for cls in get_args(Event)}
_NAMES = {cls: name for name, cls in _KINDS.items()}
_FIELDS = {cls: frozenset(field.name for field in fields(cls)) for cls in _NAMES}


def name_of(event: Event) -> str:
    """The event's name in JSON and in the store, such as ``"epoch_done"``."""
    return _NAMES[type(event)]


def to_dict(event: Event) -> dict[str, Any]:
    """The event as a JSON-able mapping with its name under ``"event"``."""
    return {"event": name_of(event), **asdict(event)}


def from_dict(record: dict[str, Any]) -> Event:
    """The inverse of `to_dict`; fields unknown to this version are ignored."""
    cls = _KINDS[record["event"]]
    known = _FIELDS[cls]
    return cls(**{key: value for key, value in record.items() if key in known})
