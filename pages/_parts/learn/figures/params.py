"""Where the parameters and the work of a network sit."""

from __future__ import annotations

import streamlit as st

from cnnlab.architectures import card
from cnnlab.figures import distribution_sentence
from cnnlab.lab import Lab
from pages._parts.network_view import draw_distribution

USUAL = "lenet"


def draw_params_share(lab: Lab) -> None:
    """Draws each stage's share of a network's parameters and MACs."""
    names = [each.name for each in lab.architectures()]
    name = st.selectbox(
        "Network", names, names.index(USUAL), key="figure params network", format_func=lambda name: card(name).title,
        help="With its usual settings and image size.",
    )  # fmt: skip
    table = lab.design(name, card(name).input_shape, 10, {})
    st.markdown(
        f"**{card(name).title}**, {table.parameters:,} parameters and {table.macs:,} MACs for one image. "
        f"{distribution_sentence(table)}"
    )
    draw_distribution(table, key="figure params", group="figure params")
