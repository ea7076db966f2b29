"""Keeping a network of one's own: its name, saving it in the lab, a file, and a link."""

from __future__ import annotations

import streamlit as st

from cnnlab.architectures.own import Network
from cnnlab.architectures.own.network import LONGEST_TITLE
from cnnlab.errors import CNNLabError
from cnnlab.i18n import _, translated
from cnnlab.lab import Lab
from pages._parts.builder import state
from pages._parts.forms.architecture import CUSTOM
from pages._parts.markdown import escaped, quoting
from pages._parts.visitor import visitor

LONGEST_LINK = 2_000  # characters of an address that mail programs and messengers leave whole
_TITLE = "design:own title"


def keep_network(lab: Lab, network: Network) -> None:
    """The name of the network, and the ways to keep it."""
    st.session_state[_TITLE] = network.title
    st.text_input(
        _("Name of the network"), key=_TITLE, max_chars=LONGEST_TITLE, on_change=_rename,
        help=_("Runs of this network are called after it."),
    )  # fmt: skip
    if reason := state.refused("title"):
        st.error(quoting(translated(reason)), icon=":material/error:")
    with st.container(horizontal=True):
        if st.button(
            _("Save in the lab"), icon=":material/save:", key="design:own save",
            help=_("Under its name, for you and for others in this lab; one of yours with the same name is replaced."),
        ):  # fmt: skip
            _save(lab, network)
        st.download_button(
            _("Save as a file"), network.file, f"{_file_name(network)}.json", "application/json", icon=":material/download:",
            on_click="ignore", key="design:own download",
            help=_("The rows in JSON: for `train --network`, for another lab, or to keep."),
        )  # fmt: skip
    length = len(network.token)
    if length <= LONGEST_LINK:
        st.caption(_("The address of this page holds the whole network: copy it to share it."))
    else:
        st.caption(
            _("This network takes {count:,} characters of an address, too many for some programs: save it to share it.").format(
                count=length
            )
        )


def _rename() -> None:
    title = state.held(_TITLE)
    state.attempt(lambda: state.now().named(title), where="title")


def _save(lab: Lab, network: Network) -> None:
    try:
        saved = lab.networks.save(network, owner=visitor())
    except CNNLabError as error:
        st.error(quoting(translated(error)), icon=":material/error:")
        return
    st.toast(_("“{network}” is saved.").format(network=escaped(saved.network.title)), icon=":material/save:")


def _file_name(network: Network) -> str:
    plain = "".join(char if char.isascii() and char.isalnum() else "-" for char in network.title.lower()).strip("-")
    return plain or CUSTOM
