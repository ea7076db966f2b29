"""What is exported: a run, the network of its checkpoint, and the test images that an export is checked with."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from cnnlab.architectures import card
from cnnlab.config import RunConfig
from cnnlab.datasets import loading
from cnnlab.datasets.loading import ImageData
from cnnlab.datasets.places import Places
from cnnlab.errors import CheckpointError
from cnnlab.events import EpochDone
from cnnlab.i18n import say
from cnnlab.layers import LayerTable
from cnnlab.layers.trace import layer_table
from cnnlab.runs.records import Run
from cnnlab.system.home import run_folder
from cnnlab.training import checkpoints
from cnnlab.training.transforms import Preparation

# Multiply-accumulates of a check: on two cores one or two minutes. All but the largest networks then check every test image.
_MOST_MACS = 3 * 10**12
_LEAST_IMAGES = 100


@dataclass(frozen=True)
class Subject:
    """A run to export. The network is in evaluation mode, on the CPU."""

    run: Run
    epochs: tuple[EpochDone, ...]
    file: Path  # of the checkpoint
    checkpoint: checkpoints.Checkpoint
    model: nn.Module
    preparation: Preparation
    data: ImageData  # as the run used it, its test images all

    @property
    def config(self) -> RunConfig:
        return self.run.config

    @property
    def classes(self) -> tuple[str, ...]:
        return tuple(self.checkpoint["classes"])

    @property
    def epoch(self) -> int:
        """The epoch after which the weights were kept."""
        return self.checkpoint["epoch"]

    @cached_property
    def table(self) -> LayerTable:
        return layer_table(self.config.architecture, self.config.input_shape, len(self.classes), self.config.options)

    @property
    def checked_images(self) -> Tensor:
        """The test images that exports are checked with: all, or for a large network the first ones."""
        count = max(_LEAST_IMAGES, _MOST_MACS // max(1, self.table.macs))
        return self.data.test_images[:count]

    @cached_property
    def reference(self) -> Tensor:
        """The logits of the run's network for `checked_images`, in float32 on the CPU."""
        with torch.inference_mode():
            parts = self.checked_images.split(self.config.batch_size)
            return torch.cat([self.model(self.preparation.test(part)) for part in parts])

    @property
    def recorded(self) -> tuple[int, int]:
        """How many of the predictions that the run recorded the reference repeats, and how many those are."""
        kept = self.checkpoint["test_predicted"][: len(self.reference)].long()
        return int((kept == self.reference.argmax(1)).sum()), len(kept)


def subject(home: Path, run: Run, epochs: Sequence[EpochDone], data: Path | None, which: str = "best") -> Subject:
    """The run with its checkpoint "best" or "last"; `data` is the folder of the run's images.

    Raises CheckpointError where it has none that can be read, DataError where the images are not there.
    """
    file = run_folder(home, run.id) / {"best": checkpoints.BEST, "last": checkpoints.LAST}[which]
    kept = checkpoints.load(file)
    if kept["test_predicted"] is None:
        raise CheckpointError(say("This run has evaluated no test images yet: it does so when its first epoch is done."))
    channels, height, width = kept["input_shape"]
    model = card(run.config.architecture).draft((channels, height, width), len(kept["classes"]), run.config.options)
    model.load_state_dict(kept["model"], assign=True)
    model.to(memory_format=torch.contiguous_format)  # as exports have it: in another order sums have other last digits
    images = loading.load(run.config.dataset, Places(home, data))
    images = images.take(run.config.data_share, run.config.limit, run.config.seed)
    if len(images.test_labels) != len(kept["test_predicted"]):
        raise CheckpointError(
            say(
                "The run was tested on {total:,} images, but {name} has {count:,} now; "
                "put the images back that it was trained with.",
                total=len(kept["test_predicted"]),
                name=images.name,
                count=len(images.test_labels),
            )
        )
    prepared = Preparation(**{name: _pairs(value) for name, value in kept["preparation"].items()})
    return Subject(run, tuple(epochs), file, kept, model.eval(), prepared, images)


def _pairs(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value
