"""What the non-linearities of a network give for a few images: how the values are distributed, which channels are silent."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor, nn

from cnnlab.architectures.kinds import kind_of
from cnnlab.epoch_flow import ActivationFlow
from cnnlab.training.histogram import histogram

MOST_LAYERS = 16  # of a deep network; more would double its file
IMAGES, FEWEST, SHARE = 32, 4, 256  # at most, at least, and one of so many: looking costs little beside an epoch
SATURATED = {"Sigmoid": (0.05, 0.95), "Tanh": (-0.95, 0.95)}  # beyond these, the gradient is less than a fifth of its largest


def watched_layers(model: nn.Module) -> dict[str, nn.Module]:
    """The non-linearities by their paths; of many the first, the last, and some evenly between them."""
    every = [(path, module) for path, module in model.named_modules() if kind_of(module).category == "activation"]
    if len(every) <= MOST_LAYERS:
        return dict(every)
    return dict(every[round(place * (len(every) - 1) / (MOST_LAYERS - 1))] for place in range(MOST_LAYERS))


def activity(model: nn.Module, layers: dict[str, nn.Module], given: Tensor) -> tuple[ActivationFlow, ...]:
    """What `layers` of the model give for its inputs `given` (N×C×H×W), in order of execution, in evaluation mode.

    Nothing is drawn at random and no average of batch norm moves, so the training is the same with it and without.
    """
    found: dict[str, ActivationFlow] = {}

    def record(path: str) -> Any:
        def hook(module: nn.Module, _given: tuple[Tensor, ...], made: Tensor) -> None:
            if path not in found:  # of one that runs twice, the first time
                found[path] = _described(path, type(module).__name__, made.float())

        return hook

    handles = [module.register_forward_hook(record(path)) for path, module in layers.items()]
    was_training = model.training
    model.eval()
    try:
        with torch.inference_mode():
            model(given)
    finally:
        model.train(was_training)
        for handle in handles:
            handle.remove()
    return tuple(found.values())


def _described(path: str, kind: str, made: Tensor) -> ActivationFlow:
    low, high, total = made.min().item(), made.max().item(), made.numel()
    finite, ends = math.isfinite(low + high), SATURATED.get(kind)
    zero = made == 0
    return ActivationFlow(
        path=path,
        kind=kind,
        images=len(made),
        low=float(f"{low:.5g}") if finite else 0.0,
        high=float(f"{high:.5g}") if finite else 0.0,
        counts=histogram(made, low, high) if finite else (),
        zeros=round(int(zero.sum()) / total, 5),
        silent=int(zero.transpose(0, 1).flatten(1).all(1).sum()),
        channels=made.shape[1],
        saturated=round(int(((made < ends[0]) | (made > ends[1])).sum()) / total, 5) if ends else None,
    )
