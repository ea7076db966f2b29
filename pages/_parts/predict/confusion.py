"""The confusion matrix as a table of buttons: the number of test images of each true class that were taken for each class.

It is not a chart of Plotly's: in a table, Tab and the arrow keys reach each cell, a screen reader reads its row and its column, and
the theme gives the colours.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from html import escape
from pathlib import Path
from typing import Any

import streamlit as st
from streamlit.components import v2

from cnnlab.i18n import _, translated
from cnnlab.reports.svg_files import STRONGEST, drawn_classes
from cnnlab.text import percent
from cnnlab.values import PredictionPage
from pages._parts.image_grid import RIGHT, WRONG

KEY = "predict:matrix"
_SHORT = 3  # characters of a class's name that fit above a column
_MANY = 12  # classes; more are drawn smaller

_matrix = v2.component(
    "cnnlab_confusion",
    html='<div class="cnn-confusion"></div>',
    **{name: Path(__file__).with_suffix(f".{name}").read_text(encoding="utf-8") for name in ("css", "js")},
    isolate_styles=False,
)


def draw_confusion(
    page: PredictionPage, label: int | None, predicted: int | None, on_choice: Callable[..., None], *, shares: bool = False
) -> None:  # fmt: skip
    """Draws the matrix with the chosen row, column or cell marked; a click calls `on_choice(label, predicted)`.

    Its cells hold numbers of images, or with `shares` percentages of the images of the row's class.
    """

    drawn = drawn_classes(page.confusion, label, predicted)

    def choose() -> None:
        row, column = _cell(st.session_state[KEY].get("cell"), len(drawn))
        cell = (None if row is None else drawn[row], None if column is None else drawn[column])
        if cell != (label, predicted):
            on_choice(*cell)

    if len(drawn) < len(page.classes):
        st.caption(
            _("The {count} of {classes:,} classes with the most mistakes; the figures of each class have all.").format(
                count=len(drawn), classes=len(page.classes)
            )
        )
    chosen = {name: None if place is None else drawn.index(place) for name, place in (("label", label), ("predicted", predicted))}
    _matrix(data={"html": matrix_html(page, drawn, shares=shares)} | chosen, key=KEY, on_cell_change=choose)


def matrix_html(page: PredictionPage, drawn: Sequence[int] | None = None, *, shares: bool = False) -> str:
    """The table of the `drawn` classes, or of all, with counts or `shares`; all text is escaped."""
    drawn = range(len(page.classes)) if drawn is None else drawn
    names = [escape(translated(page.classes[each])) for each in drawn]
    size = " cnn-short" * (max(map(len, names)) <= _SHORT) + " cnn-many" * (len(names) > _MANY)
    head = "".join(f'<th scope="col" title="{name}"><span>{name}</span></th>' for name in names)
    rows = "".join(_row(page, place, drawn, names, shares=shares) for place in range(len(names)))
    return (
        f'<table role="grid" class="cnn-matrix{size}" style="--classes:{len(names)}">'
        f"<caption>{escape(_('Confusion matrix: true classes by row, predicted classes by column'))}</caption>"
        f'<thead><tr><th scope="col" class="cnn-corner">{escape(_("true ↓"))}<br>{escape(_("predicted →"))}</th>{head}</tr></thead>'
        f"<tbody>{rows}</tbody></table>"
    )


def _row(page: PredictionPage, label: int, drawn: Sequence[int], names: list[str], *, shares: bool) -> str:
    """The row at the place `label` of those that are drawn."""
    counts = page.confusion[drawn[label]]
    total = sum(counts)
    cells = []
    for predicted, count in enumerate(counts[each] for each in drawn):
        right, share = predicted == label, count / total if count else 0.0
        taken = (
            _("{truth} taken for {predicted}, which is right: {count:,} of {total:,} images")
            if right
            else _("{truth} taken for {predicted}: {count:,} of {total:,} images")
        )
        text = taken.format(truth=names[label], predicted=names[predicted], count=count, total=total)
        text += escape(f"{_(', ')}{percent(share)}") if count else ""
        # The square root, so that a few mistakes among many images are seen.
        style = f"--tint:{STRONGEST * math.sqrt(share):.0f}%;--colour:{RIGHT if right else WRONG}"
        kind = "cnn-right" if right else "cnn-wrong" if count else "cnn-none"
        cells.append(
            f'<td class="{kind}" style="{style}"><button type="button" tabindex="-1" aria-pressed="false" '
            f'title="{text}" aria-label="{text}">{_figure(count, share, shares=shares)}</button></td>'
        )
    return f'<tr><th scope="row" title="{names[label]}"><span>{names[label]}</span></th>{"".join(cells)}</tr>'


def _figure(count: int, share: float, *, shares: bool) -> str:
    """What a cell shows. Without the sign of per cent, for which it has no room."""
    return escape(percent(share, 0).removesuffix(" %")) if shares else f"{count:,}"


def _cell(chosen: Any, classes: int) -> tuple[int | None, int | None]:
    """The cell that a browser names, or none: it may show a network with other classes."""
    if isinstance(chosen, list) and len(chosen) == 2 and all(type(place) is int and 0 <= place < classes for place in chosen):
        return chosen[0], chosen[1]
    return None, None
