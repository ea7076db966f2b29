"""The view Kernels: the weights of a convolution, one small picture for each pair of an output and an input channel."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import partial

import streamlit as st

from cnnlab.inside_values import InsideLayer, Kernel, Kernels, Table
from pages._parts.address import Address
from pages._parts.image_grid import GridItem, image_grid
from pages._parts.inside.choice import PAGER, PER_PAGE, Chosen
from pages._parts.inside.downloads import numbers_button, picture_ways
from pages._parts.inside.numbers import figure_text, legend_html
from pages._parts.markdown import escaped

HEADER = ("output channel", "input channel", "row", "column", "weight")
MOST_ACROSS = 8  # kernels side by side
SMALLEST = 64  # pixels a side


def draw_kernels(chosen: Chosen, address: Address) -> InsideLayer | None:
    """Draws the view; returns the layer that it shows, if the network has a convolution."""
    layer = chosen.nearest(("convolution",))
    PAGER.initialise(address)
    if layer is None:
        st.info("This network has no convolution, so it has no kernels. Its dense layers look at all of the image at once.")
        return None
    if layer is not chosen.layer:
        st.caption(f"{escaped(chosen.layer.path)} has no kernels; these are those of {escaped(layer.path)}.")
    ask = chosen.lab.inside
    found = ask.kernels(chosen.look, layer.path, first=PAGER.offset(), count=PER_PAGE)
    total = found.outputs * found.inputs
    if not found.kernels:
        found = ask.kernels(chosen.look, layer.path, first=PAGER.offset(total), count=PER_PAGE)
    PAGER.write(address)
    height, width = found.size
    st.markdown(
        f"**{escaped(layer.path)}** has {found.outputs:,} output channel{'s' * (found.outputs > 1)}, and each reads "
        f"{found.inputs:,} input channel{'s' * (found.inputs > 1)} through a kernel of {height}×{width} weights: {total:,} kernels."
    )
    if total > PER_PAGE:
        PAGER.buttons(total)
    image_grid(
        [_item(kernel) for kernel in found.kernels], SMALLEST, columns=min(found.inputs, MOST_ACROSS) if found.inputs > 2 else 0
    )
    st.html(legend_html(-found.high, found.high, f"weight in {layer.path}, one scale for all kernels; white is 0"))
    st.caption(
        f"“3 ← 1” is the kernel that output channel 3 has for input channel 1. At most {PER_PAGE} are shown at a time. Point at "
        "one for its weights. Red adds to the output where the input is bright, blue takes away; red beside blue answers to an "
        "edge."
    )
    name = f"{layer.path}-kernels-{PAGER.offset() + 1}"
    with st.container(horizontal=True):
        picture_ways(
            "Kernels", found.sheet, partial(chosen.file, name), f"Kernels of {layer.path}",
            pictures=[(each.picture, f"{each.output + 1} ← {each.input + 1}") for each in found.kernels],
            note=f"Colours from {figure_text(-found.high)} to {figure_text(found.high)}, white is 0",
            help="The kernels above as one picture, row by row.",
        )  # fmt: skip
        numbers_button(
            "Weights as CSV", lambda: list(_rows(found)), chosen.file(name, "csv"), header=HEADER,
            help="Each weight of the kernels above, rounded to six decimals.",
        )  # fmt: skip
    return layer


def _item(kernel: Kernel) -> GridItem:
    every = [value for line in kernel.values for value in line]
    name = f"{kernel.output + 1} ← {kernel.input + 1}"
    return GridItem(
        data_uri=kernel.picture,
        alt=f"Kernel of output channel {kernel.output + 1} for input channel {kernel.input + 1}: weights from "
        f"{figure_text(min(every))} to {figure_text(max(every))}, sum {figure_text(sum(every))}",
        caption=name,
        hover=f"{name}\n{_as_text(kernel.values)}",
    )


def _as_text(values: Table) -> str:
    return "\n".join("  ".join(f"{value:+.2f}".replace("-", "−") for value in line) for line in values)


def _rows(found: Kernels) -> Iterable[Sequence[object]]:
    for kernel in found.kernels:
        for row, line in enumerate(kernel.values, 1):
            for column, value in enumerate(line, 1):
                yield kernel.output + 1, kernel.input + 1, row, column, value
