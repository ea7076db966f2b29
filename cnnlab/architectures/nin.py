"""Network in Network (Lin et al., 2013), as the course builds it (d2l 8.3): 1×1 convolutions, and no dense layer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cnnlab.architectures import options as o
from cnnlab.architectures.registry import Shape, register

if TYPE_CHECKING:
    from torch import nn


@register(
    "nin",
    title="NiN",
    year=2013,
    paper="Lin, Chen, Yan (2013). Network in network.",
    summary="AlexNet's windows with a fifteenth of its parameters: 1×1 convolutions mix channels, averages replace dense layers.",
    input_shape=(1, 224, 224),
    parameters=1_992_166,
    macs=762_297_352,
    options=(*o.usual("relu", "max", drop=0.5), o.width_divisor()),
)
def nin(
    input_shape: Shape, classes: int, *, activation: str, pooling: str, batch_norm: bool, dropout: float, width_divisor: int
) -> nn.Module:
    from torch import nn

    from cnnlab.architectures import blocks

    c1, c2, c3 = (max(1, width // width_divisor) for width in (96, 256, 384))

    def block(inputs: int, outputs: int, kernel: int, *, scores: bool = False, **window: int) -> nn.Module:
        layers = blocks.convolution(1, inputs, outputs, kernel, activation=activation, batch_norm=batch_norm, **window)
        layers |= blocks.convolution(2, outputs, outputs, 1, activation=activation, batch_norm=batch_norm)
        # No batch norm on class scores, because it would rescale the network's confidence.
        norm_last = batch_norm and not scores
        return blocks.chain(layers | blocks.convolution(3, outputs, outputs, 1, activation=activation, batch_norm=norm_last))

    layers: dict[str, nn.Module] = {
        "nin1": block(input_shape[0], c1, 11, stride=4),  # 96×54×54
        "pool1": blocks.pool(pooling, 3, stride=2),  # 96×26×26
        "nin2": block(c1, c2, 5, padding=2),  # 256×26×26
        "pool2": blocks.pool(pooling, 3, stride=2),  # 256×12×12
        "nin3": block(c2, c3, 3, padding=1),  # 384×12×12
        "pool3": blocks.pool(pooling, 3, stride=2),  # 384×5×5
    }
    if dropout > 0:
        layers["dropout"] = nn.Dropout(dropout)
    # One channel per class, so averaging replaces dense layers.
    layers["nin4"] = block(c3, classes, 3, padding=1, scores=True)  # K×5×5
    layers["pool4"] = nn.AdaptiveAvgPool2d(1)
    layers["flatten"] = nn.Flatten()
    return blocks.chain(layers)
