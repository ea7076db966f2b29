"""VGG (Simonyan and Zisserman, 2014), as the course builds it (d2l 8.2): blocks of 3×3 convolutions, each ended by a pool."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cnnlab.architectures import options as o
from cnnlab.architectures.registry import Shape, register

if TYPE_CHECKING:
    from torch import nn

CHANNELS = (64, 128, 256, 512, 512)
CONVOLUTIONS = {11: (1, 1, 2, 2, 2), 13: (2, 2, 2, 2, 2), 16: (2, 2, 3, 3, 3), 19: (2, 2, 4, 4, 4)}  # in each block, by depth


@register(
    "vgg",
    title="VGG",
    year=2014,
    paper="Simonyan, Zisserman (2014). Very deep convolutional networks for large-scale image recognition.",
    summary="Blocks of 3×3 convolutions halve the size and double the channels; its first dense layer holds most parameters.",
    input_shape=(1, 224, 224),
    parameters=128_806_154,
    macs=7_547_232_256,
    options=(o.depth(11, (11, 13, 16, 19)), o.width_divisor(), *o.usual("relu", "max", drop=0.5), o.kernel_size(3)),
)
def vgg(
    input_shape: Shape,
    classes: int,
    *,
    depth: int,
    width_divisor: int,
    pooling: str,
    dropout: float,
    kernel_size: int,
    **style: Any,
) -> nn.Module:
    from torch import nn

    from cnnlab.architectures import blocks
    from cnnlab.architectures.building import flattened_size

    stages: dict[str, nn.Module] = {}
    inputs = input_shape[0]
    for number, (convolutions, channels) in enumerate(zip(CONVOLUTIONS[depth], CHANNELS, strict=True), start=1):
        outputs = max(1, channels // width_divisor)
        layers: dict[str, nn.Module] = {}
        for step in range(1, convolutions + 1):
            layers |= blocks.convolution(step, inputs, outputs, kernel_size, padding=kernel_size // 2, **style)
            inputs = outputs
        layers["pool"] = blocks.pool(pooling, 2, stride=2)  # 64×112×112 · 128×56×56 · 256×28×28 · 512×14×14 · 512×7×7
        stages[f"block{number}"] = blocks.chain(layers)
    hidden = max(1, 4096 // width_divisor)
    width = flattened_size(blocks.chain(stages), input_shape)  # 25088
    dense = blocks.hidden_layers(width, (hidden, hidden), dropout=dropout, **style)
    stages["classifier"] = blocks.chain({"flatten": nn.Flatten()} | dense | {"output": nn.Linear(hidden, classes)})
    return blocks.chain(stages)
