"""The visitor's name: the account where there is a login, else a typed name that the browser keeps in a cookie."""

from __future__ import annotations

import unicodedata

import streamlit as st

from cnnlab.i18n import N_, _, translated
from cnnlab.runs.records import Run
from cnnlab.sweeps.values import Sweep
from pages._parts.cookies import cookie, keep_cookie
from pages._parts.markdown import escaped

COOKIE = "cnnlab_visitor"
LONGEST = 60  # characters
_NAME = "name of the visitor"
_FIELD = "field for the visitor's name"
_CHANGED = "the visitor's name was changed here"
_HELP = N_(
    "Your runs carry this name, and only visitors with the same name can stop, change or delete them. The name is not verified: "
    "it prevents mistakes between people who share a machine. This browser stores it in a cookie."
)


def visitor() -> str:
    """The name under which this browser starts and changes runs; "" is no name."""
    account = _account()
    if account:
        return account
    if _NAME not in st.session_state:
        st.session_state[_NAME] = tidy(cookie(COOKIE))
    return st.session_state[_NAME]


def not_yours(run: Run | Sweep) -> str | None:
    """Why this visitor cannot change the run or sweep, as a sentence for Markdown; None where they can."""
    if run.owner in ("", visitor()):
        return None
    owner = escaped(run.owner)
    sweep = isinstance(run, Sweep)
    if _account():
        only = (
            _("This sweep belongs to {owner}, so only {owner} can change it.")
            if sweep
            else _("This run belongs to {owner}, so only {owner} can change it.")
        )
        return only.format(owner=owner)
    hint = (
        _("This sweep belongs to {owner}, so only {owner} can change it. If you are {owner}, enter that name in the sidebar.")
        if sweep
        else _("This run belongs to {owner}, so only {owner} can change it. If you are {owner}, enter that name in the sidebar.")
    )
    return hint.format(owner=owner)


def ask_for_name() -> None:
    """Draws the field for the name in the sidebar, or the name of the account."""
    name = visitor()
    if _account():
        st.sidebar.text(_("You are {name}").format(name=name))
        return
    st.session_state.setdefault(_FIELD, name)
    st.sidebar.text_input(
        _("Your name (so others can't stop your runs)"),
        key=_FIELD,
        max_chars=LONGEST,
        placeholder=_("no name"),
        help=translated(_HELP),
        on_change=_rename,
    )
    if st.session_state.get(_CHANGED):  # else a stale tab would overwrite a newer name
        with st.sidebar:
            keep_cookie(COOKIE, name)


def tidy(text: str) -> str:
    """A name on one line without invisible characters, so that names that look the same are the same."""
    plain = unicodedata.normalize("NFC", text)
    visible = "".join(" " if char.isspace() else char for char in plain if char.isspace() or unicodedata.category(char)[0] != "C")
    return " ".join(visible.split())[:LONGEST]


def _rename() -> None:
    # Streamlit also calls it where a page was left before this field was drawn again: then the session has no value for it.
    if _FIELD not in st.session_state:
        return
    st.session_state[_NAME] = st.session_state[_FIELD] = tidy(st.session_state[_FIELD])
    st.session_state[_CHANGED] = True


def _account() -> str:
    # Without [auth] in the secrets there is no login, and `st.user` is empty.
    if not st.user.get("is_logged_in"):
        return ""
    return tidy(str(st.user.get("email") or st.user.get("name") or st.user.get("sub") or ""))
