"""The multilayer perceptron, as the course's baseline (d2l 5.1): no convolution at all."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cnnlab.architectures import options as o
from cnnlab.architectures.registry import Shape, register

if TYPE_CHECKING:
    from torch import nn


@register(
    "mlp",
    title="MLP",
    year=1986,
    paper="Rumelhart, Hinton, Williams (1986). Learning representations by back-propagating errors.",
    summary="The baseline: every pixel is joined to every unit, so it cannot know that neighbouring pixels belong together.",
    input_shape=(1, 28, 28),
    parameters=203_530,
    macs=203_264,
    options=(o.activation("relu"), o.batch_norm(), o.dropout(0.0), o.hidden((256,))),
)
def mlp(
    input_shape: Shape, classes: int, *, activation: str, batch_norm: bool, dropout: float, hidden: tuple[int, ...]
) -> nn.Module:
    from math import prod

    from torch import nn

    from cnnlab.architectures import blocks

    layers: dict[str, nn.Module] = {"flatten": nn.Flatten()}  # 784
    layers |= blocks.hidden_layers(prod(input_shape), hidden, activation=activation, batch_norm=batch_norm, dropout=dropout)
    return blocks.chain(layers | {"output": nn.Linear(hidden[-1], classes)})
