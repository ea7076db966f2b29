"""ResNet-18 and -34 (He et al., 2015), as d2l 8.6 builds them: convolutions keep their bias, and shortcuts have no batch norm."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cnnlab.architectures import options as o
from cnnlab.architectures.registry import Shape, register

if TYPE_CHECKING:
    from torch import nn

CHANNELS = (64, 128, 256, 512)
BLOCKS = {18: (2, 2, 2, 2), 34: (3, 4, 6, 3)}  # in each stage, by depth


@register(
    "resnet",
    title="ResNet",
    year=2015,
    paper="He, Zhang, Ren, Sun (2015). Deep residual learning for image recognition.",
    summary="Shortcuts let a network be deep and still learn: switch them off at depth 34 to see what they are for.",
    input_shape=(1, 96, 96),  # the size d2l trains it at; the paper's is 3×224×224
    usual_size="d2l's size",
    parameters=11_178_378,
    macs=318_657_536,
    options=(o.depth(18, (18, 34)), o.width_divisor(), o.shortcuts(), *o.usual("relu", "max", drop=0.0, norm=True)),
)
def resnet(
    input_shape: Shape, classes: int, *, depth: int, width_divisor: int, shortcuts: bool, pooling: str, dropout: float, **style: Any
) -> nn.Module:
    from cnnlab.architectures import blocks

    inputs = max(1, CHANNELS[0] // width_divisor)
    stem = blocks.convolution("", input_shape[0], inputs, 7, stride=2, padding=3, **style)
    stem["pool"] = blocks.pool(pooling, 3, stride=2, padding=1)
    stages: dict[str, nn.Module] = {"stem": blocks.chain(stem)}  # 64×24×24
    for stage, (channels, count) in enumerate(zip(CHANNELS, BLOCKS[depth], strict=True), start=1):
        outputs = max(1, channels // width_divisor)
        layers: dict[str, nn.Module] = {}
        for number in range(1, count + 1):
            stride = 2 if number == 1 and stage > 1 else 1
            layers[f"block{number}"] = blocks.Residual(inputs, outputs, stride=stride, shortcuts=shortcuts, **style)
            inputs = outputs
        stages[f"stage{stage}"] = blocks.chain(layers)  # 64×24×24 · 128×12×12 · 256×6×6 · 512×3×3
    stages["classifier"] = blocks.chain(blocks.pooled_output("average", inputs, classes, dropout=dropout))
    return blocks.chain(stages)
