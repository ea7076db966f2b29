"""The address of a lesson, and how to go there; the language stays in it."""

from __future__ import annotations

import streamlit as st

from pages._parts.language import in_links

LEARN_PAGE = "pages/learn.py"


def lesson_address(lesson_id: str = "") -> dict[str, str]:
    """The query parameters that open a lesson, or without one the list."""
    return ({"lesson": lesson_id} if lesson_id else {}) | in_links()


def lesson_button(label: str, lesson_id: str, *, key: str, icon: str, primary: bool = False) -> None:
    """Draws the way to a lesson, or with an empty id to the list, from another view of the page Learn.

    It is no link: one to the page that is open changes what it shows but not its address (Streamlit 1.67), so that a reload or Back
    would leave the lesson.
    """
    st.button(
        label, key=key, icon=icon, type="primary" if primary else "tertiary", on_click=st.query_params.from_dict,
        args=(lesson_address(lesson_id),),
    )  # fmt: skip
