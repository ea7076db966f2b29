"""The input picture with the window on it, which can be dragged, or moved by a click or the arrow keys."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import streamlit as st
from streamlit.components import v2

from cnnlab.i18n import _
from cnnlab.inside_values import ByHand
from pages._parts.inside.picture import Frame, framed_html

KEY = "inside:window"

_window = v2.component(
    "cnnlab_window",
    html='<div class="cnn-window"></div>',
    **{name: Path(__file__).with_suffix(f".{name}").read_text(encoding="utf-8") for name in ("css", "js")},
    isolate_styles=False,
)


def draw_window(found: ByHand, on_place: Callable[[int, int], None]) -> None:
    """Draws it; a move to another value of the output calls `on_place(row, column)`, counted from 0."""
    rows, columns = spans(found, 0), spans(found, 1)
    sides = (found.given[1], found.given[2])
    (top, height), (left, width) = rows[0], columns[0]  # the script moves it: other HTML would lose the focus of a keyboard
    alt = _("Input channel {channel} of {layer}; a frame marks the window").format(channel=found.shown + 1, layer=found.path)

    def choose() -> None:
        place = _place(st.session_state[KEY].get("place"), len(rows), len(columns))
        if place is not None:
            on_place(*place)

    _window(
        data={
            "html": framed_html(found.picture, alt, Frame(top, left, height, width, sides), small=True),
            "rows": rows, "columns": columns, "sides": sides, "row": found.row, "column": found.column,
            # The script fills in where the window is.
            "place": _("Row {row}, column {column}"),
            "label": _("Window on input channel {channel}, now row {row}, column {column}. Arrow keys move it.").format(
                channel=found.shown + 1, row="{row}", column="{column}"
            ),
        },
        key=KEY, on_place_change=choose,
    )  # fmt: skip


def spans(found: ByHand, axis: int) -> list[tuple[int, int]]:
    """Where the windows of all rows (axis 0) or columns begin on the input, and how many pixels each spans."""
    given, made = found.given[axis + 1], found.made[axis + 1]
    if found.kind.startswith("Adaptive"):
        return [(at * given // made, -(-(at + 1) * given // made) - at * given // made) for at in range(made)]
    length = (found.kernel[axis] - 1) * found.dilation[axis] + 1
    return [(at * found.stride[axis] - found.padding[axis], length) for at in range(made)]


def _place(sent: Any, rows: int, columns: int) -> tuple[int, int] | None:
    """The place that a browser names, or None: it may show a layer of another size."""
    if isinstance(sent, list) and len(sent) == 2 and all(type(each) is int for each in sent):
        row, column = sent
        return (row, column) if 0 <= row < rows and 0 <= column < columns else None
    return None
