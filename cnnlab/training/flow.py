"""How gradients flow through a network, its weights move and its activations spread, layer by layer, for the page Inside.

Watched are a few batches of each epoch: to copy the weights and measure gradients at every step would take as long as the step of a
small network. On a GPU nothing waits until the epoch is recorded.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from cnnlab.epoch_flow import EpochFlow, LayerFlow, Recorder
from cnnlab.layers.memory import evaluation_batch
from cnnlab.training.activity import FEWEST, IMAGES, SHARE, activity, watched_layers
from cnnlab.training.histogram import histogram

if TYPE_CHECKING:
    from cnnlab.training.session import Session

WATCHED = 4  # batches of an epoch, spread over it; the last is one of them
DEEP = 32  # layers with weights, beyond which half as many are watched
MOST_KERNELS = 16  # output channels of the first convolution that are kept
MOST_VALUES = 2_048  # of their weights: input channels beyond are left out


class Flow:
    """Watches the training of `model` and records each epoch in `folder`; without a folder nothing is watched.

    `images` gives the inputs N×C×H×W whose activations are recorded, the same ones each time.
    """

    def __init__(self, model: nn.Module, folder: Path | None, images: Callable[[], Tensor] | None = None) -> None:
        self._recorder = Recorder(folder) if folder is not None else None
        self._layers = {
            path: own for path, module in model.named_modules() if (own := [*module.parameters(recurse=False)]) and own[0].ndim > 1
        }
        self._parts = WATCHED if len(self._layers) <= DEEP else WATCHED // 2
        self._model, self._images, self._activations = model, images, watched_layers(model)
        self._watched: list[Tensor] = []  # of each batch: 2×L, gradients and updates

    def begin_epoch(self) -> None:
        self._watched = []

    def advance(self, step: Callable[[], None], batch: int, batches: int) -> None:
        """Calls `step`, which trains on batch number `batch` (from 0), and watches some of them."""
        if self._recorder is None or not is_watched(batch, batches, self._parts):
            step()
            return
        weights = [weight for own in self._layers.values() for weight in own]
        before = [weight.detach().clone() for weight in weights]
        step()
        with torch.no_grad():
            gradients = [torch.zeros_like(weight) if weight.grad is None else weight.grad for weight in weights]
            moved = torch._foreach_sub([weight.detach() for weight in weights], before)
            lengths = [torch._foreach_norm(each) for each in (gradients, moved, before)]
            gradient, update, length = (self._by_layer(each) for each in lengths)
            self._watched.append(torch.stack([gradient, update / length.clamp(min=1e-30)]))

    def record(self, epoch: int) -> None:
        """Writes the epoch; 0 is the network before training."""
        if self._recorder is None:
            return
        means = torch.stack(self._watched).double().mean(0).tolist() if self._watched else [[None] * len(self._layers)] * 2
        layers = tuple(
            LayerFlow(path, _rounded(gradient), _rounded(update), *_histogram(own[0].detach()))
            for (path, own), gradient, update in zip(self._layers.items(), *means, strict=True)
        )
        active = activity(self._model, self._activations, self._images()) if self._images and self._activations else ()
        self._recorder.write(EpochFlow(epoch, layers, *self._kernels(), active))

    def _by_layer(self, norms: tuple[Tensor, ...]) -> Tensor:
        """The lengths of the layers, from those of their weights and biases."""
        ends = iter(norms)
        return torch.stack([torch.linalg.vector_norm(torch.stack([next(ends) for _ in own])) for own in self._layers.values()])

    def _kernels(self) -> tuple[tuple[int, ...], tuple[float, ...]]:
        """The first convolution's kernels, as many as are kept, with their shape."""
        first = next((module for module in self._model.modules() if isinstance(module, nn.Conv2d)), None)
        if first is None:
            return (), ()
        kernels = first.weight.detach()[:MOST_KERNELS]
        kernels = kernels[:, : max(1, MOST_VALUES // kernels[:, 0].numel())]
        return tuple(kernels.shape), tuple(float(f"{value:.4g}") for value in kernels.flatten().tolist())


def looked_at(session: Session) -> Tensor:
    """The network's input for a few training images, spread over all, since folders of pictures come class by class."""
    size = session.config.image_size
    total = len(session.train_images)
    few = max(FEWEST, total // SHARE)  # of a small set, so that it takes no longer beside its epoch than of a large one
    most = min(IMAGES, few, evaluation_batch(size, session.device.type, session.config.batch_size))
    return session.preparation.test(session.train_images[:: max(1, total // most)][:most])


def is_watched(batch: int, batches: int, parts: int = WATCHED) -> bool:
    """Whether batch number `batch` (from 0) is watched: one at the end of each of the epoch's `parts`, or all of a few."""
    return batch + 1 in {math.ceil(part * batches / parts) for part in range(1, parts + 1)}


def _histogram(weights: Tensor) -> tuple[float, float, tuple[int, ...]]:
    """The smallest and the largest weight, and how many are in each part of the range between them."""
    low, high = weights.min().item(), weights.max().item()
    if not math.isfinite(low + high):
        return 0.0, 0.0, ()
    return float(f"{low:.5g}"), float(f"{high:.5g}"), histogram(weights, low, high)


def _rounded(value: float | None) -> float | None:
    return float(f"{value:.5g}") if value is not None and math.isfinite(value) else None
