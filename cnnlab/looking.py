"""What pages ask about the inside of a run's network: layers, maps, kernels, and why it answers as it does. Needs no torch."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from cnnlab import epoch_flow, epoch_weights
from cnnlab.datasets import own as own_sets
from cnnlab.datasets.known import classes_of
from cnnlab.epoch_flow import EpochFlow
from cnnlab.inside_values import (
    Attribution,
    ByHand,
    InsideNetwork,
    Kernels,
    Look,
    Maps,
    Method,
    Modes,
    Neighbours,
    Numbers,
    OwnPixels,
    Seen,
)
from cnnlab.system.home import run_folder
from cnnlab.values import Checkpoint, EvaluatedRun

PATIENCE = 100.0  # seconds for an attribution: occlusion runs the network up to two hundred times


class Looking:
    """Questions about the networks of one lab. All raise CheckpointError where a run has no checkpoint that can be read."""

    def __init__(self, home: Path, ask: Callable[..., Any], evaluated: Callable[[str], EvaluatedRun]) -> None:
        self._home = home
        self._ask = ask
        self._evaluated = evaluated

    def look(
        self, run_id: str, *, checkpoint: Checkpoint = "best", epoch: int | None = None, image: int = 0,
        own: OwnPixels | None = None, right: int = 0, down: int = 0,
    ) -> Look:  # fmt: skip
        """The run's network before a test image or an own picture, moved by some pixels. Raises RunNotFound."""
        return Look(self._evaluated(run_id), checkpoint, image, right, down, epoch, own)

    def network(self, run_id: str, checkpoint: Checkpoint = "best", epoch: int | None = None) -> InsideNetwork:
        """With the weights of a checkpoint, or those kept after `epoch`. Raises RunNotFound."""
        run = self._evaluated(run_id)
        network: InsideNetwork = self._ask("inside_network", run=run, checkpoint=checkpoint, epoch=epoch)
        return replace(network, classes=classes_of(run.dataset, network.classes)) if own_sets.is_name(run.dataset) else network

    def kept_epochs(self, run_id: str) -> tuple[int, ...]:
        """The epochs whose weights are kept, in order; 0 is before training. None of a large network. Raises RunNotFound."""
        return epoch_weights.kept(run_folder(self._home, self._evaluated(run_id).id))

    def seen(self, look: Look) -> Seen:
        return self._ask("seen", look=look)

    def maps(self, look: Look, layer: str, *, first: int, count: int) -> Maps:
        """Raises ConfigError for a layer that the network does not have."""
        return self._ask("maps", look=look, layer=layer, first=first, count=count)

    def sheet(self, look: Look, layer: str, *, first: int, count: int) -> str:
        """Some channels as one picture, a data URI. Raises ConfigError for a layer without maps."""
        return self._ask("sheet", look=look, layer=layer, first=first, count=count)

    def numbers(self, look: Look, layer: str, *, first: int, count: int) -> Numbers:
        """The values of some channels. Raises ConfigError for a layer that the network does not have."""
        return self._ask("numbers", look=look, layer=layer, first=first, count=count)

    def attributed(self, look: Look, method: Method, target: int | None = None) -> Attribution:
        """What speaks for a class, at first the predicted one. Raises ConfigError where the network has no maps to weigh."""
        return self._ask("attributed", deadline=PATIENCE, look=look, method=method, target=target)

    def neighbours(self, look: Look, count: int = 8) -> Neighbours:
        """The training images most like the image, for this network. Raises ConfigError."""
        return self._ask("neighbours", look=look, count=count)

    def modes(self, look: Look) -> Modes:
        """The image in eval(), and in train() in batches of different sizes."""
        return self._ask("modes", look=look)

    def over_the_epochs(self, run_id: str) -> tuple[EpochFlow, ...]:
        """What was recorded of gradients, weights and activations after each epoch; nothing of a run of an early version.

        Raises RunNotFound.
        """
        return epoch_flow.read(run_folder(self._home, self._evaluated(run_id).id))

    def kernels(self, look: Look, layer: str, *, first: int, count: int) -> Kernels:
        """Raises ConfigError for a layer that is no convolution."""
        return self._ask("kernels", look=look, layer=layer, first=first, count=count)

    def worked_out(self, look: Look, layer: str, *, channel: int, row: int, column: int, reads: int = 0) -> ByHand:
        """One output value. Raises ConfigError for a layer without a window, and for a place outside its output."""
        return self._ask("worked_out", look=look, layer=layer, channel=channel, row=row, column=column, reads=reads)
