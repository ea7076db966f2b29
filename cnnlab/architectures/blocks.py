"""Parts that the families share: layers by name, and blocks in which every operation is a module.

No forward of a block computes anything itself, so hooks on the innermost modules see every operation. `**style` is the activation
and batch normalisation of `convolution`.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

_ACTIVATIONS = {"sigmoid": nn.Sigmoid, "relu": nn.ReLU, "tanh": nn.Tanh, "gelu": nn.GELU}


class Concatenate(nn.Module):
    """Stacks maps of the same height and width along the channels."""

    def forward(self, *parts: Tensor) -> Tensor:
        return torch.cat(parts, dim=1)


class Add(nn.Module):
    """Adds two maps of the same shape."""

    def forward(self, left: Tensor, right: Tensor) -> Tensor:
        return left + right


class Scale(nn.Module):
    """Multiplies by a number that is not learned."""

    def __init__(self, factor: float) -> None:
        super().__init__()
        self.factor = factor

    def forward(self, values: Tensor) -> Tensor:
        return values * self.factor


def chain(layers: Mapping[str, nn.Module]) -> nn.Sequential:
    """The layers one after another, under their names."""
    return nn.Sequential(OrderedDict(layers))


def activation(name: str) -> nn.Module:
    """The non-linearity called `name`. Never in place, because a shortcut may still need the input."""
    return _ACTIVATIONS[name]()


def pool(name: str, size: int, *, stride: int, padding: int = 0) -> nn.Module:
    """Average or max pooling. Averages leave padding out, so that edges do not grow dark."""
    if name == "max":
        return nn.MaxPool2d(size, stride=stride, padding=padding)
    return nn.AvgPool2d(size, stride=stride, padding=padding, count_include_pad=False)


def convolution(
    number: int | str,
    inputs: int,
    outputs: int,
    kernel: int,
    *,
    stride: int = 1,
    padding: int = 0,
    bias: bool = True,
    activation: str,
    batch_norm: bool,
) -> dict[str, nn.Module]:
    """Convolution, batch norm if asked for, non-linearity: layers for `chain`, named conv1, norm1, activation1."""
    layers: dict[str, nn.Module] = {f"conv{number}": nn.Conv2d(inputs, outputs, kernel, stride=stride, padding=padding, bias=bias)}
    if batch_norm:
        layers[f"norm{number}"] = nn.BatchNorm2d(outputs)
    layers[f"activation{number}"] = _ACTIVATIONS[activation]()
    return layers


def hidden_layers(
    inputs: int, sizes: tuple[int, ...], *, activation: str, batch_norm: bool, dropout: float, first_number: int = 1
) -> dict[str, nn.Module]:
    """Dense layers, each followed by batch norm if asked for, non-linearity, and dropout above 0: layers for `chain`.

    `first_number` continues the numbers of norms and non-linearities that come before in the same chain.
    """
    layers: dict[str, nn.Module] = {}
    for number, outputs in enumerate(sizes, start=1):
        layers[f"linear{number}"] = nn.Linear(inputs, outputs)
        if batch_norm:
            layers[f"norm{number + first_number - 1}"] = nn.BatchNorm1d(outputs)
        layers[f"activation{number + first_number - 1}"] = _ACTIVATIONS[activation]()
        if dropout > 0:
            layers[f"dropout{number}"] = nn.Dropout(dropout)
        inputs = outputs
    return layers


def pooled_output(pooling: str, inputs: int, classes: int, *, dropout: float = 0.0, bias: bool = True) -> dict[str, nn.Module]:
    """The average or the maximum of each channel, then one dense layer: layers for `chain`, for images of any size."""
    pool = nn.AdaptiveMaxPool2d(1) if pooling == "max" else nn.AdaptiveAvgPool2d(1)
    layers: dict[str, nn.Module] = {"pool": pool, "flatten": nn.Flatten()}
    if dropout > 0:
        layers["dropout"] = nn.Dropout(dropout)
    return layers | {"output": nn.Linear(inputs, classes, bias=bias)}


class Inception(nn.Module):
    """Four paths with windows of different size over the same maps; their channels are concatenated (GoogLeNet)."""

    def __init__(
        self, inputs: int, c1: int, c2: tuple[int, int], c3: tuple[int, int], c4: int, *, pooling: str, **style: Any
    ) -> None:
        super().__init__()
        self.branch1 = chain(convolution("", inputs, c1, 1, **style))
        # A 1×1 convolution first makes the channels fewer, so that the larger window costs less.
        self.branch2 = chain(convolution(1, inputs, c2[0], 1, **style) | convolution(2, c2[0], c2[1], 3, padding=1, **style))
        self.branch3 = chain(convolution(1, inputs, c3[0], 1, **style) | convolution(2, c3[0], c3[1], 5, padding=2, **style))
        self.branch4 = chain({"pool": pool(pooling, 3, stride=1, padding=1)} | convolution("", inputs, c4, 1, **style))
        self.concatenate = Concatenate()

    def forward(self, maps: Tensor) -> Tensor:
        return self.concatenate(self.branch1(maps), self.branch2(maps), self.branch3(maps), self.branch4(maps))


class Residual(nn.Module):
    """Two 3×3 convolutions that learn what to add to their input (ResNet).

    Where the shape changes, a 1×1 convolution makes the shortcut fit. With `shortcuts` off only the two convolutions are left.
    """

    def __init__(
        self, inputs: int, outputs: int, *, stride: int = 1, kernel: int = 3, shortcuts: bool = True, **style: Any
    ) -> None:
        super().__init__()
        layers = convolution(1, inputs, outputs, kernel, stride=stride, padding=kernel // 2, **style)
        layers |= convolution(2, outputs, outputs, kernel, padding=kernel // 2, **style)
        last = layers.pop("activation2")  # the last non-linearity comes after the addition
        self.main = chain(layers)
        self.shortcuts = shortcuts
        if shortcuts:
            same = stride == 1 and inputs == outputs
            self.shortcut = None if same else nn.Conv2d(inputs, outputs, 1, stride=stride)
            self.add = Add()
        self.activation = last

    def forward(self, maps: Tensor) -> Tensor:
        learned = self.main(maps)
        if self.shortcuts:
            learned = self.add(learned, maps if self.shortcut is None else self.shortcut(maps))
        return self.activation(learned)


class ActivatedResidual(nn.Module):
    """Two 3×3 convolutions of as many channels, each with its non-linearity, added to their input (ResNet-9).

    The addition comes last, where `Residual` has its second non-linearity. With `shortcuts` off only the convolutions are left.
    """

    def __init__(self, channels: int, *, shortcuts: bool = True, **style: Any) -> None:
        super().__init__()
        self.main = chain(
            convolution(1, channels, channels, 3, padding=1, **style) | convolution(2, channels, channels, 3, padding=1, **style)
        )
        self.add = Add() if shortcuts else None

    def forward(self, maps: Tensor) -> Tensor:
        learned = self.main(maps)
        return learned if self.add is None else self.add(learned, maps)


class DenseLayer(nn.Module):
    """Adds `growth` channels to those of its input (DenseNet): norm, ReLU, conv 1×1, norm, ReLU, conv 3×3, concatenate."""

    def __init__(self, inputs: int, growth: int, *, dropout: float, **style: Any) -> None:
        super().__init__()
        bottleneck = 4 * growth  # the 1×1 convolution keeps the 3×3 one cheap, however many channels there are
        layers = preactivation(1, inputs, **style)
        layers |= {"conv1": nn.Conv2d(inputs, bottleneck, 1, bias=False)}
        layers |= preactivation(2, bottleneck, **style)
        layers |= {"conv2": nn.Conv2d(bottleneck, growth, 3, padding=1, bias=False)}
        if dropout > 0:
            layers["dropout"] = nn.Dropout(dropout)
        self.grow = chain(layers)
        self.concatenate = Concatenate()

    def forward(self, maps: Tensor) -> Tensor:
        return self.concatenate(maps, self.grow(maps))


def preactivation(number: int | str, channels: int, *, activation: str, batch_norm: bool) -> dict[str, nn.Module]:
    """Batch norm if asked for, then the non-linearity, which DenseNet puts before a convolution: layers for `chain`."""
    norm: dict[str, nn.Module] = {f"norm{number}": nn.BatchNorm2d(channels)} if batch_norm else {}
    return norm | {f"activation{number}": _ACTIVATIONS[activation]()}
