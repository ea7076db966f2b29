"""Brings weights that were trained elsewhere into the lab, as a run of the network on the page."""

from __future__ import annotations

import uuid

import streamlit as st

from cnnlab.architectures import Card, OptionValue, Shape
from cnnlab.config import RunConfig
from cnnlab.config_words import setting, words
from cnnlab.errors import CNNLabError
from cnnlab.i18n import ENGLISH, _, translated, using
from cnnlab.imported_weights import MOST_UPLOADED
from cnnlab.lab import Lab
from pages._parts.language import in_links
from pages._parts.markdown import quoting
from pages._parts.visitor import visitor

ENDINGS = ("safetensors", "pt", "pth")


def import_weights(lab: Lab, card: Card, shape: Shape, options: dict[str, OptionValue], *, key: str) -> None:
    """A file, the images to evaluate it on, and the button; a refusal stands below it."""
    with st.expander(_("Weights that were trained elsewhere"), icon=":material/upload_file:"):
        st.caption(
            _(
                "A state dict of PyTorch or a safetensors file for exactly this network becomes a finished run, to be looked at on "
                "Predict and Inside. Nothing in the file is executed."
            )
        )
        file = st.file_uploader(
            _("File of weights"), type=list(ENDINGS), max_upload_size=MOST_UPLOADED // 1_000_000, key=f"{key}:weights file",
            help=_(
                "What torch.save(network.state_dict(), path) or safetensors wrote, up to 20 MB; the command line takes larger ones."
            ),
        )  # fmt: skip
        if file is None:
            return
        left, right = st.columns(2)
        here = {status.entry.name: translated(status.entry.title) for status in lab.datasets() if not status.note}
        dataset = left.selectbox(
            _("Data set"), list(here), format_func=here.__getitem__, key=f"{key}:weights images",
            help=_("The images to evaluate the network on; it has as many outputs as these have classes."),
        )  # fmt: skip
        field = setting("normalization")
        normalization = right.selectbox(
            field.title, field.choices, format_func=lambda value: words("normalization", value), key=f"{key}:weights scale",
            help=_("As the weights were trained with: other pixel values than those give other answers."),
        )  # fmt: skip
        if not st.button(
            _("Import as a run"), icon=":material/input:", disabled=dataset is None, key=f"{key}:weights import",
            help=_("Checks that the file fits, evaluates it on the test images and opens the run."),
        ):  # fmt: skip
            return
        try:
            config = RunConfig.make(
                architecture=card.name, options=options, dataset=dataset, channels=shape[0], image_size=shape[1],
                normalization=normalization, epochs=1,
            )  # fmt: skip
            with using(ENGLISH):  # `run_names` shows it in the reader's language
                name = _("{network}, imported").format(network=config.title)
            run_id = lab.imported_weights.start(config, file.getvalue(), token=uuid.uuid4().hex, name=name, owner=visitor())
        except CNNLabError as error:
            st.error(quoting(translated(error)), icon=":material/error:")
            return
        st.switch_page("pages/train.py", query_params={"run": run_id} | in_links())
