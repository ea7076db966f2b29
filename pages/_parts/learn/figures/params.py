"""Where the parameters and the work of a network sit."""

from __future__ import annotations

import streamlit as st

from cnnlab.architectures import card
from cnnlab.figures import distribution_sentence
from cnnlab.i18n import _, together
from cnnlab.lab import Lab
from pages._parts.network_view import draw_distribution

USUAL = "lenet"


def draw_params_share(lab: Lab) -> None:
    """Draws each stage's share of a network's parameters and MACs."""
    names = [each.name for each in lab.architectures() if each.family]
    name = st.selectbox(
        _("Network"), names, names.index(USUAL), key="figure params network", format_func=lambda name: card(name).title,
        help=_("With its usual settings and image size."),
    )  # fmt: skip
    table = lab.design(name, card(name).input_shape, 10, {})
    st.markdown(
        together(
            _("**{network}**, {parameters:,} parameters and {macs:,} MACs for one image.").format(
                network=card(name).title, parameters=table.parameters, macs=table.macs
            ),
            distribution_sentence(table),
        )
    )
    draw_distribution(table, key="figure params", group="figure params")
