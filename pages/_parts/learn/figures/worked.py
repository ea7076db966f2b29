"""A convolution of one channel worked out without torch, in the form in which the page Inside shows such values."""

from __future__ import annotations

from dataclasses import replace

from cnnlab.inside_values import ByHand, Table


def window_over(size: int, kernel: int, padding: int, stride: int) -> ByHand:
    """What the formula for the output's size needs to know of a convolution: no values."""
    made = (size + 2 * padding - kernel) // stride + 1
    return ByHand(
        path="", kind="convolution", given=(1, size, size), made=(1, made, made), kernel=(kernel, kernel), stride=(stride, stride),
        padding=(padding, padding), dilation=(1, 1), place=(0, 0), rounded_up=False, channel=0, row=0, column=0, reads=(0,),
        shown=0, window=(), weights=(), sums=(0.0,), bias=None, result=0.0, activation="", activated=None, picture="",
    )  # fmt: skip


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
