"""Clicks on buttons that act on the settings of the training form.

A click right after a change, such as a number typed just before it, arrives with the change, and before the button was drawn for
it. Acting at once would act on the settings of before; the form is then read first, and acts on what it read. A click on a recipe
is such a change too: it empties the form, which is filled when it is drawn.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import streamlit as st

from cnnlab.errors import NotAllowed
from cnnlab.i18n import translated
from pages._parts.forms.link import SCOPE
from pages._parts.visitor import person

CLICKED = "click that waits until the form is read"


def at_once_or_later(waiting: str, act: Callable[[], object]) -> Callable[[], None]:
    """A button's callback: `act` where the controls are as when the button was drawn, else `waiting`, for `waiting_click`."""
    drawn = _controls()

    def click() -> None:
        if drawn == _controls():
            act()
        else:
            st.session_state[CLICKED] = waiting

    return click


def waiting_click() -> str:
    """The click that waits for the form that is drawn now, once; "" where none does."""
    return st.session_state.pop(CLICKED, "")


def only_looks() -> str:
    """Why this person starts nothing, as a sentence in their language; "" where they may."""
    try:
        person().check_start()
    except NotAllowed as error:
        return translated(error)
    return ""


def _controls() -> dict[str, Any]:
    return {key: value for key, value in st.session_state.to_dict().items() if str(key).startswith(f"{SCOPE}:")}
