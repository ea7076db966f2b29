"""Hints of a teacher to this visitor, and the announcement to all, at the top of every page until they are dismissed."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import streamlit as st

from cnnlab.access.roles import Role
from cnnlab.errors import CNNLabError
from cnnlab.i18n import _, translated
from cnnlab.lab import Lab
from cnnlab.teaching.notes import Note
from cnnlab.text import ago
from pages._parts.language import in_links
from pages._parts.markdown import escaped
from pages._parts.refreshing import refresh_if
from pages._parts.visitor import person

POLL_SECONDS = 10.0
MOST = 3  # at a time; the next comes when one is dismissed


def notes(lab: Lab, fragment: Callable[..., Callable[..., None]]) -> None:
    """Draws them for a person of a class, in a `fragment` (shell.py): a hint appears without a click.

    A teacher who has announced something sees it on the page My class.
    """
    if person().role not in (Role.GUEST, Role.TEACHER):
        fragment(_draw, run_every=POLL_SECONDS)(lab)


def _draw(lab: Lab) -> None:
    dismisses = person().role is not Role.OBSERVER  # whose link is shared by many
    drawn = _notes(lab)
    refresh_if(lambda: _notes(lab) != drawn)
    for note, when in drawn:
        hint = bool(note.to)
        with st.container(horizontal=True, vertical_alignment="center", key=f"note {note.id}"):
            st.info(escaped(note.text), icon=":material/lightbulb:" if hint else ":material/campaign:", width="stretch")
            if note.run:
                st.page_link(
                    "pages/train.py", label=_("Open the run"), icon=":material/show_chart:",
                    query_params={"run": note.run} | in_links(),
                )  # fmt: skip
            if dismisses:
                st.button(
                    _("Got it"), key=f"dismiss {note.id}", icon=":material/check:", on_click=partial(_dismiss, lab, note.id),
                    help=_("Hides this message for you."),
                )  # fmt: skip
        by = _("Hint from {name}, {ago}") if hint else _("To everyone, from {name}, {ago}")
        st.caption(by.format(name=escaped(note.by) or _("your teacher"), ago=when))


def _notes(lab: Lab) -> list[tuple[Note, str]]:
    """Those on the page, each with its age in words."""
    return [(note, ago(note.at)) for note in lab.teaching.notes()[:MOST]]


def _dismiss(lab: Lab, note_id: str) -> None:
    try:
        lab.teaching.dismiss(note_id)
    except CNNLabError as error:
        st.toast(escaped(translated(error)), icon=":material/error:", duration="long")
