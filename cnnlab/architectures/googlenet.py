"""GoogLeNet (Szegedy et al., 2014), as the course builds it (d2l 8.4): nine Inception blocks, without the paper's side exits."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cnnlab.architectures import options as o
from cnnlab.architectures.registry import Shape, register

if TYPE_CHECKING:
    from torch import nn

# Channels of each Inception block's four paths; of two numbers, the first is for the 1×1 convolution before the larger window.
INCEPTIONS = {
    "b3": ((64, (96, 128), (16, 32), 32), (128, (128, 192), (32, 96), 64)),
    "b4": (
        (192, (96, 208), (16, 48), 64),
        (160, (112, 224), (24, 64), 64),
        (128, (128, 256), (24, 64), 64),
        (112, (144, 288), (32, 64), 64),
        (256, (160, 320), (32, 128), 128),
    ),
    "b5": ((256, (160, 320), (32, 128), 128), (384, (192, 384), (48, 128), 128)),
}


@register(
    "googlenet",
    title="GoogLeNet",
    year=2014,
    paper="Szegedy, Liu, Jia and others (2014). Going deeper with convolutions.",
    summary="Four window sizes side by side in each Inception block; concatenated, and kept cheap by 1×1 convolutions.",
    input_shape=(1, 96, 96),
    parameters=5_977_530,
    macs=276_066_304,
    options=(*o.usual("relu", "max", drop=0.0), o.width_divisor()),
)
def googlenet(input_shape: Shape, classes: int, *, pooling: str, dropout: float, width_divisor: int, **style: Any) -> nn.Module:
    from torch import nn

    from cnnlab.architectures import blocks

    def narrow(width: int) -> int:
        return max(1, width // width_divisor)

    def pool() -> dict[str, nn.Module]:
        return {"pool": blocks.pool(pooling, 3, stride=2, padding=1)}

    # The course has no non-linearity after the second stage's convolutions; the paper has.
    second = blocks.convolution(1, narrow(64), narrow(64), 1, **style)
    second |= blocks.convolution(2, narrow(64), narrow(192), 3, padding=1, **style)
    second = {name: layer for name, layer in second.items() if not name.startswith("activation")}
    first = blocks.convolution("", input_shape[0], narrow(64), 7, stride=2, padding=3, **style)
    stages: dict[str, nn.Module] = {
        "b1": blocks.chain(first | pool()),  # 64×24×24
        "b2": blocks.chain(second | pool()),  # 192×12×12
    }
    inputs = narrow(192)
    for stage, settings in INCEPTIONS.items():
        layers: dict[str, nn.Module] = {}
        for number, (c1, c2, c3, c4) in enumerate(settings, start=1):
            paths = (narrow(c1), (narrow(c2[0]), narrow(c2[1])), (narrow(c3[0]), narrow(c3[1])), narrow(c4))
            layers[f"inception{number}"] = blocks.Inception(inputs, *paths, pooling=pooling, **style)
            inputs = paths[0] + paths[1][1] + paths[2][1] + paths[3]
        # 480×6×6 · 832×3×3 · 1024
        layers |= pool() if stage != "b5" else {"pool": nn.AdaptiveAvgPool2d(1), "flatten": nn.Flatten()}
        stages[stage] = blocks.chain(layers)
    if dropout > 0:
        stages["dropout"] = nn.Dropout(dropout)
    return blocks.chain(stages | {"output": nn.Linear(inputs, classes)})
