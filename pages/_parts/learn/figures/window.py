"""One window that moves over a small image: each value under it, times its weight, and the sum."""

from __future__ import annotations

import streamlit as st

from cnnlab.i18n import N_, _, translated
from cnnlab.inside_values import ByHand, Table
from cnnlab.palette import GRAY
from pages._parts.drawing import as_picture
from pages._parts.inside.by_hand import products_of
from pages._parts.inside.numbers import cells_html, ends_of, figure_text
from pages._parts.inside.picture import Frame, framed_html
from pages._parts.learn.figures.worked import convolved

SIDE, KERNEL = 8, 3
OUTPUT = SIDE - KERNEL + 1
IMAGES: dict[str, Table] = {
    N_("a vertical edge"): tuple(tuple(float(column >= 4) for column in range(SIDE)) for _ in range(SIDE)),
    N_("a horizontal edge"): tuple(tuple(float(row >= 4) for _ in range(SIDE)) for row in range(SIDE)),
    N_("a small square"): tuple(tuple(float(2 <= row < 6 and 2 <= column < 6) for column in range(SIDE)) for row in range(SIDE)),
}
EDGE = f'<rect width="{SIDE}" height="{SIDE}" fill="none" stroke="{GRAY}" stroke-width="0.1"/>'  # white begins somewhere
KERNELS: dict[str, Table] = {
    N_("finds vertical edges"): ((-1.0, 0.0, 1.0),) * 3,
    N_("finds horizontal edges"): ((-1.0,) * 3, (0.0,) * 3, (1.0,) * 3),
    N_("mean of nine"): ((1 / 9,) * 3,) * 3,
}


def draw_sliding_window() -> None:
    """Draws the image with the window, the nine products and the output."""
    first, second = st.columns(2)
    image = IMAGES[
        first.selectbox(
            _("Image"),
            list(IMAGES),
            key="figure window image",
            format_func=translated,
            help=_("Eight by eight pixels: 0 is black, 1 is white."),
        )
    ]
    kernel = KERNELS[
        second.selectbox(
            _("Kernel"),
            list(KERNELS),
            key="figure window kernel",
            format_func=translated,
            help=_("Nine weights, the same at every place."),
        )
    ]
    first, second = st.columns(2)
    row = first.slider(_("Row of the window"), 1, OUTPUT, 3, key="figure window row", help=_("Moves the window down.")) - 1
    column = second.slider(
        _("Column of the window"), 1, OUTPUT, 3, key="figure window column", help=_("Moves the window to the right.")
    )
    column -= 1
    found = convolved(image, kernel, row, column)
    with st.container(horizontal=True, gap="medium"):
        with st.container(width=170):
            label = _("The image; a frame marks the window in row {row}, column {column}").format(row=row + 1, column=column + 1)
            st.html(framed_html(picture_of(image), label, Frame(row, column, KERNEL, KERNEL, (SIDE, SIDE)), small=True))
            st.caption(_("The image, with the window"))
        for title, values in (
            (_("Values under the window"), found.window),
            (_("× kernel"), found.weights),
            (_("= products"), products_of(found)),
        ):
            with st.container(width="content"):
                st.html(cells_html(values, *ends_of(values), title, written=True))
    st.markdown(_sentence(found))
    made = tuple(tuple(convolved(image, kernel, y, x).result for x in range(OUTPUT)) for y in range(OUTPUT))
    st.html(cells_html(made, *ends_of(made), _("The output: one sum for each place"), written=True))


def _sentence(found: ByHand) -> str:
    return _("The nine products add up to **{sum}**. It stands in row {row}, column {column} of the output.").format(
        sum=figure_text(found.result), row=found.row + 1, column=found.column + 1
    )


def picture_of(image: Table) -> str:
    """A small image as a data URI, a square a pixel."""
    squares = "".join(
        f'<rect x="{x}" y="{y}" width="1" height="1" fill="rgb({shade},{shade},{shade})"/>'
        for y, line in enumerate(image)
        for x, value in enumerate(line)
        for shade in [round(255 * value)]
    )
    size = f'viewBox="0 0 {SIDE} {SIDE}" width="{40 * SIDE}" height="{40 * SIDE}" shape-rendering="crispEdges"'
    return as_picture(f'<svg xmlns="http://www.w3.org/2000/svg" {size}>{squares}{EDGE}</svg>')
