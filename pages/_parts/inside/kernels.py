"""The view Kernels: the weights of a convolution, one small picture for each pair of an output and an input channel."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import partial

import streamlit as st

from cnnlab.i18n import _, ngettext
from cnnlab.inside_values import InsideLayer, Kernel, Kernels, Table
from cnnlab.text import shape_text
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
        st.info(_("This network has no convolution, so it has no kernels. Its dense layers look at all of the image at once."))
        return None
    if layer is not chosen.layer:
        text = _("{layer} has no kernels; these are those of {other}.")
        st.caption(text.format(layer=escaped(chosen.layer.path), other=escaped(layer.path)))
    ask = chosen.lab.inside
    found = ask.kernels(chosen.look, layer.path, first=PAGER.offset(), count=PER_PAGE)
    total = found.outputs * found.inputs
    if not found.kernels:
        found = ask.kernels(chosen.look, layer.path, first=PAGER.offset(total), count=PER_PAGE)
    PAGER.write(address)
    height, width = found.size
    outputs = ngettext("{count:,} output channel", "{count:,} output channels", found.outputs).format(count=found.outputs)
    inputs = ngettext("{count:,} input channel", "{count:,} input channels", found.inputs).format(count=found.inputs)
    text = _("**{layer}** has {outputs}, and each reads {inputs} through a kernel of {size} weights: {total:,} kernels.")
    st.markdown(
        text.format(layer=escaped(layer.path), outputs=outputs, inputs=inputs, size=shape_text((height, width)), total=total)
    )
    if total > PER_PAGE:
        PAGER.buttons(total)
    image_grid(
        [_item(kernel) for kernel in found.kernels], SMALLEST, columns=min(found.inputs, MOST_ACROSS) if found.inputs > 2 else 0
    )
    st.html(
        legend_html(
            -found.high, found.high,
            _("weight in {layer}, one scale for all kernels; white is 0").format(layer=layer.path),
        )
    )  # fmt: skip
    st.caption(
        _(
            "“3 ← 1” is the kernel that output channel 3 has for input channel 1. At most {count} are shown at a time. Point at "
            "one for its weights. Red adds to the output where the input is bright, blue takes away; red beside blue answers to an "
            "edge."
        ).format(count=PER_PAGE)
    )
    name = f"{layer.path}-kernels-{PAGER.offset() + 1}"
    with st.container(horizontal=True):
        picture_ways(
            _("Kernels"), found.sheet, partial(chosen.file, name), _("Kernels of {layer}").format(layer=layer.path),
            pictures=[(each.picture, f"{each.output + 1} ← {each.input + 1}") for each in found.kernels],
            note=_("Colours from {low} to {high}, white is 0").format(
                low=figure_text(-found.high), high=figure_text(found.high)
            ),
            help=_("The kernels above as one picture, row by row."),
        )  # fmt: skip
        numbers_button(
            _("Weights as CSV"), lambda: list(_rows(found)), chosen.file(name, "csv"), header=HEADER,
            help=_("Each weight of the kernels above, rounded to six decimals."),
        )  # fmt: skip
    return layer


def _item(kernel: Kernel) -> GridItem:
    every = [value for line in kernel.values for value in line]
    name = f"{kernel.output + 1} ← {kernel.input + 1}"
    return GridItem(
        data_uri=kernel.picture,
        alt=_("Kernel of output channel {output} for input channel {input}: weights from {low} to {high}, sum {sum}").format(
            output=kernel.output + 1,
            input=kernel.input + 1,
            low=figure_text(min(every)),
            high=figure_text(max(every)),
            sum=figure_text(sum(every)),
        ),
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
