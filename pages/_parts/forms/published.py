"""Published weights that a network is to begin with: whether they are here, their download and how far it is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import streamlit as st

from cnnlab.architectures.zoo import ZooNetwork
from cnnlab.errors import CNNLabError
from cnnlab.i18n import _, translated
from cnnlab.lab import Lab
from cnnlab.text import size_text
from pages._parts.download import download_bar, is_running
from pages._parts.markdown import quoting
from pages._parts.shell import fragment

POLL_SECONDS = 0.5


def published_weights(lab: Lab, architecture: str, options: Mapping[str, Any], *, key: str) -> bool:
    """Says what is missing and offers to fetch it; True where nothing is."""
    network = lab.published.missing(architecture, dict(options))
    if network is None:
        return True
    running = is_running(lab.published.state(network))

    def state() -> None:
        now = lab.published.state(network)
        if lab.published.missing(architecture, dict(options)) is None or (running and not is_running(now)):
            st.rerun()
        if now is not None and is_running(now):
            download_bar(now)
            return
        if now is not None and now.state == "failed":
            st.error(quoting(translated(now.message)), icon=":material/cloud_off:")
        else:
            text = _("The weights of {network} are not on this machine yet: fetch them once, or choose random ones.")
            st.info(text.format(network=network.name), icon=":material/cloud_download:")
        if st.button(
            _("Fetch the weights ({size})").format(size=size_text(network.bytes)), icon=":material/download:",
            key=f"{key}:fetch {network.name}",
            help=_("Downloads the file once from PyTorch's site and verifies it. You can keep working meanwhile."),
        ):  # fmt: skip
            _fetch(lab, network, key)
            st.rerun()
        if refusal := st.session_state.pop(f"{key}:refused", None):
            st.error(quoting(refusal), icon=":material/error:")

    fragment(state, run_every=POLL_SECONDS if running else None)()
    return False


def _fetch(lab: Lab, network: ZooNetwork, key: str) -> None:
    try:
        lab.published.fetch(network)
    except CNNLabError as error:
        st.session_state[f"{key}:refused"] = translated(error)
