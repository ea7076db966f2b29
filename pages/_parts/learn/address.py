"""The address of a lesson, and how to go there; what the visitor has chosen of the language stays in it."""

from __future__ import annotations

from pathlib import Path

import streamlit as st
from streamlit.components import v2

from pages._parts.learn.language import NAME

LEARN_PAGE = "pages/learn.py"
_top = v2.component(
    "cnnlab_lesson_top",
    js=Path(__file__).with_name("top.js").read_text(encoding="utf-8"),
    isolate_styles=False,  # a shadow root would hide the page from the script
)


def lesson_address(lesson_id: str = "") -> dict[str, str]:
    """The query parameters that open a lesson, or without one the list."""
    named = {NAME: st.query_params[NAME]} if NAME in st.query_params else {}
    return ({"lesson": lesson_id} if lesson_id else {}) | named


def lesson_button(label: str, lesson_id: str, *, key: str, icon: str, primary: bool = False) -> None:
    """Draws the way to a lesson, or with an empty id to the list, from another view of the page Learn.

    It is no link: one to the page that is open changes what it shows but not its address (Streamlit 1.67), so that a reload or Back
    would leave the lesson.
    """
    st.button(
        label, key=key, icon=icon, type="primary" if primary else "tertiary", on_click=st.query_params.from_dict,
        args=(lesson_address(lesson_id),),
    )  # fmt: skip


def begin_at_the_top(lesson_id: str) -> None:
    """Scrolls up where the browser showed another lesson before; without a lesson, the list."""
    _top(data={"lesson": lesson_id}, key="unseen top")
