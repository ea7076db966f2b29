"""What its owner can do with a data set of their own: call it otherwise, and delete it."""

from __future__ import annotations

import streamlit as st

from cnnlab.datasets.own import OwnSet
from cnnlab.errors import CNNLabError
from cnnlab.i18n import _, translated
from cnnlab.lab import Lab
from cnnlab.own_data.values import LONGEST_TITLE
from cnnlab.text import ago, size_text
from pages._parts.data.importing import DATASET
from pages._parts.markdown import escaped, isolated, quoting
from pages._parts.shell import dialog
from pages._parts.visitor import visitor

ASKED_TO_DELETE = "data set whose deletion is to be confirmed"
RENAMED = "data:new title"


def own_set_actions(lab: Lab, own: OwnSet, refusal: str | None) -> None:
    """Whose it is, and the two buttons; `refusal`: why this visitor cannot change it."""
    with st.container(horizontal=True, vertical_alignment="center", key="own-set"):
        by = _("Imported {when} by {owner}") if own.owner else _("Imported {when}")
        st.caption(by.format(when=ago(own.created), owner=escaped(isolated(own.owner))))
        with st.popover(_("Rename …"), icon=":material/edit:", type="tertiary", disabled=bool(refusal), help=refusal):
            st.text_input(
                _("Title"), value=own.title, max_chars=LONGEST_TITLE, key=f"{RENAMED} {own.base}",
                help=_("How the data set is called in all lists; its runs keep their names."),
            )  # fmt: skip
            st.button(_("Rename"), key=f"data:rename {own.base}", on_click=_rename, args=(lab, own))
        st.button(
            _("Delete …"), icon=":material/delete:", type="tertiary", disabled=bool(refusal), help=refusal, on_click=_ask,
            args=(own.base,), key="data:delete",
        )  # fmt: skip
    if st.session_state.get(ASKED_TO_DELETE) == own.base:
        dialog(_("Delete this data set?"), _confirm, icon=":material/delete:", on_dismiss=_forget)(lab, own)


def _rename(lab: Lab, own: OwnSet) -> None:
    try:
        lab.own_data.rename(own.name, st.session_state[f"{RENAMED} {own.base}"], owner=visitor())
    except CNNLabError as error:
        st.toast(quoting(translated(error)), icon=":material/error:", duration="long")


def _ask(base: str) -> None:
    st.session_state[ASKED_TO_DELETE] = base


def _forget() -> None:
    st.session_state.pop(ASKED_TO_DELETE, None)


def _confirm(lab: Lab, own: OwnSet) -> None:
    st.markdown(
        _(
            "The pictures of “{name}” ({size}) will be deleted from the lab. **This cannot be undone.** Runs on them keep their "
            "curves and weights, but cannot be continued, and their predictions cannot be shown."
        ).format(name=escaped(isolated(own.title)), size=size_text(own.image_bytes))
    )
    with st.container(horizontal=True):
        if st.button(_("Delete it"), type="primary", icon=":material/delete:", key=f"really delete {own.base}"):
            try:
                lab.own_data.delete(own.name, owner=visitor())
            except CNNLabError as error:
                st.error(quoting(translated(error)), icon=":material/error:")
                return
            _forget()
            st.query_params.pop("dataset", None)
            st.session_state.pop(DATASET, None)
            st.rerun()
        if st.button(_("Keep it"), key=f"keep {own.base}"):
            _forget()
            st.rerun()
