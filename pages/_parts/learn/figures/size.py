"""The size of a convolution's output, worked out for any window."""

from __future__ import annotations

import streamlit as st

from cnnlab.palette import KINDS
from pages._parts.inside.sums import size_sentence
from pages._parts.learn.figures.drawing import Square, drawing
from pages._parts.learn.figures.worked import window_over

IMAGE, WINDOW, MAP = KINDS["input"], KINDS["pooling"], KINDS["convolution"]


def draw_size_formula() -> None:
    """Draws four sliders, the formula with their values, and the windows on the input."""
    first, second = st.columns(2)
    size = first.slider(
        "Input, pixels a side (n)", 4, 64, 28, key="figure size n", help="Height and width of the image or the map that comes in."
    )
    kernel = second.slider("Window, pixels a side (k)", 1, 11, 5, key="figure size k", help="Height and width of the kernel.")
    first, second = st.columns(2)
    padding = first.slider(
        "Padding (p)", 0, 5, 2, key="figure size p", help="Rows and columns of zeros around the input, on each side."
    )
    stride = second.slider("Stride (s)", 1, 4, 1, key="figure size s", help="By how many pixels the window moves at each step.")
    padded = size + 2 * padding
    if kernel > padded:
        st.warning(f"A window of {kernel}×{kernel} does not fit on {padded}×{padded} pixels: make it smaller, or add padding.")
        return
    found = window_over(size, kernel, padding, stride)
    made, left_over = found.made[1], (padded - kernel) % stride
    st.markdown(size_sentence(found))
    st.html(
        drawing(_squares(size, kernel, padding, stride, made), padded + made + 4, max(padded, made), _label(size, padding, made))
    )
    sentences = [f"Grey: the input, {size}×{size}" + (f", with a border of {padding} (dashed)" if padding else "") + "."]
    sentences.append(f"Orange: the window in its first two places and in its last one. Blue: the output, {made}×{made}.")
    if left_over:
        rows = "row and column are" if left_over == 1 else f"{left_over} rows and columns are"
        sentences.append(f"The last {rows} left out: the window does not fit there again.")
    st.caption(" ".join(sentences))


def _squares(size: int, kernel: int, padding: int, stride: int, made: int) -> list[Square]:
    padded, last = size + 2 * padding, (made - 1) * stride
    border = [Square(0, 0, padded, padded, IMAGE, dashed=True)] if padding else []
    places = sorted({0, stride if made > 1 else 0, last})
    windows = [
        Square(place if place < last else last, 0 if place < last or not last else last, kernel, kernel, WINDOW) for place in places
    ]
    return [*border, Square(padding, padding, size, size, IMAGE), *windows, Square(padded + 4, 0, made, made, MAP, fill=True)]


def _label(size: int, padding: int, made: int) -> str:
    return f"An input of {size}×{size} pixels with a padding of {padding}, windows on it, and an output of {made}×{made}"
