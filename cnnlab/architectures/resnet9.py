"""ResNet-9 (Page, 2018): a residual network cut down to what learns CIFAR-10 in the shortest time.

It follows its author's program for the DAWNBench competition. Convolutions have no bias where batch norm follows, which has a shift
of its own. A residual block activates the values that it adds, and nothing comes after the addition. The last layer multiplies the
logits by 1/8: the maxima of 512 channels are large, and at this network's learning rates the dense layer would diverge. One thing
differs: the last pool covers the whole map, not 4×4 of it, so that images of any size fit.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from cnnlab.architectures import options as o
from cnnlab.architectures.registry import Shape, register

if TYPE_CHECKING:
    from torch import nn

TIMES = (2, 4, 8)  # channels of each stage, in widths
RESIDUAL = (1, 3)  # the stages that end with a residual block
LOGIT_SCALE = 0.125


@register(
    "resnet9",
    title="ResNet-9",
    year=2018,
    paper="Page (2018). How to train your ResNet. Myrtle.ai.",
    summary="Nine layers chosen for speed: few but wide ones keep a GPU busy, and two residual blocks are enough for small images.",
    input_shape=(3, 32, 32),
    usual_size="the size of CIFAR-10",
    parameters=6_573_120,
    macs=379_261_952,
    options=(
        o.Option(
            "width",
            "Width",
            "int",
            64,
            "Channels of the first convolution; the three stages have two, four and eight times as many.",
            minimum=1,
            maximum=256,
        ),
        o.shortcuts(),
        *o.usual("relu", "max", drop=0.0, norm=True),
    ),
)
def resnet9(
    input_shape: Shape,
    classes: int,
    *,
    width: int,
    shortcuts: bool,
    activation: str,
    pooling: str,
    batch_norm: bool,
    dropout: float,
) -> nn.Module:
    from cnnlab.architectures import blocks

    style = {"bias": not batch_norm, "activation": activation, "batch_norm": batch_norm}
    inputs = width
    stages: dict[str, nn.Module] = {"stem": blocks.chain(blocks.convolution("", input_shape[0], inputs, 3, padding=1, **style))}
    for stage, times in enumerate(TIMES, start=1):  # 64×32×32
        outputs = times * width
        layers = blocks.convolution("", inputs, outputs, 3, padding=1, **style)
        layers["pool"] = blocks.pool(pooling, 2, stride=2)
        if stage in RESIDUAL:
            layers["residual"] = blocks.ActivatedResidual(outputs, shortcuts=shortcuts, **style)
        stages[f"stage{stage}"] = blocks.chain(layers)  # 128×16×16 · 256×8×8 · 512×4×4
        inputs = outputs
    classifier = blocks.pooled_output(pooling, inputs, classes, dropout=dropout, bias=False)
    stages["classifier"] = blocks.chain(classifier | {"scale": blocks.Scale(LOGIT_SCALE)})
    return blocks.chain(stages)
