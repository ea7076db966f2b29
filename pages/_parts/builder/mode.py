"""A family or a network of one's own, and the way from the one to the other."""

from __future__ import annotations

from typing import Any

import streamlit as st

from cnnlab.architectures import Card, Shape, card
from cnnlab.architectures.own import Network
from cnnlab.i18n import _, translated
from cnnlab.lab import Lab
from pages._parts.address import Address
from pages._parts.builder.keep import keep_network
from pages._parts.builder.sources import pick_source, write_out
from pages._parts.builder.state import SCOPE, refused
from pages._parts.forms.architecture import CUSTOM, pick_architecture
from pages._parts.markdown import quoting
from pages._parts.one_choice import one_choice

BUILT_IN, MODE = "built-in", f"{SCOPE}:mode"


def pick_card(lab: Lab, address: Address) -> Card:
    """A family from the list, or a network of one's own."""
    modes = {BUILT_IN: _("Built-in"), CUSTOM: _("Your own")}
    named = address.text("architecture")
    alone = named is None and address.text("network") is not None
    if alone and (address.arriving or MODE not in st.session_state):
        st.session_state[MODE] = CUSTOM
    mode = one_choice(
        _("Network"), MODE, "architecture", modes, address, default=BUILT_IN, use_address=not alone,
        parse=lambda text: CUSTOM if text == CUSTOM else BUILT_IN,
        help=_("A network of the course, or one whose layers you choose one by one."),
    )  # fmt: skip
    if mode == CUSTOM:
        return card(CUSTOM)
    return pick_architecture(lab.architectures(), address, scope=SCOPE, use_address=named != CUSTOM)


def offer_rows(lab: Lab, chosen: Card, shape: Shape, classes: int, options: dict[str, Any]) -> None:
    """The way from a family to its rows; of a network of one's own, where its rows come from and go to."""
    if chosen.rows:
        keep_network(lab, Network.read(options["network"]))
        pick_source(lab)
        return
    if not chosen.family:  # torchvision's networks have parts that no row can be
        return
    st.button(
        _("Change its layers"), icon=":material/edit:", key="design:write out", width="stretch",
        on_click=_write_out, args=(lab, chosen, shape, classes, options),
        help=_("Writes out all layers of this network as rows of your own, which you can change one by one."),
    )  # fmt: skip
    if reason := refused("source"):
        st.error(quoting(translated(reason)), icon=":material/error:")


def _write_out(lab: Lab, chosen: Card, shape: Shape, classes: int, options: dict[str, Any]) -> None:
    if write_out(lab, chosen, shape, classes, options):
        st.session_state[MODE] = CUSTOM
