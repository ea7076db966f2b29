"""The dialog in which a teacher writes a hint to one student, or to all."""

from __future__ import annotations

from typing import NamedTuple

import streamlit as st

from cnnlab.i18n import _, ngettext, translated
from cnnlab.lab import Lab
from cnnlab.teaching.notes import LONGEST
from cnnlab.teaching.values import Student
from pages._parts.shell import dialog
from pages._parts.teaching.acting import attempt

_ASKED, _TO, _TEXT = "class: a hint is to be written", "class:to", "class:text"
EVERYONE = ""


class About(NamedTuple):
    """To whom a hint goes, and about which run."""

    to: str = EVERYONE
    run: str = ""


def ask_for_hint(student: Student | None = None) -> None:
    """Opens the dialog with the next drawing of the page. Its text begins with what was found of the student."""
    stuck = student.stuck if student else None
    st.session_state[_ASKED] = About(student.name if student else EVERYONE, stuck.run if stuck else "")
    st.session_state[_TO] = student.name if student else EVERYONE
    st.session_state[_TEXT] = translated(stuck.reason)[:LONGEST] if stuck and stuck.kind == "not learning" else ""


def hint_dialog(lab: Lab, *, arriving: bool) -> None:
    """Draws it where it was asked for, until it is sent or closed. `arriving`: another page was open before."""
    if arriving:
        _forget()
    if about := st.session_state.get(_ASKED):
        dialog(_("Send a hint"), _draw, icon=":material/lightbulb:", on_dismiss=_forget)(lab, about)


def _forget() -> None:
    st.session_state.pop(_ASKED, None)


def _draw(lab: Lab, about: About) -> None:
    names = [EVERYONE, *sorted((student.name for student in lab.teaching.overview().students), key=str.casefold)]
    to = st.selectbox(
        _("To"), names, key=_TO, format_func=lambda name: name or _("all students"),
        help=_("The hint stands at the top of every page of theirs until they have dismissed it."),
    )  # fmt: skip
    text = st.text_area(
        _("Hint"), key=_TEXT, max_chars=LONGEST, height=160, help=_("Plain text. Ask a question, or name a setting to try.")
    )
    run = about.run if to == about.to else ""
    if run:
        st.caption(_("A link to the run comes with it."))
    if st.button(_("Send"), type="primary", icon=":material/send:", key="class:send"):
        count = len(names) - 1 if to == EVERYONE else 1
        sent = ngettext("The hint was sent to {count} student.", "The hint was sent to {count} students.", count)
        if attempt(lambda: lab.teaching.hint([to] if to else [], text, run=run), sent.format(count=count)):
            _forget()
            st.rerun()
