"""LeNet-5 (LeCun et al., 1998), as the course builds it (d2l 7.6): sigmoid and average pooling."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cnnlab.architectures import options as o
from cnnlab.architectures.registry import Shape, register

if TYPE_CHECKING:
    from torch import nn


@register(
    "lenet",
    title="LeNet-5",
    year=1998,
    paper="LeCun, Bottou, Bengio, Haffner (1998). Gradient-based learning applied to document recognition.",
    summary="Two convolutions find patterns, three dense layers decide; more than 90 % of its parameters sit in the dense layers.",
    input_shape=(1, 28, 28),
    parameters=61_706,
    macs=416_520,
    options=(
        o.activation("sigmoid"),
        o.pooling("average"),
        o.batch_norm(),
        o.dropout(0.0),
        o.Option("channels", "Channels", "ints", (6, 16), "How many patterns each convolution looks for.", minimum=1, maximum=512),
        o.Option("kernel_size", "Kernel size", "choice", 5, "Side of the square window that a convolution looks through, in pixels.", choices=(3, 5, 7)),
        o.Option("hidden", "Hidden layers", "ints", (120, 84), "Number of units in each dense layer before the last.", minimum=1, maximum=8192),
    ),
)
def lenet(
    input_shape: Shape,
    classes: int,
    *,
    activation: str,
    pooling: str,
    batch_norm: bool,
    dropout: float,
    channels: tuple[int, ...],
    kernel_size: int,
    hidden: tuple[int, ...],
) -> nn.Module:
    ...
