"""LeNet-5 (LeCun et al., 1998), as the course builds it (d2l 7.6): sigmoid and average pooling."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

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
        *o.usual("sigmoid", "average", drop=0.0),
        o.Option("channels", "Channels", "ints", (6, 16), "How many patterns each convolution looks for.", minimum=1, maximum=512),
        o.kernel_size(5),
        o.hidden((120, 84)),
    ),
)
def lenet(
    input_shape: Shape,
    classes: int,
    *,
    pooling: str,
    dropout: float,
    channels: tuple[int, ...],
    kernel_size: int,
    hidden: tuple[int, ...],
    **style: Any,
) -> nn.Module:
    from torch import nn

    from cnnlab.architectures import blocks
    from cnnlab.architectures.building import flattened_size

    layers: dict[str, nn.Module] = {}
    inputs, stages = input_shape[0], len(channels)
    for number, outputs in enumerate(channels, start=1):
        # Only the first convolution is padded: today's digits have 28×28 pixels, those of 1998 had 32×32.
        padding = kernel_size // 2 if number == 1 else 0
        layers |= blocks.convolution(number, inputs, outputs, kernel_size, padding=padding, **style)
        layers[f"pool{number}"] = blocks.pool(pooling, 2, stride=2)  # 6×14×14, then 16×5×5
        inputs = outputs
    layers["flatten"] = nn.Flatten()  # 400
    width = flattened_size(blocks.chain(layers), input_shape)
    layers |= blocks.hidden_layers(width, hidden, dropout=dropout, first_number=stages + 1, **style)
    return blocks.chain(layers | {"output": nn.Linear(hidden[-1], classes)})
