"""What is left of a gradient on its way back through activations."""

from __future__ import annotations

from fractions import Fraction

import streamlit as st

from cnnlab.palette import BLUE, GRAY, RED
from cnnlab.text import percent
from pages._parts.learn.figures.drawing import Square, drawing

WIDE = 100


def draw_sigmoids() -> None:
    """Draws a bar after each activation, for sigmoid at its steepest and for a ReLU that is active."""
    count = st.slider("Activations in a row", 1, 8, 4, key="figure sigmoids", help="LeNet has four.")
    left = Fraction(1, 4) ** count
    squares = []
    for number in range(1, count + 1):
        top = 12 * (number - 1)
        squares += [
            Square(0, top, WIDE, 4, BLUE, fill=True), Square(0, top + 4.6, WIDE, 4, GRAY),
            Square(0, top + 4.6, max(0.25, WIDE * 0.25**number), 4, RED, fill=True),
        ]  # fmt: skip
    label = f"Bars for 1 to {count} activations: ReLU keeps all of the gradient, sigmoid at most a quarter more each time"
    st.html(drawing(squares, WIDE, 12 * count, label, pixels=440))
    st.caption(
        "Blue: what a ReLU leaves where it is active. Orange, in a frame: the most that sigmoid leaves. From top to bottom: after "
        "1, 2, … of them."
    )
    quarters = " × ".join(["¼"] * count)
    st.markdown(
        f"After {count} sigmoid{'s' if count > 1 else ''} at most {quarters} = **1/{left.denominator:,}** of the gradient is left, "
        f"{percent(float(left), None)}. After {count} ReLU{'s' if count > 1 else ''} that are active, all of it."
    )
