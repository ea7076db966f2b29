"""The button beside a chart that saves it as a picture."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from cnnlab.i18n import _, language, using


def svg_button(draw: Callable[[], str], name: str, *, key: str) -> None:
    """Draws the button; on a click `draw` makes the file `name`.svg, in the reader's language."""
    reader = language()  # Streamlit calls it in a thread that knows no browser

    def build() -> str:
        with using(reader):
            return draw()

    st.download_button(
        "SVG", build, f"{name}.svg", "image/svg+xml", key=key, icon=":material/download:", on_click="ignore",
        help=_("This figure as a picture for a report or a slide, sharp at every size."),
    )  # fmt: skip
