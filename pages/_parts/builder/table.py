"""The rows of a network as a table: a press on a row shows its settings, the arrow keys go from row to row.

It is HTML, as the layer table is: a browser measures its columns, and a screen reader reads them.
"""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from pathlib import Path

import streamlit as st
from streamlit.components import v2

from cnnlab.architectures.own import Network, Placed, RowError
from cnnlab.architectures.own.words import settings_words
from cnnlab.i18n import N_, _, ngettext, translated
from cnnlab.text import listed, shape_text
from pages._parts.builder.state import select

KEY = "design:rows"
_HEADS = (N_("Row"), N_("Layer"), N_("Settings"), N_("Output"), N_("Parameters"))

_table = v2.component(
    "cnnlab_rows",
    html='<div class="cnn-own"></div>',
    **{name: Path(__file__).with_suffix(f".{name}").read_text(encoding="utf-8") for name in ("css", "js")},
    isolate_styles=False,
)


def draw_rows(network: Network, rows: Sequence[Placed], error: RowError | None, chosen: int) -> None:
    """Draws all rows; those in `rows` have shapes. The row of `error` carries its reason."""

    def choose() -> None:
        place = st.session_state[KEY].get("row")
        if type(place) is int and 0 <= place < len(network.layers):
            select(place)

    _table(data={"html": rows_html(network, rows, error, chosen)}, key=KEY, on_row_change=choose)


def rows_html(network: Network, rows: Sequence[Placed], error: RowError | None, chosen: int) -> str:
    """The table; all text is escaped."""
    known = {row.layer.name: row for row in rows}
    head = "".join(f'<th scope="col">{escape(translated(title))}</th>' for title in _HEADS)
    label = escape(_("Rows of {network}").format(network=network.title))
    body = "".join(
        _row(network, place, known.get(layer.name), error if error and error.row == place else None, place == chosen)
        for place, layer in enumerate(network.layers)
    )
    return f"<table><caption>{label}</caption><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def _row(network: Network, place: int, row: Placed | None, error: RowError | None, chosen: bool) -> str:
    layer = network.layers[place]
    settings = settings_words(layer)
    if layer.inputs:
        settings = _("{settings} ← {rows}").format(settings=settings, rows=listed(layer.inputs)).strip()
    shape = shape_text(row.shape) if row else "✗" if error else "–"
    title = _breakable(layer.name)
    name = _("Row {number}, {name}: {kind}").format(number=place + 1, name=layer.name, kind=translated(layer.of.title))
    marks = (" cnn-wrong" if error else "") + (" cnn-chosen" if chosen else "")
    cells = (
        f"<td>{place + 1}</td>"
        f'<th scope="row"><button type="button" tabindex="{0 if chosen else -1}" aria-pressed="{str(chosen).lower()}" '
        f'aria-label="{escape(name)}">{title}<small>{escape(translated(layer.of.title))}</small></button></th>'
        f"<td>{_breakable(settings)}</td><td>{shape}</td>"
        f"<td>{row.parameters if row else 0:,}</td>"
    )
    made = f'<tr class="cnn-row{marks}" data-row="{place}">{cells}</tr>'
    if error:
        reason = escape(translated(str(error)))
        made += f'<tr class="cnn-reason"><td colspan="{len(_HEADS)}" role="alert">✗ {reason}</td></tr>'
    return made


def _breakable(text: str) -> str:
    """Text in HTML that may break behind each _: names of rows are long words."""
    return escape(text).replace("_", "_<wbr>")


def totals(rows: Sequence[Placed]) -> str:
    """How many rows there are, and their parameters."""
    count = ngettext("{count} row", "{count} rows", len(rows)).format(count=len(rows))
    return _("{rows}, {parameters:,} parameters").format(rows=count, parameters=sum(row.parameters for row in rows))
