"""“Take it away”: the run as a file for other programs, made and checked while the page stays usable."""

from __future__ import annotations

import streamlit as st

from cnnlab.lab import Lab
from cnnlab.taking_away import OFFERS, Offer
from cnnlab.text import size_text
from pages._parts.markdown import escaped
from pages._parts.shell import fragment

AWAY = "take the run away"  # whether it is open
LANGUAGES = {"en": "English", "zh": "中文"}
POLL_SECONDS = 1.0


def take_away(lab: Lab, run_id: str, *, evaluated: bool) -> None:
    """Draws the section; its content when it is opened."""
    place = st.expander("Take it away", icon=":material/output:", key=AWAY, on_change="rerun")
    if not place.open:
        return
    with place:
        if not evaluated:
            st.caption("Available after the first epoch: exports have the weights of the best epoch.")
            return
        kinds = {offer.kind: offer for offer in OFFERS}
        chosen = st.selectbox(
            "Export as", list(kinds), format_func=lambda kind: kinds[kind].title, key=f"export of {run_id}",
            help="Each is checked with the test images where it is made; one that fails is not offered.",
        )  # fmt: skip
        offer, language = kinds[chosen], "en"
        st.caption(escaped(offer.help))
        if offer.spoken:
            language = st.selectbox(
                "Comments in", list(LANGUAGES), format_func=LANGUAGES.__getitem__, key=f"language of the export of {run_id}",
                help="The language of the comments in the code.",
            )  # fmt: skip
        working = lab.away.state(run_id, offer, language).state == "working"
        fragment(_progress, run_every=POLL_SECONDS if working else None)(lab, run_id, offer, language, working=working)


def _progress(lab: Lab, run_id: str, offer: Offer, language: str, *, working: bool) -> None:
    """The button, what the check found, and the file."""
    found = lab.away.state(run_id, offer, language)
    if (found.state == "working") != working:
        st.rerun()  # so that it is polled only while it is made
    if found.state == "done" and found.file:
        st.success(f"Checked: {escaped(found.sentence)}", icon=":material/verified:")
        content = found.file.read_bytes()
        st.download_button(
            f"Download ({size_text(len(content))})", content, file_name=found.file.name, on_click="ignore",
            mime="application/octet-stream", icon=":material/download:", key=f"download {offer.kind} {language} of {run_id}",
        )  # fmt: skip
        return
    if found.state == "failed":
        st.error(escaped(found.sentence), icon=":material/error:")
    label = "Making and checking it …" if working else "Make and check it"
    pressed = st.button(
        label, icon=":material/build:", disabled=working, key=f"make {offer.kind} {language} of {run_id}",
        help="Takes some seconds; DenseNet as ONNX up to a minute. The page stays usable.",
    )  # fmt: skip
    if pressed:
        lab.away.start(run_id, offer, language)
        st.rerun()
