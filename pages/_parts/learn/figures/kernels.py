"""Parameters counted: a convolution against a dense layer, and two small windows against one large one."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from cnnlab.i18n import _
from cnnlab.palette import KINDS
from cnnlab.text import percent
from pages._parts.drawing import Square, drawing

IMAGE, SMALL, LARGE = KINDS["input"], KINDS["convolution"], KINDS["pooling"]
CHANNELS = (1, 16, 32, 64, 128, 256, 512)


def draw_shared_weights() -> None:
    """Draws the count for a convolution that keeps the size of a grey image, and for a dense layer with as many outputs."""
    first, second, third = st.columns(3)
    side = first.slider(_("Pixels a side"), 8, 224, 28, key="figure shared side", help=_("Height and width of the grey image."))
    kernel = second.slider(
        _("Window"),
        3,
        11,
        5,
        2,
        key="figure shared kernel",
        help=_("Height and width of the kernel; padding keeps the image's size."),
    )
    channels = third.slider(
        _("Output channels"), 1, 64, 6, key="figure shared channels", help=_("How many kernels the convolution has.")
    )
    outputs, pixels = channels * side * side, side * side
    shared, dense = (kernel * kernel + 1) * channels, (pixels + 1) * outputs
    st.markdown(
        table(
            ("", _("parameters"), _("how they are counted")), "---|---:|---",
            (
                _("convolution"), f"{shared:,}",
                _("({kernel} × {kernel} weights + 1 bias) × {channels} kernels").format(kernel=kernel, channels=channels),
            ),
            (
                _("dense layer"), f"{dense:,}",
                _("({inputs:,} inputs + 1 bias) × {outputs:,} outputs").format(inputs=pixels, outputs=outputs),
            ),
        )
    )  # fmt: skip
    st.markdown(
        _(
            "Both make {channels}×{side}×{side} = {outputs:,} numbers. The dense layer needs **{times:,.0f} times** as many "
            "parameters. The convolution uses each of its weights at all {places:,} places, so its number of parameters does not "
            "depend on the size of the image."
        ).format(channels=channels, side=side, outputs=outputs, times=dense / shared, places=pixels)
    )


def draw_two_small_kernels() -> None:
    """Draws how far two 3×3 windows see, and what they and one 5×5 window cost."""
    channels = st.select_slider(
        _("Channels in and out"),
        CHANNELS,
        64,
        key="figure kernels channels",
        help=_("As many channels go into each convolution as come out."),
    )
    label = _("A window of 5×5 pixels; a window of 3×3 gives 3×3 values of it, and another window of 3×3 makes them one value")
    squares = [
        *(Square(x, y, 1, 1, IMAGE) for y in range(5) for x in range(5)), Square(0, 0, 5, 5, LARGE), Square(0, 0, 3, 3, SMALL),
        *(Square(7 + x, 1 + y, 1, 1, IMAGE) for y in range(3) for x in range(3)), Square(7, 1, 3, 3, SMALL),
        Square(12, 2, 1, 1, SMALL, fill=True),
    ]  # fmt: skip
    st.html(drawing(squares, 13, 5, label, pixels=390))
    st.caption(
        _(
            "Left: 5×5 pixels. A 3×3 window over them gives 3×3 values, and a second one makes one value of these. It has seen all "
            "5×5."
        )
    )
    weights = channels * channels
    two, one = 2 * (9 * weights + channels), 25 * weights + channels
    st.markdown(
        table(
            ("", _("two of 3×3"), _("one of 5×5")), "---|---:|---:",
            (_("pixels that one value sees"), "5×5", "5×5"),
            (_("parameters, biases included"), f"{two:,}", f"{one:,}"),
            (_("multiplications for each place of the output"), f"{18 * weights:,}", f"{25 * weights:,}"),
            (_("activations, such as ReLU"), "2", "1"),
        )
    )  # fmt: skip
    st.markdown(
        _("Two small windows see as far as one large one, with **{share}** of its parameters and one activation more.").format(
            share=percent(two / one, 0)
        )
    )


def table(head: Sequence[str], align: str, *rows: Sequence[str]) -> str:
    """A table in Markdown."""
    first, *others = (f"| {' | '.join(cells)} |" for cells in (head, *rows))
    return "\n".join([first.replace("|  |", "| |"), f"|{align}|", *others])
