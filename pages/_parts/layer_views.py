"""A layer table on a page: key figures, the table itself, and two networks' figures in one table."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd
import streamlit as st

from cnnlab.layers import LayerTable
from cnnlab.text import count_text, shape_text, size_text
from pages._parts.address import Address, whole_number
from pages._parts.grid import grid
from pages._parts.one_choice import one_choice

ALL = 99  # deeper than any network's paths, so nothing is folded


@dataclass(frozen=True, slots=True)
class KeyFigure:
    """One number about a network, as text and as a number to take a ratio of."""

    title: str
    text: str
    number: float
    help: str


def key_figures(table: LayerTable) -> tuple[KeyFigure, ...]:
    """The costs of a network in five numbers."""
    # Dense layers and adaptive pooling see the whole image; networks differ in how far the windows before them reach.
    windows = (row for row in table.rows if row.category in ("convolution", "pooling"))
    field = max((row.receptive_field or 0 for row in windows), default=0)
    trained = sum(row.parameters > 0 for row in table.rows)
    return (
        KeyFigure(
            "Parameters", count_text(table.parameters), table.parameters,
            f"Numbers that training adjusts, also called weights: {table.parameters:,}.",
        ),
        KeyFigure(
            "MACs for one image", count_text(table.macs), table.macs,
            f"Multiply-accumulates: one multiplication and one addition each, {table.macs:,} of them. "
            "They measure the work of one prediction.",
        ),
        KeyFigure(
            "Activation memory", size_text(table.activation_bytes), table.activation_bytes,
            "The outputs of all layers for one image, kept in memory while training. A batch of 64 images needs 64 times as much.",
        ),
        KeyFigure(
            "Layers with weights", f"{trained} of {len(table.rows)}", trained,
            "Layers that training changes, out of all rows in the table below.",
        ),
        KeyFigure(
            "Receptive field", f"{field:,} px" if field else "whole image", field,
            "Side of the square of input pixels that one value of the last convolution or pooling can depend on. "
            "It can be larger than the image, as padding counts.",
        ),
    )  # fmt: skip


def metrics_row(table: LayerTable) -> None:
    """The five numbers in a row."""
    figures = key_figures(table)
    for column, figure in zip(st.columns(len(figures)), figures, strict=True):
        column.metric(figure.title, figure.text, help=figure.help)


def ratio_table(first: tuple[KeyFigure, ...], second: tuple[KeyFigure, ...], names: tuple[str, str]) -> pd.DataFrame:
    """Two networks' figures side by side, with the ratio of the second to the first."""
    rows = [(a.title, a.text, b.text, _times(a.number, b.number)) for a, b in zip(first, second, strict=True)]
    return pd.DataFrame(rows, columns=["", f"A: {names[0]}", f"B: {names[1]}", "B compared with A"]).set_index("")


def layer_table_view(table: LayerTable, address: Address, *, name: str) -> None:
    """The table with its folding depth, and a download as CSV."""
    left, right = st.columns([3, 1], vertical_alignment="bottom")
    with left:
        shown = table.fold(_pick_depth(table, address))
    right.download_button(
        "Download as CSV", shown.to_csv(), name, "text/csv", icon=":material/download:", on_click="ignore", width="stretch",
        help="The table below as a file for a spreadsheet, with exact numbers.",
    )  # fmt: skip
    frame = _frame(shown)
    # A column of zeros would push the input shapes off a small screen; the CSV always has it.
    order = [name for name in frame.columns if name != "buffers" or shown.buffers]
    height = "content" if len(shown.rows) <= 20 else 600
    grid(frame, column_config=_columns(), column_order=order, height=height)
    st.caption(
        f"{len(shown.rows)} rows. Totals: {table.parameters:,} parameters, {table.buffers:,} buffers, {table.macs:,} MACs and "
        f"{size_text(table.activation_bytes)} of activations for one image. Shapes are channels × height × width; "
        "hover over a header for its meaning."
    )


def _pick_depth(table: LayerTable, address: Address) -> int:
    deepest = max((row.path.count(".") + 1 for row in table.rows), default=1)
    if deepest == 1:
        st.caption("This network is a plain chain of layers; there are no blocks to fold.")
        return ALL
    titles = (
        {1: "blocks"}
        | {depth: "parts of blocks" if depth == 2 else f"depth {depth}" for depth in range(2, deepest)}
        | {ALL: "all layers"}
    )
    key = f"design:{table.architecture}:detail"
    return one_choice(
        "Show", key, "detail", titles, address, parse=whole_number("detail", 1, ALL),
        otherwise=ALL,  # an address may name a depth that this network lacks
        help="Blocks fold neighbouring layers into one row, as the course prints these networks; their costs are added up.",
    )  # fmt: skip


def _frame(table: LayerTable) -> pd.DataFrame:
    return pd.DataFrame(
        [
            {
                "path": row.path,
                "kind": f"{row.layers} layers" if row.layers > 1 else row.kind,
                "settings": row.settings + (" (same weights as above)" if row.shared else ""),
                "output": shape_text(row.output_shape, spaced=True),
                "parameters": row.parameters,
                "share": 100 * row.share,
                "macs": row.macs,
                "memory": round(row.activation_bytes / 1000, 2),
                "field": row.receptive_field,
                "buffers": row.buffers,
                "input": shape_text(row.input_shape, spaced=True),
            }
            for row in table.rows
        ]
    )


def _columns() -> dict[str, object]:
    column = st.column_config
    return {
        "path": column.TextColumn("Layer", help="Where the layer sits in the network; a dot leads into a block.", pinned=True),
        "kind": column.TextColumn("Kind", help="PyTorch's name for the layer, or how many layers are folded into this row."),
        "settings": column.TextColumn(
            "Settings", width=215, help="Settings of the layer: channels, window, stride (step), pad (border of zeros)."
        ),
        "output": column.TextColumn("Output shape", help="Channels × height × width of the output, for one image."),
        "parameters": column.NumberColumn("Parameters", format="localized", help="Numbers in this layer that training changes."),
        "share": column.ProgressColumn(
            "Share", format="%.1f %%", min_value=0, max_value=100, width=110, help="This layer's part of all parameters."
        ),
        "macs": column.NumberColumn(
            "MACs", format="localized", help="Multiply-accumulates for one image: how much this layer computes."
        ),
        "memory": column.NumberColumn(
            "Memory, kB",
            format="localized",
            help="Memory of this layer's output for one image, at 4 bytes a number (1 kB is 1,000 bytes).",
        ),
        "field": column.NumberColumn(
            "Field, px",
            format="localized",
            help="Receptive field: side of the square of input pixels that one output value can depend on. "
            "Padding counts as pixels, so it can be larger than the image.",
        ),
        "buffers": column.NumberColumn(
            "Buffers", format="localized", help="Numbers kept but not trained: batch normalisation's running mean and variance."
        ),
        "input": column.TextColumn("Input shape", help="Channels × height × width of the input."),
    }


def _times(first: float, second: float) -> str:
    if not first or not second:
        return "–"
    ratio = second / first
    if abs(ratio - 1) < 0.05:
        return "the same" if first == second else "about the same"
    return f"{ratio:,.1f} times as much" if ratio > 1 else f"{1 / ratio:,.1f} times less"
