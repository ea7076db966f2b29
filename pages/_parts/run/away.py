"""“Take it away”: the run as a file for other programs, made and checked while the page stays usable."""

from __future__ import annotations

import streamlit as st

from cnnlab.errors import ConfigError, ExportError
from cnnlab.i18n import _, language, translated
from cnnlab.lab import Lab
from cnnlab.taking_away import OFFERS, Offer
from cnnlab.text import size_text
from pages._parts.markdown import escaped
from pages._parts.shell import fragment

AWAY = "take the run away"  # whether it is open
LANGUAGES = {"en": "English", "zh": "中文"}
POLL_SECONDS = 1.0


def take_away(lab: Lab, run_id: str, *, evaluated: bool, code: bool = False, dataset: str = "") -> None:
    """Draws the section; its content when it is opened. `code`: the network is a user's own code. `dataset`: its images."""
    place = st.expander(_("Take it away"), icon=":material/output:", key=AWAY, on_change="rerun")
    if not place.open:
        return
    with place:
        if not evaluated:
            st.caption(_("Available after the first epoch: exports have the weights of the best epoch."))
            return
        kinds = {offer.kind: offer for offer in OFFERS if not (code and offer.spoken)}  # code has no other code written of it
        chosen = st.selectbox(
            _("Export as"), list(kinds), format_func=lambda kind: translated(kinds[kind].title), key=f"export of {run_id}",
            help=_("Each is checked with the test images where it is made; one that fails is not offered."),
        )  # fmt: skip
        offer, spoken = kinds[chosen], "en"
        st.caption(escaped(translated(offer.help)))
        if offer.spoken:
            spoken = st.selectbox(
                _("Comments in"), list(LANGUAGES), index=list(LANGUAGES).index(language()) if language() in LANGUAGES else 0,
                format_func=LANGUAGES.__getitem__, key=f"language of the export of {run_id}",
                help=_("The language of the comments in the code."),
            )  # fmt: skip
        working = lab.away.state(run_id, offer, spoken).state == "working"
        fragment(_progress, run_every=POLL_SECONDS if working else None)(lab, run_id, offer, spoken, dataset, working=working)


def _progress(lab: Lab, run_id: str, offer: Offer, spoken: str, dataset: str, *, working: bool) -> None:
    """The button, what the check found, and the file."""
    found = lab.away.state(run_id, offer, spoken)
    if (found.state == "working") != working:
        st.rerun()  # so that it is polled only while it is made
    if found.state == "done" and found.file:
        st.success(_("Checked: {result}").format(result=escaped(translated(found.sentence))), icon=":material/verified:")
        content = found.file.read_bytes()
        st.download_button(
            _("Download ({size})").format(size=size_text(len(content))), content, file_name=found.file.name, on_click="ignore",
            mime="application/octet-stream", icon=":material/download:", key=f"download {offer.kind} {spoken} of {run_id}",
        )  # fmt: skip
        if offer.spoken:
            _images(lab, run_id, dataset)
        return
    if found.state == "failed":
        st.error(escaped(translated(found.sentence)), icon=":material/error:")
    label = _("Making and checking it …") if working else _("Make and check it")
    pressed = st.button(
        label, icon=":material/build:", disabled=working, key=f"make {offer.kind} {spoken} of {run_id}",
        help=_("Takes some seconds; DenseNet as ONNX up to a minute. The page stays usable."),
    )  # fmt: skip
    if pressed:
        lab.away.start(run_id, offer, spoken)
        st.rerun()


def _images(lab: Lab, run_id: str, dataset: str) -> None:
    """What a script needs beside it, where it cannot download it."""
    try:
        images = lab.away.images(dataset)
    except ConfigError:
        st.caption(_("Its images are another person's, and not shown to you: ask them, or your teacher, for a copy."))
        return
    except ExportError as error:
        st.caption(escaped(translated(str(error))))
        return
    if images is not None:
        where = _("The program reads them from the folder {folder} in {folder}.zip: unpack it beside the program.").format(
            folder=images.folder
        )
        st.download_button(
            _("Download its images ({size} when unpacked)").format(size=size_text(images.size)), images.packed, on_click="ignore",
            file_name=f"{images.folder}.zip", mime="application/zip", icon=":material/photo_library:",
            key=f"download the images of {run_id}", help=where,
        )  # fmt: skip
        st.caption(where)
