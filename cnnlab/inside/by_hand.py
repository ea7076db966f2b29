"""One value of a convolution or of a pooling layer, with all the numbers that it comes from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from cnnlab.architectures.kinds import kind_of
from cnnlab.errors import ConfigError
from cnnlab.i18n import say
from cnnlab.inside_values import WITH_WINDOW

Pair = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Window:
    """Where the window of one output value stands on the layer's input, as height and width."""

    kernel: Pair
    stride: Pair
    padding: Pair
    dilation: Pair
    place: Pair  # of its first value, negative in the padding

    def values(self, channels: Tensor) -> Tensor:
        """What lies under the window in each of `channels` (C×H×W); 0 in the padding."""
        rows, columns = (
            torch.arange(count) * step + first for count, step, first in zip(self.kernel, self.dilation, self.place, strict=True)
        )
        height, width = channels.shape[1:]
        inside = ((rows >= 0) & (rows < height))[:, None] & ((columns >= 0) & (columns < width))
        picked = channels[:, rows.clamp(0, height - 1)][:, :, columns.clamp(0, width - 1)]
        return torch.where(inside, picked, 0.0)


@dataclass(frozen=True, slots=True)
class Products:
    """A convolution's sum: the kernels that one output channel has for its input channels, and what they give."""

    reads: tuple[int, ...]  # input channels
    weights: Tensor  # as many kernels
    sums: Tensor  # the sum of each channel's products
    bias: float | None

    @property
    def result(self) -> float:
        return self.sums.sum().item() + (self.bias or 0.0)


def window_at(layer: nn.Module, given: tuple[int, ...], made: tuple[int, ...], row: int, column: int) -> Window:
    """The window of the output value in `row` and `column`; `given` and `made` are the shapes of the layer's input and output.

    Raises ConfigError for a place that the output does not have, and for a layer without a window.
    """
    if kind_of(layer).category not in WITH_WINDOW:
        raise ConfigError(
            say("A {kind} layer has no window; choose a convolution or a pooling layer.", kind=type(layer).__name__), "layer"
        )
    for name, value, side in (("row", row, made[1]), ("column", column, made[2])):
        if not 0 <= value < side:
            raise ConfigError(say("{name} must be from 0 to {side}, not {value}.", name=name, side=side - 1, value=value), name)
    at = (row, column)
    if isinstance(layer, nn.AdaptiveAvgPool2d | nn.AdaptiveMaxPool2d):
        first = tuple(place * g // m for place, g, m in zip(at, given[1:], made[1:], strict=True))
        last = tuple(-(-(place + 1) * g // m) for place, g, m in zip(at, given[1:], made[1:], strict=True))
        kernel = tuple(end - start for start, end in zip(first, last, strict=True))
        return Window(_pair(kernel), _pair(kernel), (0, 0), (1, 1), _pair(first))
    settings: Any = layer
    kernel, stride, dilation = _pair(settings.kernel_size), _pair(settings.stride), _pair(getattr(layer, "dilation", 1))
    padding = _padding(settings, kernel, dilation)
    first = tuple(place * step - border for place, step, border in zip(at, stride, padding, strict=True))
    return Window(kernel, stride, padding, dilation, _pair(first))


def products(layer: nn.Conv2d, given: Tensor, window: Window, channel: int) -> Products:
    """The sum of products of one output channel; `given` is the layer's input C×H×W."""
    size = layer.in_channels // layer.groups
    first = channel // (layer.out_channels // layer.groups) * size
    weights = layer.weight.detach()[channel]
    sums = (window.values(given[first : first + size]) * weights).sum((1, 2))
    bias = None if layer.bias is None else layer.bias[channel].item()
    return Products(tuple(range(first, first + size)), weights, sums, bias)


def _padding(layer: Any, kernel: Pair, dilation: Pair) -> Pair:
    if isinstance(layer.padding, str):
        spans = ((side - 1) * step for side, step in zip(kernel, dilation, strict=True))
        return _pair(tuple(span // 2 if layer.padding == "same" else 0 for span in spans))
    return _pair(layer.padding)


def _pair(value: Any) -> Pair:
    return (value[0], value[1]) if isinstance(value, tuple) else (value, value)
