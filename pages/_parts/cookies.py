"""What one browser keeps from visit to visit, in cookies: the visitor's name, and their language.

A cookie, not the browser's storage: the request carries it, so the first drawing after a reload already knows the value.
"""

from __future__ import annotations

from pathlib import Path
from urllib.parse import unquote

import streamlit as st
from streamlit.components import v2

_store = v2.component("cnnlab_cookie", js=Path(__file__).with_suffix(".js").read_text(encoding="utf-8"))


def cookie(name: str) -> str:
    """The value that this browser sent when it opened the page; "" for none."""
    return unquote(dict(st.context.cookies).get(name, ""))


def keep_cookie(name: str, value: str) -> None:
    """Has this browser keep `value` for a year, or forget it where it is ""; draws nothing that is seen."""
    _store(data={"cookie": name, "value": value}, key=f"unseen cookie {name}")
