"""What flattening does to neighbours: the one below a pixel ends up a whole row away."""

from __future__ import annotations

import streamlit as st

from cnnlab.palette import BLUE, GRAY, GREEN, RED
from pages._parts.learn.figures.drawing import Square, drawing

COLOURS = {"P": BLUE, "R": GREEN, "B": RED}  # the pixel, its right neighbour, the one below


def draw_flatten() -> None:
    """Draws an image as a grid, and as the line that a dense layer reads."""
    first, second, third = st.columns(3)
    side = first.slider("Pixels a side", 4, 28, 8, key="figure flatten side", help="Height and width of the image.")
    row = second.slider(
        "Row of the pixel", 1, side - 1, min(3, side - 1), key=f"figure flatten row {side}", help="Which pixel is followed."
    )
    column = third.slider(
        "Column of the pixel", 1, side - 1, min(4, side - 1), key=f"figure flatten column {side}", help="Which pixel is followed."
    )
    places = {"P": (row - 1) * side + column, "R": (row - 1) * side + column + 1, "B": row * side + column}
    label = f"pixel P in row {row}, column {column}, its right neighbour R and the pixel below, B"
    with st.container(horizontal=True, gap="medium"):
        with st.container(width=230):
            st.caption("The image")
            st.html(drawing(_grid(side, places), side, side, f"A grid of {side}×{side} pixels with {label}", pixels=220))
        with st.container():
            st.caption(f"The same {side * side:,} numbers in a line, row after row; from left to right P, R and B")
            long = side * side
            st.html(drawing(_line(long, places), long, long / 12, f"A line of {long} numbers with {label}", pixels=460))
    st.markdown(
        f"P is number {places['P']:,} of the line, R number {places['R']:,} and B number {places['B']:,}. In the image both are "
        f"next to P. In the line R is **1 place** away and B is **{side} places** away: a whole row."
    )


def _grid(side: int, places: dict[str, int]) -> list[Square]:
    cells = (
        [Square(at % side, at // side, 1, 1, GRAY) for at in range(side * side)] if side <= 12 else [Square(0, 0, side, side, GRAY)]
    )
    return cells + [
        Square((at - 1) % side, (at - 1) // side, 1, 1, COLOURS[name], fill=True, word=name if side <= 14 else "")
        for name, at in places.items()
    ]


def _line(long: int, places: dict[str, int]) -> list[Square]:
    marks = [Square(at - 1, 0, max(1.0, long / 150), long / 18, COLOURS[name], fill=True) for name, at in places.items()]
    return [Square(0, 0, long, long / 18, GRAY), *marks]
