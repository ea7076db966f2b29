"""A run's curves as an event file of TensorBoard."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from pathlib import Path

from cnnlab.errors import FailedCheck
from cnnlab.events import EpochDone, Progress
from cnnlab.exports.packages import needed
from cnnlab.i18n import N_, say
from cnnlab.runs.records import Run

_CURVES = {
    "loss/training": "train_loss",
    "loss/test": "test_loss",
    "loss/validation": "validation_loss",
    "accuracy/training": "train_accuracy",
    "accuracy/test": "test_accuracy",
    "accuracy/validation": "validation_accuracy",
    "learning rate": "learning_rate",
}


def write_events(run: Run, epochs: Sequence[EpochDone], progress: Sequence[Progress], folder: Path) -> str:
    """Writes the figures of each epoch, and the loss within epochs by steps; returns how many points were read back.

    The record holds no step twice, also of a run that was resumed, so neither does the file. Times are seconds of training after
    the start, so that pauses leave no gap. Raises InstallationError, FailedCheck.
    """
    tensorboard, events = needed("tensorboardX", "tensorboardX.proto.event_pb2", purpose="TensorBoard's event files")
    start, seconds, points = run.started or run.created, 0.0, 0
    with tensorboard.SummaryWriter(logdir=str(folder), write_to_disk=True) as writer:
        for each in progress:
            if each.phase == "training":
                writer.add_scalar("loss/within epochs", each.loss, each.step, walltime=start + each.seconds)
                points += 1
        for done in epochs:
            seconds += done.seconds
            for name, field in _CURVES.items():
                if (value := getattr(done, field)) is not None:
                    writer.add_scalar(name, value, done.epoch, walltime=start + seconds)
                    points += 1
    found = [(value.tag, event.step) for event in _read(folder, events.Event) for value in event.summary.value]
    if len(found) != points or len(set(found)) != points:
        text = N_("The event file holds {count:,} of {points:,} points, so it was not written.")
        raise FailedCheck(say(text, count=len(set(found)), points=points))
    return say("TensorBoard: {points:,} of {points:,} points read back, no step twice", points=points)


def _read(folder: Path, kind: type) -> Iterator[object]:
    """The events of the files in `folder`; a record is its length, a checksum, the event, a checksum."""
    for file in folder.glob("events.out.*"):
        content, place = file.read_bytes(), 0
        while place < len(content):
            (length,) = struct.unpack_from("<Q", content, place)
            event = kind()
            event.ParseFromString(content[place + 12 : place + 12 + length])  # type: ignore[attr-defined]
            yield event
            place += 12 + length + 4
