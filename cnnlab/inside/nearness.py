"""Where images lie for a network: the values of its last hidden layer, and the distances between them."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import torch
from torch import Tensor, nn


def features(
    model: nn.Module, path: str, images: Tensor, prepare: Callable[[Tensor], Tensor], *, batch: int, given: bool
) -> Tensor:  # fmt: skip
    """What enters (`given`) or leaves the layer `path` for each of the uint8 `images` N×C×H×W, as N×D float32."""
    found: list[Tensor] = []

    def record(_module: nn.Module, entered: tuple[Tensor, ...], made: Tensor) -> None:
        found.append((entered[0] if given else made).flatten(1).float().clone())

    handle = model.get_submodule(path).register_forward_hook(record)
    try:
        with torch.no_grad():
            for some in images.split(batch):
                model(prepare(some))
    finally:
        handle.remove()
    return torch.cat(found)


def nearest(one: Tensor, many: Tensor, count: int) -> Iterable[tuple[int, float]]:
    """The rows of `many` (N×D) nearest to `one` (D), nearest first, each with its Euclidean distance; at most `count`."""
    # Not cdist, which computes by a matrix product and finds a small distance between equal rows.
    distances = torch.linalg.vector_norm(many - one, dim=1)
    found = torch.sort(distances, stable=True)  # equal ones as they come, so that an answer is the same each time
    return zip(found.indices[:count].tolist(), found.values[:count].tolist(), strict=True)
