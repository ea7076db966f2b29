"""AlexNet (Krizhevsky et al., 2012), as the course builds it (d2l 8.1): by default with one hidden dense layer fewer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cnnlab.architectures import options as o
from cnnlab.architectures.registry import Shape, register

if TYPE_CHECKING:
    from torch import nn


@register(
    "alexnet",
    title="AlexNet",
    year=2012,
    paper="Krizhevsky, Sutskever, Hinton (2012). ImageNet classification with deep convolutional neural networks.",
    summary="LeNet grown large, with ReLU and dropout; nearly 90 % of its parameters sit in one dense layer.",
    input_shape=(1, 224, 224),
    parameters=29_983_434,
    macs=921_368_960,
    options=(
        *o.usual("relu", "max", drop=0.5),
        o.width_divisor(),
        o.Option("second_hidden_layer", "Second hidden layer", "bool", False, "Two dense layers before the last, as in the paper."),
    ),
)
def alexnet(
    input_shape: Shape, classes: int, *, pooling: str, dropout: float, width_divisor: int, second_hidden_layer: bool, **style: Any
) -> nn.Module:
    from torch import nn

    from cnnlab.architectures import blocks
    from cnnlab.architectures.building import flattened_size

    c1, c2, c3, hidden = (max(1, width // width_divisor) for width in (96, 256, 384, 4096))

    def pool() -> dict[str, nn.Module]:
        return {"pool": blocks.pool(pooling, 3, stride=2)}

    stages: dict[str, nn.Module] = {
        "block1": blocks.chain(blocks.convolution("", input_shape[0], c1, 11, stride=4, **style) | pool()),  # 96×26×26
        "block2": blocks.chain(blocks.convolution("", c1, c2, 5, padding=2, **style) | pool()),  # 256×12×12
        "block3": blocks.chain(
            blocks.convolution(1, c2, c3, 3, padding=1, **style)
            | blocks.convolution(2, c3, c3, 3, padding=1, **style)
            | blocks.convolution(3, c3, c2, 3, padding=1, **style)
            | pool()  # 256×5×5
        ),
    }
    sizes = (hidden, hidden) if second_hidden_layer else (hidden,)
    width = flattened_size(blocks.chain(stages), input_shape)  # 6400
    dense = blocks.hidden_layers(width, sizes, dropout=dropout, **style)
    stages["classifier"] = blocks.chain({"flatten": nn.Flatten()} | dense | {"output": nn.Linear(hidden, classes)})
    return blocks.chain(stages)
