"""The receptive field: how much of the image one value of a layer's output depends on. Needs no torch."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

Sizes = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Field:
    """The input pixels behind the values of a map, per image axis.

    One value sees `size` pixels; those of neighbouring values are `jump` apart, and those of the first value begin at `first`. As
    usual, these count the padding around the image as pixels, so they can exceed the image. `low` to `high` (exclusive) are the
    pixels of the image itself that the whole map can depend on: strides that do not divide evenly leave some out at its end.
    """

    size: Sizes
    jump: Sizes
    first: Sizes
    low: Sizes
    high: Sizes

    @property
    def side(self) -> int | None:
        """The longest axis; None where the input is no image."""
        return max(self.size, default=None)


def start(image: Sizes) -> Field:
    """A pixel of the image sees itself; `image` is height and width."""
    ones, zeros = (1,) * len(image), (0,) * len(image)
    return Field(ones, ones, zeros, zeros, image)


def merged(fields: list[Field | None]) -> Field | None:
    """The field where branches meet, at an addition or a concatenation: what any of them sees."""
    if not fields or None in fields:
        return None
    if len(fields) == 1:
        return fields[0]
    known = [field for field in fields if field]
    first, low = (tuple(map(min, *(getattr(f, name) for f in known))) for name in ("first", "low"))
    jump, high = (tuple(map(max, *(getattr(f, name) for f in known))) for name in ("jump", "high"))
    ends = (map(sum, zip(f.first, f.size, strict=True)) for f in known)
    return Field(tuple(end - begin for end, begin in zip(map(max, *ends), first, strict=True)), jump, first, low, high)


# The rules that kinds of layers follow. Each takes the layer, the field of its input, and the shapes of its first input and its
# output (channels first). It returns None where the field cannot be known.


def unchanged(_layer: Any, field: Field, _given: Sizes, _made: Sizes) -> Field:
    """A layer that computes each value from one value, or only rearranges values."""
    return field


def unless_resized(_layer: Any, field: Field, given: Sizes, made: Sizes) -> Field | None:
    """A layer of unknown kind: where it changes height or width, the field is unknown."""
    resized = len(given) == len(made) > 1 and given[1:] != made[1:]
    return None if resized else field


def windowed(layer: Any, field: Field, _given: Sizes, made: Sizes) -> Field:
    """A convolution, or pooling of a fixed window."""
    kernel, stride, dilation = (
        _each_axis(value, field) for value in (layer.kernel_size, layer.stride, getattr(layer, "dilation", 1))
    )
    spans = tuple((k - 1) * d for k, d in zip(kernel, dilation, strict=True))
    if isinstance(layer.padding, str):
        padding = tuple(span // 2 if layer.padding == "same" else 0 for span in spans)
    else:
        padding = _each_axis(layer.padding, field)
    size = tuple(size + span * jump for size, span, jump in zip(field.size, spans, field.jump, strict=True))
    first = tuple(first - pad * jump for first, pad, jump in zip(field.first, padding, field.jump, strict=True))
    jump = tuple(jump * s for jump, s in zip(field.jump, stride, strict=True))
    ends = (begin + (places - 1) * j + s for begin, places, j, s in zip(first, made[1:], jump, size, strict=True))
    return Field(size, jump, first, tuple(map(max, field.low, first)), tuple(map(min, field.high, ends)))


def adaptive(_layer: Any, field: Field, given: Sizes, made: Sizes) -> Field:
    """Pooling to a fixed size, whatever the size of its input."""
    if set(made[1:]) == {1}:
        return _whole(field)
    # Output i averages inputs floor(i·given/made) … ceil((i+1)·given/made): windows differ in length, the longest counts.
    sides = tuple(zip(given[1:], made[1:], strict=True))
    windows = [max(-(-(i + 1) * g // m) - i * g // m for i in range(m)) for g, m in sides]
    size = tuple(size + (window - 1) * jump for size, jump, window in zip(field.size, field.jump, windows, strict=True))
    return replace(field, size=size, jump=tuple(j * max(1, g // m) for j, (g, m) in zip(field.jump, sides, strict=True)))


def dense(_layer: Any, field: Field, given: Sizes, _made: Sizes) -> Field | None:
    """A dense layer sees all values of its input; a flat input is all of the map before it."""
    return _whole(field) if len(given) == 1 else None


def averaged(_layer: Any, field: Field, _given: Sizes, made: Sizes) -> Field | None:
    """A mean over all places, which leaves one value a channel."""
    return _whole(field) if len(made) == 1 else None


def _whole(field: Field) -> Field:
    return replace(field, size=tuple(high - low for low, high in zip(field.low, field.high, strict=True)), first=field.low)


def _each_axis(value: int | Sizes, field: Field) -> Sizes:
    return value if isinstance(value, tuple) else (value,) * len(field.size)
