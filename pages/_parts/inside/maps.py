"""The view Maps: a layer's channels as pictures, how their values are distributed, and one channel in numbers."""

from __future__ import annotations

from functools import partial

import streamlit as st

from cnnlab.i18n import N_, _, ngettext, together
from cnnlab.inside_values import ChannelMap, InsideLayer, Maps
from cnnlab.text import percent, shape_text
from pages._parts.address import Address
from pages._parts.grid import grid
from pages._parts.heading import header
from pages._parts.image_grid import GridItem, image_grid
from pages._parts.inside.choice import PAGER, PER_PAGE, Chosen, pick_number
from pages._parts.inside.downloads import cells_png, histogram_ways, listed, numbers_button, picture_ways
from pages._parts.inside.numbers import MOST_CELLS, bars_html, cells_html, ends_of, figure_text, legend_html
from pages._parts.inside.words import change_sentence, image_words, statistics_sentences
from pages._parts.markdown import escaped

SMALLEST, LARGEST = 64, 112  # pixels a side of a map


def draw_maps(chosen: Chosen, address: Address) -> InsideLayer:
    """Draws the view; returns the layer that it shows."""
    layer, look = chosen.layer, chosen.look
    PAGER.initialise(address)
    channels = layer.output_shape[0] if layer.is_map else 1
    first = PAGER.offset(channels)
    PAGER.write(address)
    found = chosen.lab.inside.maps(look, layer.path, first=first, count=PER_PAGE)
    if chosen.seen.changes:
        place = chosen.network.layers.index(layer)
        st.markdown(change_sentence(layer, look, chosen.seen.changes[place]))
    if layer.is_map:
        _channels(chosen, found, channels)
    else:
        _units(chosen)
    st.header(_("How its values are distributed"), anchor=False)
    st.markdown("\n".join(f"- {sentence}" for sentence in statistics_sentences(found.statistics, layer)))
    if len(found.statistics.histogram) > 1:
        st.html(bars_html(found.statistics.histogram, found.statistics.low, found.statistics.high))
        st.caption(
            _("Bars: how many values lie where, from the smallest on the left to the largest. Heights grow with the square root.")
        )
        histogram_ways(
            found.statistics.histogram, (found.statistics.low, found.statistics.high),
            partial(chosen.file, f"{layer.path}-histogram"),
            _("{image}: values of {layer}").format(image=image_words(look), layer=layer.path), what=_("Histogram"),
        )  # fmt: skip
    if layer.is_map:
        _one_channel(chosen, address, channels)
    else:
        address.text("channel")
    if chosen.seen.changes:
        _changes(chosen)
    return layer


def _channels(chosen: Chosen, found: Maps, channels: int) -> None:
    layer = chosen.layer
    height, width = layer.output_shape[1:]
    if channels > PER_PAGE:
        PAGER.buttons(channels)
    image_grid([_item(each, layer.path) for each in found.maps], LARGEST if len(found.maps) <= 16 else SMALLEST)
    text = _("value in the maps of {layer}, one scale for all channels").format(layer=layer.path)
    st.html(legend_html(found.low, found.high, text))
    text = ngettext("{count:,} channel of {size} values.", "{count:,} channels of {size} values.", channels)
    sentences = [text.format(count=channels, size=shape_text((height, width)))]
    if channels > PER_PAGE:
        sentences.append(_("At most {count} are shown at a time.").format(count=PER_PAGE))
    st.caption(together(*sentences, _("Point at a map for its smallest, mean and largest value.")))
    first, count = found.maps[0].channel, len(found.maps)
    ask = chosen.lab.inside
    with st.container(horizontal=True):
        picture_ways(
            _("Maps"), lambda: ask.sheet(chosen.look, layer.path, first=first, count=count),
            partial(chosen.file, f"{layer.path}-maps-{first + 1}"),
            _("{image}: maps of {layer}").format(image=image_words(chosen.look), layer=layer.path),
            pictures=[(each.picture, f"{each.channel + 1}") for each in found.maps],
            note=_("Colours from {low} to {high}, one scale for all channels").format(
                low=figure_text(found.low), high=figure_text(found.high)
            ),
            help=_("The maps above as one picture, row by row."),
        )  # fmt: skip
        numbers_button(
            _("Numbers as CSV"),
            lambda: [
                row
                for place, table in enumerate(ask.numbers(chosen.look, layer.path, first=first, count=count).channels)
                for row in listed(table, first + place)
            ],
            chosen.file(f"{layer.path}-maps-{first + 1}", "csv"),
            help=_("Each value of the maps above, with its channel, row and column, rounded to six decimals."),
        )


def _item(each: ChannelMap, path: str) -> GridItem:
    figures = _("from {low} to {high}, mean {mean}").format(
        low=figure_text(each.low), high=figure_text(each.high), mean=figure_text(each.mean)
    )
    silent = each.low == each.high == 0
    notes = [_("0 everywhere")] if silent else []
    if each.change is not None and (not silent or each.change):
        notes.append(_("changed {share}").format(share=percent(each.change, 0)))
    note, number = _(", ").join(notes), each.channel + 1
    alt = _("Channel {channel} of {layer}: {figures}; {note}") if note else _("Channel {channel} of {layer}: {figures}")
    return GridItem(
        data_uri=each.picture,
        alt=alt.format(channel=number, layer=path, figures=figures, note=note),
        caption=f"{number}",
        detail=note,
        hover=_("Channel {channel}: {figures}").format(channel=number, figures=figures),
    )


def _units(chosen: Chosen) -> None:
    """A flat output: its values as cells, wrapped into rows."""
    layer, ask = chosen.layer, chosen.lab.inside
    values = ask.numbers(chosen.look, layer.path, first=0, count=1).channels[0][0]
    shown, across = values[:MOST_CELLS], 20
    rows = tuple(tuple(shown[start : start + across]) for start in range(0, len(shown), across))
    low, high = ends_of((values,))
    title = _("{count:,} values of {layer}, {across} a row").format(count=len(values), layer=layer.path, across=across)
    st.html(cells_html(rows, low, high, title, written=len(values) <= across))
    st.html(legend_html(low, high, _("value of a unit of {layer}").format(layer=layer.path)))
    text = _("This layer has no maps: its output is {size} values in a row, without a place on the image.").format(
        size=shape_text(layer.output_shape)
    )
    if len(values) > MOST_CELLS:
        text += _(" The first {count:,} are shown; the file has all.").format(count=MOST_CELLS)
    st.caption(text)
    with st.container(horizontal=True):
        picture_ways(
            _("Values"), lambda: cells_png(rows), partial(chosen.file, layer.path),
            _("{image}: values of {layer}").format(image=image_words(chosen.look), layer=layer.path),
            note=_("Colours from {low} to {high}").format(low=figure_text(low), high=figure_text(high)),
            help=_("The values above as squares, row by row."),
        )  # fmt: skip
        numbers_button(
            _("Numbers as CSV"), lambda: [(unit, value) for unit, value in enumerate(values, 1)], chosen.file(layer.path, "csv"),
            header=("unit", "value"), help=_("Each value of this layer, rounded to six decimals."),
        )  # fmt: skip


def _one_channel(chosen: Chosen, address: Address, channels: int) -> None:
    layer = chosen.layer
    height, width = layer.output_shape[1:]
    header(N_("One channel in numbers"), anchor=False)
    number = pick_number(
        _("Channel"), "inside:channel", "channel", channels, address,
        help=_("Which channel of this layer is shown, value by value."),
    )  # fmt: skip
    if height * width > MOST_CELLS:
        text = _("{size} values are too many to point at here. “Numbers as CSV” above has each of them.")
        st.caption(text.format(size=shape_text((height, width))))
        return
    (table,) = chosen.lab.inside.numbers(chosen.look, layer.path, first=number - 1, count=1).channels
    low, high = ends_of(table)
    title = _("Channel {channel} of {layer}").format(channel=number, layer=layer.path)
    st.html(cells_html(table, low, high, title, written=height * width <= 100))
    text = (
        _("Point at a cell for its value. These colours end at {low} and {high}: no value of this channel is farther from 0.")
        if low < 0
        else _("Point at a cell for its value. These colours end at {high}, the largest value of this channel.")
    )
    st.caption(text.format(low=figure_text(low), high=figure_text(high)))


def _changes(chosen: Chosen) -> None:
    st.header(_("Which layers notice the move"), anchor=False)
    layers, changes = chosen.network.layers, chosen.seen.changes
    grid(
        {
            _("Layer"): [layer.path for layer in layers],
            _("Kind"): [layer.kind for layer in layers],
            _("Change"): [100 * change for change in changes],
        },
        column_config={
            _("Change"): st.column_config.ProgressColumn(
                _("Change"), format="%.2g %%", min_value=0, max_value=max(100.0, *(100 * change for change in changes)),
                help=_("The length of the difference to the output without the move, divided by the length of that output."),
            )
        },
        height="content", key="inside:changes",
    )  # fmt: skip
    pools = [
        f"{escaped(layer.path)} {percent(before, 0)} → {percent(after, 0)}"
        for layer, before, after in zip(layers[1:], changes, changes[1:], strict=False)
        if "Pool" in layer.kind
    ]
    if pools:
        st.caption(
            _(
                "What enters and leaves each pooling layer: {pools}. Within a window the largest value, or the mean, is nearly the "
                "same wherever the pattern lies, so pooling tends to make the change smaller."
            ).format(pools=_("; ").join(pools))
        )
