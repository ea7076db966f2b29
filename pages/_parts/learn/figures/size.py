"""The size of a convolution's output, worked out for any window."""

from __future__ import annotations

import streamlit as st

from cnnlab.i18n import _
from pages._parts.inside.what_if import draw_windows


def draw_size_formula() -> None:
    """Draws four sliders, the formula with their values, and the windows on the input."""
    first, second = st.columns(2)
    size = first.slider(
        _("Input, pixels a side (n)"),
        4,
        64,
        28,
        key="figure size n",
        help=_("Height and width of the image or the map that comes in."),
    )
    kernel = second.slider(_("Window, pixels a side (k)"), 1, 11, 5, key="figure size k", help=_("Height and width of the kernel."))
    first, second = st.columns(2)
    padding = first.slider(
        _("Padding (p)"), 0, 5, 2, key="figure size p", help=_("Rows and columns of zeros around the input, on each side.")
    )
    stride = second.slider(
        _("Stride (s)"), 1, 4, 1, key="figure size s", help=_("By how many pixels the window moves at each step.")
    )
    draw_windows(size, kernel, padding, stride)
