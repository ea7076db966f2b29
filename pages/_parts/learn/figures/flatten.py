"""What flattening does to neighbours: the one below a pixel ends up a whole row away."""

from __future__ import annotations

import streamlit as st

from cnnlab.i18n import _
from cnnlab.palette import BLUE, GRAY, GREEN, RED
from pages._parts.drawing import Square, drawing

COLOURS = {"P": BLUE, "R": GREEN, "B": RED}  # the pixel, its right neighbour, the one below


def draw_flatten() -> None:
    """Draws an image as a grid, and as the line that a dense layer reads."""
    first, second, third = st.columns(3)
    side = first.slider(_("Pixels a side"), 4, 28, 8, key="figure flatten side", help=_("Height and width of the image."))
    row = second.slider(
        _("Row of the pixel"), 1, side - 1, min(3, side - 1), key=f"figure flatten row {side}", help=_("Which pixel is followed.")
    )
    column = third.slider(
        _("Column of the pixel"),
        1,
        side - 1,
        min(4, side - 1),
        key=f"figure flatten column {side}",
        help=_("Which pixel is followed."),
    )
    places = {"P": (row - 1) * side + column, "R": (row - 1) * side + column + 1, "B": row * side + column}
    values = {"side": side, "count": side * side, "row": row, "column": column}
    square = _(
        "A grid of {side}×{side} pixels with pixel P in row {row}, column {column}, its right neighbour R and the pixel below, B"
    )
    straight = _(
        "A line of {count} numbers with pixel P in row {row}, column {column}, its right neighbour R and the pixel below, B"
    )
    with st.container(horizontal=True, gap="medium"):
        with st.container(width=230):
            st.caption(_("The image"))
            st.html(drawing(_grid(side, places), side, side, square.format(**values), pixels=220))
        with st.container():
            st.caption(_("The same {count:,} numbers in a line, row after row; from left to right P, R and B").format(**values))
            long = side * side
            st.html(drawing(_line(long, places), long, long / 12, straight.format(**values), pixels=460))
    st.markdown(
        _(
            "P is number {P:,} of the line, R number {R:,} and B number {B:,}. In the image both are next to P. In the line R is "
            "**1 place** away and B is **{side} places** away: a whole row."
        ).format(side=side, **places)
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
