"""The language of the lessons: the one that the address names, else that of the browser."""

from __future__ import annotations

import streamlit as st

from cnnlab.learn.catalogue import ENGLISH, LANGUAGES

NAME = "lang"  # in the address


def language() -> str:
    """One of LANGUAGES; English where neither the address nor the browser names another of them."""
    named = st.query_params.get(NAME, "")
    if named in LANGUAGES:
        return named
    preferred = (st.context.locale or "").partition("-")[0].lower()  # "zh-CN"; None in tests
    return preferred if preferred in LANGUAGES else ENGLISH
