"""The address of a lesson; what the visitor has chosen of the language stays in it."""

from __future__ import annotations

import streamlit as st

from pages._parts.learn.language import NAME

LEARN_PAGE = "pages/learn.py"


def lesson_address(lesson_id: str = "") -> dict[str, str]:
    """The query parameters that open a lesson, or without one the list."""
    named = {NAME: st.query_params[NAME]} if NAME in st.query_params else {}
    return ({"lesson": lesson_id} if lesson_id else {}) | named
