"""What is known of a kind of layer: the form of a row of the table in `kinds.py`. Needs no torch."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from cnnlab.architectures import receptive
from cnnlab.architectures.receptive import Field, Sizes

Category = Literal[
    "convolution", "pooling", "adaptive pooling", "dense", "normalisation", "activation", "dropout", "join", "view", "other"
]
Kept = Literal["input", "output", "indices", "mask"]


def same_shape(_layer: Any, given: Sizes) -> Sizes:
    return given


@dataclass(frozen=True, slots=True)
class Arguments:
    """What the class of a layer is called with, by the names of the layer's attributes."""

    first: tuple[str, ...] = ()  # in order, without their names
    named: tuple[tuple[str, Any], ...] = ()  # with PyTorch's default, at which they need not be written


@dataclass(frozen=True, slots=True)
class Kind:
    """What holds for every layer of one kind. Shapes have no batch dimension, except those of `shape`."""

    title: str  # in a sentence: "its third max-pool"
    category: Category  # which decides the colour of its box
    brief: Callable[[Any], str] = lambda _layer: ""  # settings in a sentence: "3/2"
    settings: Callable[[Any, list[Sizes], Sizes], str] = lambda *_: ""  # in the table, from the shapes of its inputs and output
    shape: Callable[..., Sizes | None] | None = same_shape  # from the shapes of its inputs; None where PyTorch has to find it
    field: Callable[[Any, Field, Sizes, Sizes], Field | None] = receptive.unchanged
    macs: Callable[[Any, Sizes, Sizes], int] = lambda *_: 0  # for one image, from the shapes of its first input and output
    arguments: Arguments | None = None  # with which its class makes it; None where it is not written as code
    keeps: tuple[Kept, ...] = ()  # from the forward pass until the backward pass; a layer with () only hands gradients on

    @property
    def keeps_shape(self) -> bool:
        return self.shape is same_shape
