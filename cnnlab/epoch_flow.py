"""How gradients, weights, activations and the first kernels of a run were after each epoch: lines of a file in its folder.

Each line is an epoch in JSON; epoch 0 is the network before training. A resumed run drops the epochs that it repeats. The file
grows to LARGEST bytes; later epochs are not recorded. It is never synced: a torn line is not recorded either. Lines of early
versions have no activations. Needs no torch.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

FILE = "flow.jsonl"
LARGEST = 5_000_000  # bytes: 1,500 epochs of LeNet, 120 of DenseNet


@dataclass(frozen=True, slots=True)
class LayerFlow:
    """A layer with weights."""

    path: str
    gradient: float | None  # length of its gradient as the optimiser gets it, the mean over the batches watched; None in epoch 0
    update: float | None  # length of a step of its weights as a share of their length, likewise
    low: float  # the smallest and the largest of its weights, without biases
    high: float
    counts: tuple[int, ...]  # weights in as many parts of the range, of equal width


@dataclass(frozen=True, slots=True)
class ActivationFlow:
    """The output of a non-linearity for a few training images, the same ones after each epoch, in evaluation mode."""

    path: str
    kind: str  # as the layer table names it: "ReLU"
    images: int
    low: float
    high: float
    counts: tuple[int, ...]  # values in as many parts of the range, of equal width; () where they are no numbers
    zeros: float  # share of the values that are 0, 0..1
    silent: int  # channels, or units, that are 0 for all of the images
    channels: int
    saturated: float | None  # share of a sigmoid's or a tanh's values near its ends; None for other kinds


@dataclass(frozen=True, slots=True)
class EpochFlow:
    """One epoch."""

    epoch: int
    layers: tuple[LayerFlow, ...]
    kernels: tuple[int, ...]  # shape of the first convolution's kernels that are kept: outputs, inputs, height, width; () for none
    values: tuple[float, ...]  # theirs, row by row, with four digits
    activations: tuple[ActivationFlow, ...] = ()  # of the first non-linearity, the last, and some between


class Recorder:
    """Writes the epochs of one run from one process."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / FILE
        self._cleaned = False  # the file has only epochs before those that this process writes

    def write(self, flow: EpochFlow) -> None:
        """Where the disk refuses, the epoch stays unrecorded: a training does not end for this file."""
        line = _line(asdict(flow))
        with suppress(OSError):
            if not self._cleaned:
                self._drop_from(flow.epoch)
                self._cleaned = True
            with self._path.open("a", encoding="utf-8") as file:
                if file.tell() + len(line) <= LARGEST:
                    file.write(line)

    def _drop_from(self, epoch: int) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        kept = "".join(_line(each) for each in _records(self._path) if each["epoch"] < epoch)
        if not self._path.exists() or kept != self._path.read_text(encoding="utf-8", errors="replace"):
            self._path.write_text(kept, encoding="utf-8")


def read(folder: Path) -> tuple[EpochFlow, ...]:
    """The recorded epochs in order; none where there is no file, as for a run of an early version."""
    return tuple(
        EpochFlow(
            each["epoch"],
            tuple(LayerFlow(**_counted(layer)) for layer in each["layers"]),
            tuple(each["kernels"]),
            tuple(each["values"]),
            tuple(ActivationFlow(**_counted(layer)) for layer in each.get("activations", ())),
        )
        for each in _records(folder / FILE)
    )


def file_bytes(epochs: int) -> int:
    """About what the file takes after `epochs` of LeNet. A deep network takes 20 kB an epoch, little beside its checkpoints."""
    return min(LARGEST, 3_400 * (epochs + 1))


def _counted(layer: dict[str, Any]) -> dict[str, Any]:
    return layer | {"counts": tuple(layer["counts"])}


def _records(path: Path) -> Iterable[dict[str, Any]]:
    """The whole lines, each epoch once and in order; what comes after a torn line is left out."""
    try:
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return
    last = -1
    for line in lines:
        try:
            record = json.loads(line)
            complete = isinstance(record, dict) and record.keys() - {"activations"} == {"epoch", "layers", "kernels", "values"}
        except ValueError:
            return
        if not complete or not isinstance(record["epoch"], int) or record["epoch"] <= last:
            return
        last = record["epoch"]
        yield record


def _line(record: dict[str, Any]) -> str:
    return json.dumps(record, separators=(",", ":")) + "\n"
