"""The course's small residual network ("TrashNet"): ResNet's idea (He et al., 2015) in two blocks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cnnlab.architectures import options as o
from cnnlab.architectures.registry import Shape, register

if TYPE_CHECKING:
    from torch import nn


@register(
    "course-resnet",
    title="Small ResNet",
    year=2015,
    paper="After He, Zhang, Ren, Sun (2015). Deep residual learning for image recognition.",
    summary="Two residual blocks: each learns only what to add to its input, and the shortcut carries the rest past it.",
    input_shape=(3, 32, 32),
    parameters=133_514,
    macs=34_439_808,
    options=(
        o.Option(
            "width",
            "Width",
            "int",
            32,
            "Channels of the first convolution; residual blocks have twice as many.",
            minimum=1,
            maximum=512,
        ),
        o.Option(
            "depth",
            "Residual blocks",
            "int",
            2,
            "Number of residual blocks; the first one halves height and width.",
            minimum=1,
            maximum=32,
        ),
        o.shortcuts(),
        o.kernel_size(3),
        *o.usual("relu", "max", drop=0.0, norm=True),
    ),
)
def course_resnet(
    input_shape: Shape,
    classes: int,
    *,
    width: int,
    depth: int,
    shortcuts: bool,
    kernel_size: int,
    pooling: str,
    dropout: float,
    **style: Any,
) -> nn.Module:
    from cnnlab.architectures import blocks

    stem = blocks.convolution("", input_shape[0], width, kernel_size, padding=kernel_size // 2, **style)
    stem["pool"] = blocks.pool(pooling, 3, stride=1, padding=1)  # stride 1: the size stays 32×32×32
    stages: dict[str, nn.Module] = {"stem": blocks.chain(stem)}
    for number in range(1, depth + 1):
        inputs, stride = (width, 2) if number == 1 else (2 * width, 1)
        stages[f"block{number}"] = blocks.Residual(  # 64×16×16
            inputs, 2 * width, stride=stride, kernel=kernel_size, shortcuts=shortcuts, **style
        )
    stages["classifier"] = blocks.chain(blocks.pooled_output("average", 2 * width, classes, dropout=dropout))
    return blocks.chain(stages)
