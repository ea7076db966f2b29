"""A convolution of one channel worked out without torch, in the form in which the page Inside shows such values."""

from __future__ import annotations

from dataclasses import replace

from cnnlab.inside_values import ByHand, Table
from pages._parts.inside.what_if import window_over


def convolved(image: Table, kernel: Table, row: int, column: int) -> ByHand:
    """The value in `row` and `column` (from 0) of a convolution with stride 1 and no padding."""
    side = len(kernel)
    window = tuple(tuple(line[column : column + side]) for line in image[row : row + side])
    pairs = zip(window, kernel, strict=True)
    result = sum(value * weight for values, weights in pairs for value, weight in zip(values, weights, strict=True))
    return replace(
        window_over(len(image), side, 0, 1), place=(row, column), row=row, column=column, window=window, weights=kernel,
        sums=(result,), result=result,
    )  # fmt: skip
