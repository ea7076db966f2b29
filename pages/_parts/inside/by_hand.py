"""The view By hand: one value of a convolution or a pooling layer, with every number that it comes from."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import partial

import streamlit as st

from cnnlab.i18n import _
from cnnlab.inside_values import WITH_WINDOW, ByHand, InsideLayer, Table
from cnnlab.text import shape_text
from pages._parts.address import Address
from pages._parts.inside.choice import Chosen, pick_number
from pages._parts.inside.downloads import numbers_button, picture_ways
from pages._parts.inside.numbers import cells_html, ends_of
from pages._parts.inside.picture import centre_of
from pages._parts.inside.sums import result_sentences, size_sentence
from pages._parts.inside.what_if import draw_what_if
from pages._parts.inside.window import draw_window
from pages._parts.inside.words import image_words
from pages._parts.markdown import escaped

ROW, COLUMN = "inside:row", "inside:column"
MOST = 400  # values of a window that are drawn
HEADER = ("row in the window", "column in the window", "value", "weight", "product")


def draw_by_hand(chosen: Chosen, address: Address) -> tuple[InsideLayer, tuple[int, int]] | None:
    """Draws the view; returns the layer and the place of its output that the frame on the image belongs to."""
    layer = chosen.nearest(WITH_WINDOW)
    if layer is None:
        st.info(_("This network has no convolution and no pooling layer, so there is no window to work out."))
        return None
    if layer is not chosen.layer:
        text = _("{layer} has no window; this is {other}.")
        st.caption(text.format(layer=escaped(chosen.layer.path), other=escaped(layer.path)))
    channels, height, width = layer.output_shape
    centre = centre_of(layer)
    with st.container(key="inside-place"):
        places = st.columns(4)
    with places[0]:
        channel = pick_number(
            _("Channel"), "inside:channel", "channel", channels, address,
            help=_("Which channel of the layer's output the value is in."),
        )  # fmt: skip
    with places[1]:
        row = pick_number(
            _("Row"), ROW, "row", height, address, default=centre[0] + 1, help=_("The row of the value in the output."),
        )  # fmt: skip
    with places[2]:
        column = pick_number(
            _("Column"), COLUMN, "column", width, address, default=centre[1] + 1, help=_("Its column."),
        )  # fmt: skip
    reads = chosen.lab.inside.worked_out  # the number of channels that it reads is known with the answer
    at = {"channel": channel - 1, "row": row - 1, "column": column - 1}
    found = reads(chosen.look, layer.path, **at)
    with places[3]:
        asked = pick_number(
            _("Input channel"), "inside:reads", "reads", len(found.reads), address,
            help=_("Whose window is shown: a convolution adds up over all input channels, pooling reads only its own."),
        )  # fmt: skip
    if asked > 1:
        found = reads(chosen.look, layer.path, **at, reads=asked - 1)
    st.markdown(size_sentence(found))
    _window(chosen, found)
    st.markdown("\n".join(f"- {sentence}" for sentence in result_sentences(found)))
    _files(chosen, found)
    draw_what_if(found)
    return layer, (row - 1, column - 1)


def _show_place(row: int, column: int) -> None:
    st.session_state.update({ROW: row + 1, COLUMN: column + 1})


def _window(chosen: Chosen, found: ByHand) -> None:
    """The input channel with the window on it, and the numbers."""
    sides = (found.given[1], found.given[2])
    with st.container(horizontal=True, gap="medium", key="inside-window"):
        with st.container(width=200):
            draw_window(found, _show_place)
            text = _("Input channel {channel} of {count:,}. Drag the window, click where it should be, or use the arrow keys.")
            st.caption(text.format(channel=found.shown + 1, count=len(found.reads) if found.sums else found.given[0]))
        if len(found.window) * len(found.window[0]) > MOST:
            text = _("The window has {size} values, too many to draw; the file has each of them.")
            st.caption(text.format(size=shape_text(found.kernel)))
            return

        def outside(line: int, place: int) -> bool:
            at = (found.place[0] + line * found.dilation[0], found.place[1] + place * found.dilation[1])
            return not all(0 <= position < side for position, side in zip(at, sides, strict=True))

        _numbers(_("Values under the window"), found.window, outside)
        if found.weights:
            _numbers(_("× kernel"), found.weights, None)
            _numbers(_("= products"), products_of(found), outside)


def _numbers(title: str, values: Table, absent: Callable[[int, int], bool] | None) -> None:
    with st.container(width="content"):
        st.html(cells_html(values, *ends_of(values), title, written=True, absent=absent))


def products_of(found: ByHand) -> Table:
    """Each value times its weight."""
    return tuple(
        tuple(value * weight for value, weight in zip(values, weights, strict=True))
        for values, weights in zip(found.window, found.weights, strict=True)
    )


def _files(chosen: Chosen, found: ByHand) -> None:
    name = f"{found.path}-{found.channel + 1}-{found.row + 1}-{found.column + 1}-input{found.shown + 1}"
    with st.container(horizontal=True):
        picture_ways(
            _("Input channel"), found.picture, partial(chosen.file, name),
            _("{image}: input channel {channel} of {layer}").format(
                image=image_words(chosen.look), channel=found.shown + 1, layer=found.path
            ),
            help=_("The input channel without the frame, a pixel a value."),
        )  # fmt: skip
        numbers_button(
            _("Numbers as CSV"), lambda: list(_rows(found)), chosen.file(name, "csv"), header=HEADER,
            help=_("The values under the window with their weights and products, rounded to six decimals."),
        )  # fmt: skip


def _rows(found: ByHand) -> Iterable[Sequence[object]]:
    for row, values in enumerate(found.window):
        for column, value in enumerate(values):
            weight = found.weights[row][column] if found.weights else None
            yield row + 1, column + 1, value, weight, None if weight is None else value * weight
