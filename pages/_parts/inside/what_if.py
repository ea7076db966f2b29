"""Below a value worked out by hand: what another padding or stride would make of the size of the output."""

from __future__ import annotations

import streamlit as st

from cnnlab.i18n import _, together
from cnnlab.inside_values import ByHand
from cnnlab.palette import KINDS
from cnnlab.text import shape_text
from pages._parts.drawing import Square, drawing
from pages._parts.inside.sums import size_sentence
from pages._parts.markdown import escaped

OPEN = "inside:what if"
LARGEST_STRIDE = 4
IMAGE, WINDOW, MAP = KINDS["input"], KINDS["pooling"], KINDS["convolution"]


def draw_what_if(found: ByHand) -> None:
    """Draws the closed part; nothing where the size does not follow from a square window that moves over a square input."""
    sides = {found.given[1] - found.given[2], found.kernel[0] - found.kernel[1], found.padding[0] - found.padding[1]}
    if sides != {0} or found.stride[0] != found.stride[1] or found.dilation != (1, 1) or found.rounded_up or _adaptive(found):
        return
    with st.expander(_("What if padding or stride were others?"), icon=":material/tune:", key=OPEN, on_change="rerun") as part:
        if part.open:
            _draw(found)


def _draw(found: ByHand) -> None:
    kernel, padding, stride = found.kernel[0], found.padding[0], found.stride[0]
    left, right = st.columns(2)
    padded = left.slider(
        _("Padding (p)"), 0, max(kernel, padding), padding, key=f"inside:padding {found.path}",
        help=_("Rows and columns of zeros around the input, on each side."),
    )  # fmt: skip
    moved = right.slider(
        _("Stride (s)"), 1, max(LARGEST_STRIDE, stride), stride, key=f"inside:stride {found.path}",
        help=_("By how many pixels the window moves at each step."),
    )  # fmt: skip
    draw_windows(found.given[1], kernel, padded, moved)
    text = _("{layer} itself has a padding of {padding} and a stride of {stride}; its output has {size} values a channel.")
    st.caption(text.format(layer=escaped(found.path), padding=padding, stride=stride, size=shape_text(found.made[1:])))


def draw_windows(size: int, kernel: int, padding: int, stride: int) -> None:
    """Draws the formula with these values, in pixels a side, and the windows on the input."""
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


def window_over(size: int, kernel: int, padding: int, stride: int) -> ByHand:
    """What the formula for the output's size needs to know of a convolution: no values."""
    made = (size + 2 * padding - kernel) // stride + 1
    return ByHand(
        path="", kind="convolution", given=(1, size, size), made=(1, made, made), kernel=(kernel, kernel), stride=(stride, stride),
        padding=(padding, padding), dilation=(1, 1), place=(0, 0), rounded_up=False, channel=0, row=0, column=0, reads=(0,),
        shown=0, window=(), weights=(), sums=(0.0,), bias=None, result=0.0, activation="", activated=None, picture="",
    )  # fmt: skip


def _squares(size: int, kernel: int, padding: int, stride: int, made: int) -> list[Square]:
    padded, last = size + 2 * padding, (made - 1) * stride
    border = [Square(0, 0, padded, padded, IMAGE, dashed=True)] if padding else []
    places = sorted({0, stride if made > 1 else 0, last})
    windows = [Square(place, last if place == last else 0, kernel, kernel, WINDOW) for place in places]
    return [*border, Square(padding, padding, size, size, IMAGE), *windows, Square(padded + 4, 0, made, made, MAP, fill=True)]


def _label(size: int, padding: int, made: int) -> str:
    text = _("An input of {size}×{size} pixels with a padding of {padding}, windows on it, and an output of {made}×{made}")
    return text.format(size=size, padding=padding, made=made)


def _adaptive(found: ByHand) -> bool:
    return found.kind.startswith("Adaptive")
