"""What enters and leaves the layers of a network while it looks at an image."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn


@dataclass(frozen=True, slots=True)
class Passed:
    """One layer in one forward pass, without the batch dimension."""

    given: Tensor  # its first input
    made: Tensor


def passed(model: nn.Module, image: Tensor, paths: Iterable[str]) -> tuple[Tensor, dict[str, Passed]]:
    """The logits for `image` (1×C×H×W), and what entered and left the layers `paths`; of one that runs twice, the first time."""
    found: dict[str, Passed] = {}
    with torch.no_grad(), _listening(model, paths, found):
        logits = model(image)
    return logits[0], found


@contextmanager
def _listening(model: nn.Module, paths: Iterable[str], found: dict[str, Passed]) -> Iterator[None]:
    def record(path: str) -> Any:
        def hook(_module: nn.Module, given: tuple[Tensor, ...], made: Tensor | tuple[Tensor, ...]) -> None:
            output = made if isinstance(made, Tensor) else made[0]  # an attention also gives its weights
            if path not in found:  # copies: a block may add to them in place
                found[path] = Passed(given[0][0].clone(), output[0].clone())

        return hook

    handles = [model.get_submodule(path).register_forward_hook(record(path)) for path in paths]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def moved(image: Tensor, right: int, down: int) -> Tensor:
    """An image C×H×W moved by some pixels; what comes in from outside is black."""
    height, width = image.shape[-2:]
    result = torch.zeros_like(image)
    if abs(right) < width and abs(down) < height:
        rows, columns = slice(max(0, down), height + min(0, down)), slice(max(0, right), width + min(0, right))
        source = slice(max(0, -down), height - max(0, down)), slice(max(0, -right), width - max(0, right))
        result[..., rows, columns] = image[(..., *source)]
    return result


def change(before: Tensor, after: Tensor) -> float:
    """How far `after` is from `before`, relative to the length of `before`: 0 is no change."""
    length, distance = torch.linalg.vector_norm(before).item(), torch.linalg.vector_norm(after - before).item()
    return distance / length if length else float(distance > 0)
