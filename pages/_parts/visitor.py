"""Who sits at this browser: somebody who has logged in, else the name that the visitor typed and the browser keeps in a cookie."""

from __future__ import annotations

import unicodedata
from urllib.parse import unquote

import streamlit as st
from streamlit.components import v2

from cnnlab.runs.records import Run

COOKIE = "cnnlab_visitor"
LONGEST = 60  # characters
_NAME = "name of the visitor"
_FIELD = "field for the visitor's name"
_CHANGED = "the visitor's name was changed here"
_HELP = (
    "Runs that you start carry this name, and only somebody who goes by it can stop, change or delete them. Nobody checks "
    "it: it keeps people who share a machine from erasing each other's work by mistake. This browser remembers it."
)
# A cookie, and not the browser's storage: it comes with the request, so the first drawing after a reload already knows the name.
_JS = """
export default function ({ data }) {
  const secure = location.protocol === "https:" ? "; Secure" : "";
  const seconds = data.name ? 365 * 24 * 3600 : 0;
  document.cookie = `${data.cookie}=${encodeURIComponent(data.name)}; path=/; max-age=${seconds}; SameSite=Lax${secure}`;
}
"""
_keep = v2.component("cnnlab_visitor", js=_JS)


def visitor() -> str:
    """The name under which this browser starts and changes runs; "" is nobody in particular."""
    account = _account()
    if account:
        return account
    if _NAME not in st.session_state:
        st.session_state[_NAME] = tidy(unquote(dict(st.context.cookies).get(COOKIE, "")))
    return st.session_state[_NAME]


def not_yours(run: Run) -> str | None:
    """Why this visitor cannot change the run, as a sentence; None where they can."""
    if run.owner in ("", visitor()):
        return None
    hint = "" if _account() else " If that is you, type that name at the left."
    return f"This run belongs to {run.owner}, so only {run.owner} can change it.{hint}"


def ask_for_name() -> None:
    """Draws the field for the name in the sidebar, or says who is logged in."""
    name = visitor()
    if _account():
        st.sidebar.text(f"You are {name}")
        return
    st.session_state.setdefault(_FIELD, name)
    st.sidebar.text_input(
        "Your name", key=_FIELD, max_chars=LONGEST, placeholder="nobody in particular", help=_HELP, on_change=_rename
    )
    if st.session_state.get(_CHANGED):  # only then: another tab of this browser may know a newer name
        with st.sidebar:
            _keep(data={"cookie": COOKIE, "name": name}, key="keeper of the visitor's name", height=1)


def tidy(text: str) -> str:
    """A name on one line, without characters that cannot be seen, so that two that look alike are alike."""
    plain = unicodedata.normalize("NFC", text)
    seen = "".join(" " if each.isspace() else each for each in plain if each.isspace() or unicodedata.category(each)[0] != "C")
    return " ".join(seen.split())[:LONGEST]


def _rename() -> None:
    st.session_state[_NAME] = st.session_state[_FIELD] = tidy(st.session_state[_FIELD])
    st.session_state[_CHANGED] = True


def _account() -> str:
    # Without [auth] in the secrets there is no login, and then `st.user` has none of these.
    if not st.user.get("is_logged_in"):
        return ""
    return tidy(str(st.user.get("email") or st.user.get("name") or st.user.get("sub") or ""))
