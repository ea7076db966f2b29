"""A layer table on a page: key figures, the table itself, and two networks' figures in one table."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import streamlit as st

from cnnlab.figures import network_svg
from cnnlab.i18n import _
from cnnlab.layers import LayerTable
from cnnlab.text import count_text, size_text
from pages._parts.address import Address, whole_number
from pages._parts.network_view import draw_layers, meanings
from pages._parts.one_choice import one_choice

if TYPE_CHECKING:
    import pandas as pd

ALL = 99  # deeper than any network's paths, so nothing is folded


@dataclass(frozen=True, slots=True)
class KeyFigure:
    """One number about a network, as text and as a number to take a ratio of; texts are in the reader's language."""

    title: str
    text: str
    number: float
    help: str
    # Comparisons: of amounts "as much", "less", where a count is "as many", "fewer"; "" stands for the words of a count.
    as_many: str = ""
    times_fewer: str = ""
    more: str = ""
    fewer: str = ""


def key_figures(table: LayerTable) -> tuple[KeyFigure, ...]:
    """The costs of a network in five numbers."""
    # Dense layers and adaptive pooling see the whole image; networks differ in how far the windows before them reach.
    windows = (row for row in table.rows if row.category in ("convolution", "pooling"))
    field = max((row.receptive_field or 0 for row in windows), default=0)
    trained = sum(row.parameters > 0 for row in table.rows)
    return (
        KeyFigure(
            _("Parameters"), count_text(table.parameters), table.parameters,
            _("Numbers that training adjusts, also called weights: {count:,}.").format(count=table.parameters),
        ),
        KeyFigure(
            _("MACs for one image"), count_text(table.macs), table.macs,
            _(
                "Multiply-accumulates: one multiplication and one addition each, {count:,} of them. "
                "They measure the work of one prediction."
            ).format(count=table.macs),
        ),
        KeyFigure(
            _("Activation memory"), size_text(table.activation_bytes), table.activation_bytes,
            _("The outputs of all layers for one image, kept in memory while training. "
              "A batch of 64 images needs 64 times as much."),
            _("{times} times as much"), _("{times} times less"), _("{share} % more"), _("{share} % less"),
        ),
        KeyFigure(
            _("Layers with weights"), _("{count} of {total}").format(count=trained, total=len(table.rows)), trained,
            _("Layers that training changes, out of all rows in the table below."),
        ),
        KeyFigure(
            _("Receptive field"), f"{field:,} px" if field else _("whole image"), field,
            _(
                "Side of the square of input pixels that one value of the last convolution or pooling can depend on. "
                "It can be larger than the image, as padding counts. Dense layers and global pools see what these windows reach of "
                "the image: all of it, or a few rows and columns less where strides do not divide evenly."
            ),
            _("{times} times as wide"), _("{times} times narrower"), _("{share} % wider"), _("{share} % narrower"),
        ),
    )  # fmt: skip


def metrics_row(table: LayerTable) -> None:
    """The five numbers in a row, which breaks where it is too long: a number is never cut off."""
    with st.container(horizontal=True, gap="small", key="design-totals"):
        for figure in key_figures(table):
            st.metric(figure.title, figure.text, help=figure.help, width="content")


def ratio_table(first: tuple[KeyFigure, ...], second: tuple[KeyFigure, ...], names: tuple[str, str]) -> pd.DataFrame:
    """Two networks' figures side by side, with the ratio of the second to the first."""
    # Not above: the first page of a new server would wait a third of a second for a table that it does not show.
    import pandas as pd  # noqa: PLC0415

    rows = [(a.title, a.text, b.text, ratio(a, b)) for a, b in zip(first, second, strict=True)]
    return pd.DataFrame(rows, columns=["", f"A: {names[0]}", f"B: {names[1]}", _("B compared with A")]).set_index("")


def ratio(first: KeyFigure, second: KeyFigure) -> str:
    """How much more or less the second is: "15 times fewer", "40 % more", "the same"."""
    if not first.number or not second.number:
        return "–"
    times = second.number / first.number
    if abs(times - 1) < 0.005:
        return _("the same") if first.number == second.number else _("about the same")
    if 0.5 < times < 2:
        words = first.more or _("{share} % more") if times > 1 else first.fewer or _("{share} % fewer")
        return words.format(share=f"{abs(times - 1) * 100:.0f}")
    many = max(times, 1 / times)
    figures = f"{many:,.0f}" if many >= 9.95 else f"{many:.1f}".removesuffix(".0")
    words = first.as_many or _("{times} times as many") if times > 1 else first.times_fewer or _("{times} times fewer")
    return words.format(times=figures)


def layer_table_view(table: LayerTable, address: Address, *, title: str, name: str, group: str) -> None:
    """The table with its folding depth, and downloads; rows light up with the drawing whose key is `group`.

    `title` stands above the saved drawing, and files are called after `name`.
    """
    left, middle, right = st.columns([4, 2, 2], vertical_alignment="bottom")
    with left:
        shown = table.fold(_pick_depth(table, address)) if table.rows else table
    if not table.failure:
        middle.download_button(
            _("Drawing as SVG"), network_svg(table, title), f"{name}.svg", "image/svg+xml", icon=":material/download:",
            on_click="ignore", width="stretch", help=_("The drawing above with its totals, as a picture for a report or a slide."),
        )  # fmt: skip
    right.download_button(
        _("Table as CSV"), shown.to_csv(), f"{name}-layers.csv", "text/csv", icon=":material/download:", on_click="ignore",
        width="stretch", help=_("The table below as a file for a spreadsheet, with exact numbers."),
    )  # fmt: skip
    draw_layers(shown, table, key="design:layers", group=group)
    if not table.failure:
        st.caption(
            _(
                "{rows} rows. Totals: {parameters:,} parameters, {buffers:,} buffers, {macs:,} MACs and {memory} of activations "
                "for one image. Click a header to sort. On a narrow screen large numbers are short (M: million, G: billion) and "
                "some columns are left out; the CSV has them all in full."
            ).format(
                rows=len(shown.rows), parameters=table.parameters, buffers=table.buffers, macs=table.macs,
                memory=size_text(table.activation_bytes),
            )
        )  # fmt: skip
    with st.expander(_("What the columns mean")):
        st.markdown(meanings())


def _pick_depth(table: LayerTable, address: Address) -> int:
    deepest = max((row.path.count(".") + 1 for row in table.rows), default=1)
    if deepest == 1:
        address.text("detail")  # of no effect here, but no mistake in the address either
        wired = any(row.category == "join" for row in table.rows)
        st.caption(
            _("The rows of this network have no blocks to fold.")
            if wired
            else _("This network is a plain chain of layers; there are no blocks to fold.")
        )
        return ALL
    titles = (
        {1: _("blocks")}
        | {depth: _("parts of blocks") if depth == 2 else _("depth {depth}").format(depth=depth) for depth in range(2, deepest)}
        | {ALL: _("all layers")}
    )
    key = f"design:{table.architecture}:detail"
    return one_choice(
        _("Show"), key, "detail", titles, address, parse=whole_number("detail", 1, ALL),
        otherwise=ALL,  # an address may name a depth that this network lacks
        help=_(
            "Blocks fold neighbouring layers into one row, as the course prints these networks; their costs are added up."
        ),
    )  # fmt: skip
