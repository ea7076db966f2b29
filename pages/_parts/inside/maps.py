"""The view Maps: a layer's channels as pictures, how their values are distributed, and one channel in numbers."""

from __future__ import annotations

from functools import partial

import streamlit as st

from cnnlab.inside_values import ChannelMap, InsideLayer, Maps
from cnnlab.text import percent, shape_text
from pages._parts.address import Address
from pages._parts.grid import grid
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
    st.header("How its values are distributed", anchor=False)
    st.markdown("\n".join(f"- {sentence}" for sentence in statistics_sentences(found.statistics, layer)))
    if len(found.statistics.histogram) > 1:
        st.html(bars_html(found.statistics.histogram, found.statistics.low, found.statistics.high))
        st.caption(
            "Bars: how many values lie where, from the smallest on the left to the largest. Heights grow with the square root."
        )
        histogram_ways(
            found.statistics.histogram, (found.statistics.low, found.statistics.high),
            partial(chosen.file, f"{layer.path}-histogram"), f"{image_words(look)}: values of {layer.path}",
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
    st.html(legend_html(found.low, found.high, f"value in the maps of {layer.path}, one scale for all channels"))
    more = f" At most {PER_PAGE} are shown at a time." if channels > PER_PAGE else ""
    st.caption(
        f"{channels:,} channel{'s' * (channels > 1)} of {height}×{width} values.{more} Point at a map for its smallest, mean and "
        "largest value."
    )
    first, count = found.maps[0].channel, len(found.maps)
    ask = chosen.lab.inside
    with st.container(horizontal=True):
        picture_ways(
            "Maps", lambda: ask.sheet(chosen.look, layer.path, first=first, count=count),
            partial(chosen.file, f"{layer.path}-maps-{first + 1}"), f"{image_words(chosen.look)}: maps of {layer.path}",
            pictures=[(each.picture, f"{each.channel + 1}") for each in found.maps],
            note=f"Colours from {figure_text(found.low)} to {figure_text(found.high)}, one scale for all channels",
            help="The maps above as one picture, row by row.",
        )  # fmt: skip
        numbers_button(
            "Numbers as CSV",
            lambda: [
                row
                for place, table in enumerate(ask.numbers(chosen.look, layer.path, first=first, count=count).channels)
                for row in listed(table, first + place)
            ],
            chosen.file(f"{layer.path}-maps-{first + 1}", "csv"),
            help="Each value of the maps above, with its channel, row and column, rounded to six decimals.",
        )


def _item(each: ChannelMap, path: str) -> GridItem:
    figures = f"from {figure_text(each.low)} to {figure_text(each.high)}, mean {figure_text(each.mean)}"
    silent = each.low == each.high == 0
    note = "0 everywhere" if silent else ""
    if each.change is not None:
        note = f"{note}, changed {percent(each.change, 0)}".lstrip(", ") if not silent or each.change else note
    return GridItem(
        data_uri=each.picture,
        alt=f"Channel {each.channel + 1} of {path}: {figures}" + (f"; {note}" if note else ""),
        caption=f"{each.channel + 1}",
        detail=note,
        hover=f"Channel {each.channel + 1}: {figures}",
    )


def _units(chosen: Chosen) -> None:
    """A flat output: its values as cells, wrapped into rows."""
    layer, ask = chosen.layer, chosen.lab.inside
    values = ask.numbers(chosen.look, layer.path, first=0, count=1).channels[0][0]
    shown, across = values[:MOST_CELLS], 20
    rows = tuple(tuple(shown[start : start + across]) for start in range(0, len(shown), across))
    low, high = ends_of((values,))
    st.html(cells_html(rows, low, high, f"{len(values):,} values of {layer.path}, {across} a row", written=len(values) <= across))
    st.html(legend_html(low, high, f"value of a unit of {layer.path}"))
    cut = f" The first {MOST_CELLS:,} are shown; the file has all." if len(values) > MOST_CELLS else ""
    st.caption(
        f"This layer has no maps: its output is {shape_text(layer.output_shape)} values in a row, without a place on the "
        f"image.{cut}"
    )
    with st.container(horizontal=True):
        picture_ways(
            "Values", lambda: cells_png(rows), partial(chosen.file, layer.path),
            f"{image_words(chosen.look)}: values of {layer.path}",
            note=f"Colours from {figure_text(low)} to {figure_text(high)}", help="The values above as squares, row by row.",
        )  # fmt: skip
        numbers_button(
            "Numbers as CSV", lambda: [(unit, value) for unit, value in enumerate(values, 1)], chosen.file(layer.path, "csv"),
            header=("unit", "value"), help="Each value of this layer, rounded to six decimals.",
        )  # fmt: skip


def _one_channel(chosen: Chosen, address: Address, channels: int) -> None:
    layer = chosen.layer
    height, width = layer.output_shape[1:]
    st.header("One channel in numbers", anchor=False)
    number = pick_number(
        "Channel", "inside:channel", "channel", channels, address, help="Which channel of this layer is shown, value by value.",
    )  # fmt: skip
    if height * width > MOST_CELLS:
        st.caption(f"{height}×{width} values are too many to point at here. “Numbers as CSV” above has each of them.")
        return
    (table,) = chosen.lab.inside.numbers(chosen.look, layer.path, first=number - 1, count=1).channels
    low, high = ends_of(table)
    st.html(cells_html(table, low, high, f"Channel {number} of {layer.path}", written=height * width <= 100))
    st.caption(f"Point at a cell for its value. These colours end at {figure_text(high)}, the largest value of this channel.")


def _changes(chosen: Chosen) -> None:
    st.header("Which layers notice the move", anchor=False)
    layers, changes = chosen.network.layers, chosen.seen.changes
    grid(
        {
            "Layer": [layer.path for layer in layers],
            "Kind": [layer.kind for layer in layers],
            "Change": [100 * change for change in changes],
        },
        column_config={
            "Change": st.column_config.ProgressColumn(
                "Change", format="%.0f %%", min_value=0, max_value=max(100.0, *(100 * change for change in changes)),
                help="The length of the difference to the output without the move, divided by the length of that output.",
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
            f"What enters and leaves each pooling layer: {'; '.join(pools)}. Within a window the largest value, or the mean, is "
            "nearly the same wherever the pattern lies, so pooling tends to make the change smaller."
        )
