"""The receptive field: how much of the image one value of a layer's output depends on."""

from __future__ import annotations

from dataclasses import dataclass

from torch import nn
from torch.nn.modules.conv import _ConvNd, _ConvTransposeNd
from torch.nn.modules.pooling import _AdaptiveAvgPoolNd, _AdaptiveMaxPoolNd, _AvgPoolNd, _MaxPoolNd

Sizes = tuple[int, ...]

_ADAPTIVE = (_AdaptiveAvgPoolNd, _AdaptiveMaxPoolNd)
_WINDOWED = (_ConvNd, _MaxPoolNd, _AvgPoolNd)


@dataclass(frozen=True, slots=True)
class Field:
    """What one value sees, per image axis: `size` input pixels, and neighbours lie `jump` input pixels apart.

    As is usual, `size` counts the padding around the image as pixels, so it can exceed the image.
    """

    size: Sizes
    jump: Sizes

    @property
    def side(self) -> int | None:
        """The longest axis; None where the input is no image."""
        return max(self.size, default=None)


def start(axes: int) -> Field:
    """A pixel of the image sees itself."""
    return Field((1,) * axes, (1,) * axes)


def after(module: nn.Module, fields: list[Field | None], given: Sizes, made: Sizes, image: Sizes) -> Field | None:
    """The field behind `module`, from its inputs' fields; None where it cannot be told.

    `given` and `made` are the shapes of its first input and its output (channels first), `image` the image's height and width.
    """
    field = _met(fields)
    if field is None:
        return None
    if isinstance(module, nn.Linear):
        # A dense layer sees all values it is given; on a flat input that is the whole image.
        return _whole(field, image) if len(given) == 1 else None
    if isinstance(module, _ADAPTIVE):
        return _whole(field, image) if set(made[1:]) == {1} else _adaptive(field, given[1:], made[1:])
    if isinstance(module, _ConvTransposeNd):
        return None
    if isinstance(module, _WINDOWED):
        return _windowed(module, field)
    resized = len(given) == len(made) > 1 and given[1:] != made[1:]
    return None if resized else field


def _met(fields: list[Field | None]) -> Field | None:
    """Branches meet at an addition or a concatenation: the value sees what the furthest-seeing branch saw."""
    if not fields or None in fields:
        return None
    if len(fields) == 1:
        return fields[0]
    return Field(tuple(map(max, *(f.size for f in fields))), tuple(map(max, *(f.jump for f in fields))))


def _whole(field: Field, image: Sizes) -> Field:
    return Field(tuple(map(max, field.size, image)), field.jump)


def _windowed(module: nn.Module, field: Field) -> Field:
    axes = len(field.size)
    kernel, stride, dilation = (
        value if isinstance(value, tuple) else (value,) * axes
        for value in (module.kernel_size, module.stride, getattr(module, "dilation", 1))
    )
    return Field(
        tuple([size + (k - 1) * d * jump for size, jump, k, d in zip(field.size, field.jump, kernel, dilation, strict=True)]),
        tuple([jump * s for jump, s in zip(field.jump, stride, strict=True)]),
    )


def _adaptive(field: Field, given: Sizes, made: Sizes) -> Field:
    # Output i averages inputs floor(i·given/made) … ceil((i+1)·given/made): windows differ in length, the longest counts.
    windows = [max(-(-(i + 1) * g // m) - i * g // m for i in range(m)) for g, m in zip(given, made, strict=True)]
    return Field(
        tuple(size + (window - 1) * jump for size, jump, window in zip(field.size, field.jump, windows, strict=True)),
        tuple(jump * max(1, g // m) for jump, g, m in zip(field.jump, given, made, strict=True)),
    )
