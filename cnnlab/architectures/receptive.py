"""The receptive field: how much of the image one value of a layer's output depends on. Needs no torch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

Sizes = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Field:
    """The input pixels behind one value, per image axis: `size` of them; those of neighbouring values are `jump` apart.

    As usual, `size` counts the padding around the image as pixels, so it can exceed the image.
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


def merged(fields: list[Field | None]) -> Field | None:
    """The field where branches meet, at an addition or a concatenation: the widest of theirs."""
    if not fields or None in fields:
        return None
    if len(fields) == 1:
        return fields[0]
    return Field(tuple(map(max, *(f.size for f in fields))), tuple(map(max, *(f.jump for f in fields))))


# The rules that kinds of layers follow. Each takes the layer, the field of its input, the shapes of its first input and its output
# (channels first), and the image's height and width. It returns None where the field cannot be known.


def unchanged(_layer: Any, field: Field, _given: Sizes, _made: Sizes, _image: Sizes) -> Field:
    """A layer that computes each value from one value, or only rearranges values."""
    return field


def unless_resized(_layer: Any, field: Field, given: Sizes, made: Sizes, _image: Sizes) -> Field | None:
    """A layer of unknown kind: where it changes height or width, the field is unknown."""
    resized = len(given) == len(made) > 1 and given[1:] != made[1:]
    return None if resized else field


def windowed(layer: Any, field: Field, _given: Sizes, _made: Sizes, _image: Sizes) -> Field:
    """A convolution, or pooling of a fixed window."""
    axes = len(field.size)
    kernel, stride, dilation = (
        value if isinstance(value, tuple) else (value,) * axes
        for value in (layer.kernel_size, layer.stride, getattr(layer, "dilation", 1))
    )
    return Field(
        tuple([size + (k - 1) * d * jump for size, jump, k, d in zip(field.size, field.jump, kernel, dilation, strict=True)]),
        tuple([jump * s for jump, s in zip(field.jump, stride, strict=True)]),
    )


def adaptive(layer: Any, field: Field, given: Sizes, made: Sizes, image: Sizes) -> Field:
    """Pooling to a fixed size, whatever the size of its input."""
    if set(made[1:]) == {1}:
        return _whole(field, image)
    # Output i averages inputs floor(i·given/made) … ceil((i+1)·given/made): windows differ in length, the longest counts.
    sides = tuple(zip(given[1:], made[1:], strict=True))
    windows = [max(-(-(i + 1) * g // m) - i * g // m for i in range(m)) for g, m in sides]
    return Field(
        tuple(size + (window - 1) * jump for size, jump, window in zip(field.size, field.jump, windows, strict=True)),
        tuple(jump * max(1, g // m) for jump, (g, m) in zip(field.jump, sides, strict=True)),
    )


def dense(_layer: Any, field: Field, given: Sizes, _made: Sizes, image: Sizes) -> Field | None:
    """A dense layer sees all values of its input; on a flat input that is the whole image."""
    return _whole(field, image) if len(given) == 1 else None


def _whole(field: Field, image: Sizes) -> Field:
    return Field(tuple(map(max, field.size, image)), field.jump)
