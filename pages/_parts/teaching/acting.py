"""A click of a teacher: what is refused, or comes too late, is a sentence."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from cnnlab.errors import CNNLabError
from cnnlab.i18n import translated
from pages._parts.markdown import escaped


def attempt(action: Callable[[], object], done: str = "") -> bool:
    """Acts, and shows `done`, in the reader's language, or why not. True where it was done."""
    try:
        action()
    except CNNLabError as error:
        st.toast(escaped(translated(error)), icon=":material/error:", duration="long")
        return False
    if done:
        st.toast(escaped(done), icon=":material/check:")
    return True
