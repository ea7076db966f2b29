"""The heading of a part of a page: its technical terms stand, in the other language, in its help."""

from __future__ import annotations

import streamlit as st

from cnnlab.i18n import translated
from cnnlab.i18n.glossary import terms


def header(title: str, *, anchor: bool = True) -> None:
    """Draws the heading of a part. `title` is in English, marked with N_."""
    st.header(translated(title), help=terms(title) or None, anchor=None if anchor else False)


def with_terms(text: str, title: str) -> str:
    """The help of a control or column with the terms of its English `title` below it."""
    return "\n\n".join(filter(None, (text, terms(title))))
