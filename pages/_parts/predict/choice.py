"""Which of the test images are shown: the controls, and what the confusion matrix and the buttons set."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import streamlit as st

from cnnlab.i18n import N_, _, translated
from pages._parts.address import Address, one_of
from pages._parts.one_choice import ALL_CLASSES, class_choice, one_choice
from pages._parts.pager import Pager

ONLY = {"all": N_("All"), "mistakes": N_("Mistakes"), "correct": N_("Right")}
ORDER = {"number": N_("as they come"), "confident": N_("most confident first"), "uncertain": N_("least certain first")}
PAGER = Pager("predict:page")
OF_TEST_IMAGES = ("label", "predicted", "only", "order", "page", "shares")  # what the address can say about them
OF_OWN = ("source", "with", "gray", "invert", "contrast", "crop", "scale", "centre")  # and about a user's own picture
NAMES = ("run", "checkpoint", "view", *OF_TEST_IMAGES, *OF_OWN)  # all that the address of Predict can say
LABEL, PREDICTED, ONLY_KEY, ORDER_KEY = "predict:label", "predict:predicted", "predict:only", "predict:order"
SHARES = "predict:shares"


def pick_images(classes: Sequence[str], address: Address) -> dict[str, Any]:
    """Draws the controls; returns the arguments of `Lab.predictions` that they stand for."""
    with st.container(key="predict-filters"):
        places = [*st.columns(2), *st.columns(2)]
    label = class_choice(
        _("True class"), LABEL, "label", classes, address, place=places[0], on_change=PAGER.restart,
        help=_("Show only the images that belong to this class: a row of the matrix."),
    )  # fmt: skip
    predicted = class_choice(
        _("Predicted class"), PREDICTED, "predicted", classes, address, place=places[1], on_change=PAGER.restart,
        help=_("Show only the images that the network takes for this class: a column of the matrix."),
    )  # fmt: skip
    only = one_choice(
        _("Show"), ONLY_KEY, "only", {name: translated(text) for name, text in ONLY.items()}, address, place=places[2],
        on_change=PAGER.restart,
        help=_("Mistakes are the test images whose predicted class is wrong."),
    )  # fmt: skip
    order = one_choice(
        _("Order"), ORDER_KEY, "order", {name: translated(text) for name, text in ORDER.items()}, address, place=places[3],
        on_change=PAGER.restart, as_list=True,
        help=_(
            "The confidence is the probability that the network gives to the class it predicts. Mistakes made with much "
            "confidence are the most instructive."
        ),
    )  # fmt: skip
    with st.container(horizontal=True, gap="small"):
        st.button(
            _("Most confident mistakes"), icon=":material/bolt:", key="predict:confident mistakes",
            on_click=show_extremes, args=("mistakes", "confident"),
            help=_("Wrong, and sure of it: images that look like another class, or that have a wrong label."),
        )  # fmt: skip
        st.button(
            _("Least certain hits"), icon=":material/help:", key="predict:uncertain hits",
            on_click=show_extremes, args=("correct", "uncertain"),
            help=_("Right, but hardly surer of the right class than of another."),
        )  # fmt: skip
    return {"label": label, "predicted": predicted, "only": only, "order": order}


def pick_shares(address: Address) -> bool:
    """Draws the switch between counts and shares in the matrix."""
    address.initialise(SHARES, "shares", False, one_of("shares", (True, False)))
    on = st.toggle(
        _("Per cent"), key=SHARES,
        help=_("Shows each number of the matrix as a share of the images of its true class: each row adds up to 100 %."),
    )  # fmt: skip
    address.write("shares", on, False)
    return on


def show_extremes(only: str, order: str) -> None:
    """Shows the mistakes or hits of all classes, those first at which the network was most or least sure."""
    show_cell(None, None)
    st.session_state.update({ONLY_KEY: only, ORDER_KEY: order})


def show_cell(label: int | None, predicted: int | None) -> None:
    """Shows the images of one cell of the matrix; of two times None, all images."""
    cell = {LABEL: ALL_CLASSES if label is None else label, PREDICTED: ALL_CLASSES if predicted is None else predicted}
    st.session_state.update(cell | {ONLY_KEY: "all"})
    PAGER.restart()
