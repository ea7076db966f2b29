"""What is left of a gradient on its way back through activations."""

from __future__ import annotations

from fractions import Fraction

import streamlit as st

from cnnlab.i18n import _, ngettext
from cnnlab.palette import BLUE, GRAY, RED
from cnnlab.text import percent
from pages._parts.drawing import Square, drawing

WIDE = 100


def draw_sigmoids() -> None:
    """Draws a bar after each activation, for sigmoid at its steepest and for a ReLU that is active."""
    count = st.slider(_("Activations in a row"), 1, 8, 4, key="figure sigmoids", help=_("LeNet has four."))
    left = Fraction(1, 4) ** count
    squares = []
    for number in range(1, count + 1):
        top = 12 * (number - 1)
        squares += [
            Square(0, top, WIDE, 4, BLUE, fill=True), Square(0, top + 4.6, WIDE, 4, GRAY),
            Square(0, top + 4.6, max(0.25, WIDE * 0.25**number), 4, RED, fill=True),
        ]  # fmt: skip
    label = _("Bars for 1 to {count} activations: ReLU keeps all of the gradient, sigmoid at most a quarter more each time")
    st.html(drawing(squares, WIDE, 12 * count, label.format(count=count), pixels=440))
    st.caption(
        _(
            "Blue: what a ReLU leaves where it is active. Orange, in a frame: the most that sigmoid leaves. From top to bottom: "
            "after 1, 2, … of them."
        )
    )
    quarters = " × ".join(["¼"] * count)
    st.markdown(
        ngettext(
            "After {count} sigmoid at most {quarters} = **1/{parts:,}** of the gradient is left, {share}. After {count} ReLU that "
            "are active, all of it.",
            "After {count} sigmoids at most {quarters} = **1/{parts:,}** of the gradient is left, {share}. After {count} ReLUs "
            "that are active, all of it.",
            count,
        ).format(count=count, quarters=quarters, parts=left.denominator, share=percent(float(left), None))
    )
