"""How much of the image one value of each layer sees."""

from __future__ import annotations

import streamlit as st

from cnnlab.architectures import card
from cnnlab.i18n import _, together
from cnnlab.lab import Lab
from cnnlab.layers import LayerRow
from cnnlab.palette import KINDS
from cnnlab.text import listed
from pages._parts.drawing import Square, drawing
from pages._parts.markdown import escaped

NETWORKS = ("lenet", "vgg", "alexnet")
IMAGE, EDGE, LIGHT = "#30363d", KINDS["input"], "#ffffff"  # light inside the frame, so that it is seen on the image


def draw_receptive_field(lab: Lab) -> None:
    """Draws the field of a layer of a network on the image, and those of all its windows in a sentence."""
    name = st.radio(
        _("Network"), NETWORKS, horizontal=True, key="figure field network",
        format_func=lambda name: card(name).title, help=_("With its usual settings and image size."),
    )  # fmt: skip
    chosen = card(name)
    table = lab.design(name, chosen.input_shape, 10, {})
    rows = [row for row in table.rows if row.category in ("convolution", "pooling") and row.receptive_field]
    path = st.select_slider(
        _("Layer"),
        [row.path for row in rows],
        rows[-1].path,
        key=f"figure field {name}",
        help=_("A convolution or a pooling layer."),
    )
    row = next(each for each in rows if each.path == path)
    side = chosen.input_shape[1]
    st.html(drawing(_squares(row, side), max(side, _field(row)), max(side, _field(row)), _sentence(row, side), pixels=260))
    st.markdown(_sentence(row, side, written=True))
    fields = listed(f"{each.path} {_field(each):,} px" for each in rows)
    st.caption(_("{network}: {fields}.").format(network=chosen.title, fields=fields))


def _field(row: LayerRow) -> int:
    return row.receptive_field or 0


def _squares(row: LayerRow, side: int) -> list[Square]:
    field, whole = _field(row), max(side, _field(row))
    edge, inner = (whole - side) / 2, (whole - field) / 2
    thin = whole / 130
    return [
        Square(edge, edge, side, side, IMAGE, fill=True),
        Square(edge, edge, side, side, EDGE),
        Square(inner + thin, inner + thin, field - 2 * thin, field - 2 * thin, LIGHT),
        Square(inner, inner, field, field, KINDS[row.category]),
    ]


def _sentence(row: LayerRow, side: int, *, written: bool = False) -> str:
    field, path = _field(row), f"**{escaped(row.path)}**" if written else row.path
    seen = _("One value of {layer} depends on {field:,}×{field:,} pixels of an image of {side}×{side}.")
    seen = seen.format(layer=path, field=field, side=side)
    return together(seen, _("The part beyond the edge is padding.") if field > side else "")
