"""The size of a convolution's output, worked out for any window."""

from __future__ import annotations

import streamlit as st

from cnnlab.i18n import _, together
from cnnlab.palette import KINDS
from pages._parts.inside.sums import size_sentence
from pages._parts.learn.figures.drawing import Square, drawing
from pages._parts.learn.figures.worked import window_over

IMAGE, WINDOW, MAP = KINDS["input"], KINDS["pooling"], KINDS["convolution"]


def draw_size_formula() -> None:
    """Draws four sliders, the formula with their values, and the windows on the input."""
    first, second = st.columns(2)
    size = first.slider(
        _("Input, pixels a side (n)"),
        4,
        64,
        28,
        key="figure size n",
        help=_("Height and width of the image or the map that comes in."),
    )
    kernel = second.slider(_("Window, pixels a side (k)"), 1, 11, 5, key="figure size k", help=_("Height and width of the kernel."))
    first, second = st.columns(2)
    padding = first.slider(
        _("Padding (p)"), 0, 5, 2, key="figure size p", help=_("Rows and columns of zeros around the input, on each side.")
    )
    stride = second.slider(
        _("Stride (s)"), 1, 4, 1, key="figure size s", help=_("By how many pixels the window moves at each step.")
    )
    padded = size + 2 * padding
    if kernel > padded:
        text = _("A window of {kernel}×{kernel} does not fit on {side}×{side} pixels: make it smaller, or add padding.")
        st.warning(text.format(kernel=kernel, side=padded))
        return
    found = window_over(size, kernel, padding, stride)
    made, left_over = found.made[1], (padded - kernel) % stride
    st.markdown(size_sentence(found))
    st.html(
        drawing(_squares(size, kernel, padding, stride, made), padded + made + 4, max(padded, made), _label(size, padding, made))
    )
    grey = (
        _("Grey: the input, {size}×{size}, with a border of {padding} (dashed).")
        if padding
        else _("Grey: the input, {size}×{size}.")
    )
    orange = _("Orange: the window in its first two places and in its last one. Blue: the output, {size}×{size}.").format(size=made)
    last = _("The last row and column are left out: the window does not fit there again.")
    several = _("The last {count} rows and columns are left out: the window does not fit there again.")
    out = ("", last)[left_over] if left_over < 2 else several.format(count=left_over)
    st.caption(together(grey.format(size=size, padding=padding), orange, out))


def _squares(size: int, kernel: int, padding: int, stride: int, made: int) -> list[Square]:
    padded, last = size + 2 * padding, (made - 1) * stride
    border = [Square(0, 0, padded, padded, IMAGE, dashed=True)] if padding else []
    places = sorted({0, stride if made > 1 else 0, last})
    windows = [
        Square(place if place < last else last, 0 if place < last or not last else last, kernel, kernel, WINDOW) for place in places
    ]
    return [*border, Square(padding, padding, size, size, IMAGE), *windows, Square(padded + 4, 0, made, made, MAP, fill=True)]


def _label(size: int, padding: int, made: int) -> str:
    text = _("An input of {size}×{size} pixels with a padding of {padding}, windows on it, and an output of {made}×{made}")
    return text.format(size=size, padding=padding, made=made)
