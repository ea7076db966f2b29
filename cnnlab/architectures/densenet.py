"""DenseNet-121 (Huang et al., 2016), scaled for small images.

The blocks (6, 12, 24, 16), bottlenecks and halving transitions are the paper's. Its stem, 7×7 stride 2 and a pool, would leave a
32×32 image with maps of 1×1 in the last block; here one 3×3 convolution takes its place, as in the paper's own networks for
CIFAR-10. Their growth of 12 channels a layer is the default too, about a million parameters; 32 gives DenseNet-121's width.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cnnlab.architectures import options as o
from cnnlab.architectures.registry import Shape, register

if TYPE_CHECKING:
    from torch import nn

LAYERS = (6, 12, 24, 16)  # in each dense block


@register(
    "densenet",
    title="DenseNet",
    year=2016,
    paper="Huang, Liu, van der Maaten, Weinberger (2016). Densely connected convolutional networks.",
    summary="Every layer sees the maps of all layers before it in its block and adds a few: 121 layers deep, yet few parameters.",
    input_shape=(3, 32, 32),
    usual_size="the size of CIFAR-10",
    parameters=1_000_618,
    macs=125_341_440,
    options=(
        o.Option(
            "growth",
            "Growth",
            "int",
            12,
            "Channels that each layer adds; 32 gives the paper's DenseNet-121.",
            minimum=1,
            maximum=64,
        ),
        *o.usual("relu", "average", drop=0.0, norm=True),
    ),
)
def densenet(input_shape: Shape, classes: int, *, growth: int, pooling: str, dropout: float, **style: Any) -> nn.Module:
    from torch import nn

    from cnnlab.architectures import blocks

    channels = 2 * growth
    stages: dict[str, nn.Module] = {"stem": blocks.chain({"conv": nn.Conv2d(input_shape[0], channels, 3, padding=1, bias=False)})}
    for stage, count in enumerate(LAYERS, start=1):
        layers: dict[str, nn.Module] = {}
        for number in range(1, count + 1):
            layers[f"layer{number}"] = blocks.DenseLayer(channels, growth, dropout=dropout, **style)
            channels += growth
        stages[f"block{stage}"] = blocks.chain(layers)  # 96×32×32 · 192×16×16 · 384×8×8 · 384×4×4
        if stage < len(LAYERS):
            # Half the channels, half the height and width.
            transition = blocks.preactivation("", channels, **style)
            transition |= {"conv": nn.Conv2d(channels, channels // 2, 1, bias=False), "pool": blocks.pool(pooling, 2, stride=2)}
            stages[f"transition{stage}"] = blocks.chain(transition)
            channels //= 2
    classifier = blocks.preactivation("", channels, **style) | blocks.pooled_output("average", channels, classes, dropout=dropout)
    return blocks.chain(stages | {"classifier": blocks.chain(classifier)})
