"""Who is learning: the visitor's name, or without one a key that this browser keeps in a cookie."""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable

import streamlit as st

from cnnlab.access.roles import Role
from cnnlab.errors import CNNLabError
from cnnlab.i18n import translated
from cnnlab.learn.progress import Learners, LessonProgress
from pages._parts.cookies import cookie, keep_cookie
from pages._parts.markdown import escaped
from pages._parts.visitor import person, visitor

COOKIE = "cnnlab_learner"
_BROWSER = "key of the learner's browser"


def learner() -> str:
    """The key under which the lab keeps this visitor's progress."""
    name = visitor()
    # An observer's link is shared by many.
    return f"name {name}" if name and person().role is not Role.OBSERVER else _browser()


def progress_of(learners: Learners) -> dict[str, LessonProgress]:
    """What this visitor has done, by lesson. One who has just typed a name takes along what was done without it."""
    key = learner()
    every = learners.progress(key)
    if not every and key != _browser() and learners.progress(_browser()):
        learners.adopt(key, _browser())
        every = learners.progress(key)
    if every and key == _browser() and _from_cookie() is None:
        keep_cookie(COOKIE, key.removeprefix("browser "))
    return every


def keep(change: Callable[[str], None]) -> None:
    """Changes the learner's progress, whose key `change` takes; where it cannot be kept the page says why."""
    try:
        person().check_start()
        change(learner())
    except CNNLabError as error:
        st.toast(escaped(translated(error)), icon=":material/error:", duration="long")


def _browser() -> str:
    if _BROWSER not in st.session_state:
        st.session_state[_BROWSER] = _from_cookie() or secrets.token_hex(16)
    return f"browser {st.session_state[_BROWSER]}"


def _from_cookie() -> str | None:
    value = cookie(COOKIE)
    return value if re.fullmatch(r"[0-9a-f]{32}", value) else None
