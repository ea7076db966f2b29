"""Parameters counted: a convolution against a dense layer, and two small windows against one large one."""

from __future__ import annotations

import streamlit as st

from cnnlab.palette import KINDS
from cnnlab.text import percent
from pages._parts.learn.figures.drawing import Square, drawing

IMAGE, SMALL, LARGE = KINDS["input"], KINDS["convolution"], KINDS["pooling"]
CHANNELS = (1, 16, 32, 64, 128, 256, 512)


def draw_shared_weights() -> None:
    """Draws the count for a convolution that keeps the size of a grey image, and for a dense layer with as many outputs."""
    first, second, third = st.columns(3)
    side = first.slider("Pixels a side", 8, 224, 28, key="figure shared side", help="Height and width of the grey image.")
    kernel = second.slider(
        "Window", 3, 11, 5, 2, key="figure shared kernel", help="Height and width of the kernel; padding keeps the image's size."
    )
    channels = third.slider("Output channels", 1, 64, 6, key="figure shared channels", help="How many kernels the convolution has.")
    outputs, pixels = channels * side * side, side * side
    shared, dense = (kernel * kernel + 1) * channels, (pixels + 1) * outputs
    st.markdown(
        f"| | parameters | how they are counted |\n|---|---:|---|\n"
        f"| convolution | {shared:,} | ({kernel} × {kernel} weights + 1 bias) × {channels} kernels |\n"
        f"| dense layer | {dense:,} | ({pixels:,} inputs + 1 bias) × {outputs:,} outputs |"
    )
    st.markdown(
        f"Both make {channels}×{side}×{side} = {outputs:,} numbers. The dense layer needs **{dense / shared:,.0f} times** as many "
        f"parameters. The convolution uses each of its weights at all {pixels:,} places, so its number of parameters does not "
        "depend on the size of the image."
    )


def draw_two_small_kernels() -> None:
    """Draws how far two 3×3 windows see, and what they and one 5×5 window cost."""
    channels = st.select_slider(
        "Channels in and out",
        CHANNELS,
        64,
        key="figure kernels channels",
        help="As many channels go into each convolution as come out.",
    )
    label = "A window of 5×5 pixels; a window of 3×3 gives 3×3 values of it, and another window of 3×3 makes them one value"
    squares = [
        *(Square(x, y, 1, 1, IMAGE) for y in range(5) for x in range(5)), Square(0, 0, 5, 5, LARGE), Square(0, 0, 3, 3, SMALL),
        *(Square(7 + x, 1 + y, 1, 1, IMAGE) for y in range(3) for x in range(3)), Square(7, 1, 3, 3, SMALL),
        Square(12, 2, 1, 1, SMALL, fill=True),
    ]  # fmt: skip
    st.html(drawing(squares, 13, 5, label, pixels=390))
    st.caption(
        "Left: 5×5 pixels. A 3×3 window over them gives 3×3 values, and a second one makes one value of these. It has seen all 5×5."
    )
    weights = channels * channels
    two, one = 2 * (9 * weights + channels), 25 * weights + channels
    st.markdown(
        f"| | two of 3×3 | one of 5×5 |\n|---|---:|---:|\n"
        f"| pixels that one value sees | 5×5 | 5×5 |\n"
        f"| parameters, biases included | {two:,} | {one:,} |\n"
        f"| multiplications for each place of the output | {18 * weights:,} | {25 * weights:,} |\n"
        f"| activations, such as ReLU | 2 | 1 |"
    )
    st.markdown(
        f"Two small windows see as far as one large one, with **{percent(two / one, 0)}** of its parameters and one activation "
        "more."
    )
