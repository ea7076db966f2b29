"""A chart that does not move the page: its place is kept while the browser loads Plotly."""

from __future__ import annotations

import plotly.graph_objects as go
import streamlit as st


def chart(figure: go.Figure, *, key: str, alt: str) -> None:
    """Draws `figure`, whose layout must have a height; `alt` says what it shows to those who cannot see it."""
    # Until Plotly's 4 MB are there Streamlit draws a bar of 40 px, and everything below would jump when the chart takes its place.
    with st.container(height=int(figure.layout.height) + 10, border=False):
        st.plotly_chart(figure, key=key, config={"displayModeBar": False}, alt=alt)
