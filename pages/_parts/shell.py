"""What every page does: page settings, the gate, the one lab that all visitors share, and errors told as sentences."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import streamlit as st
from streamlit.runtime import pages_manager

from cnnlab.errors import CNNLabError
from cnnlab.lab import Lab
from cnnlab.system.home import default_data, default_home
from pages._parts.markdown import quoting
from pages._parts.server_costs import remember_theme
from pages._parts.visitor import ask_for_name

_ICON = str(Path(__file__).with_name("icon.svg"))


def enter() -> Lab:
    """The lab, for a visitor who may come in; stops the page with a sentence where there can be none.

    Every page calls this itself, first thing: after a server start the first deep link can run a page file without app.py.
    """
    _leave_the_old_mode()
    page_settings()
    # Whoever must be kept out is to be stopped here, before the lab is opened.
    with in_words(then=st.stop):
        lab = _lab()
        lab.ready()  # the helper needs seconds to load torch; it starts now, while the visitor still reads
    ask_for_name()
    return lab


def wake() -> None:
    """Has the background processes start before the page's own modules are loaded: both take a second or two."""
    with in_words(then=st.stop):
        _lab().ready()


@contextmanager
def in_words(then: Callable[[], None] = lambda: None) -> Iterator[None]:
    """Shows a CNNLabError that nobody expected, such as a disk that fills up meanwhile, as its sentence; also as a decorator.

    Around each page and whatever Streamlit runs by itself: app.py is not there when a fragment is drawn again, nor when a
    page is the first thing that a new server shows.
    """
    try:
        yield
    except CNNLabError as error:
        st.error(quoting(error), icon=":material/error:")
        then()


def fragment(function: Callable[..., None], *, run_every: float | None = None) -> Callable[..., None]:
    """A part of a page that is drawn again by itself, every so many seconds."""
    return st.fragment(in_words()(function), run_every=run_every)


def page_settings() -> None:
    """Width and icon; before anything is drawn, so that nothing moves afterwards."""
    # A file of ours: Streamlit has the browser fetch other icons of its tab from the internet.
    st.set_page_config(page_icon=_ICON, layout="wide", initial_sidebar_state=220)


def _leave_the_old_mode() -> None:
    # Beside a folder called pages/, Streamlit lists its files by their file names until app.py has run once; on a class server that
    # could be never, if all come in by links to a page.
    manager = getattr(pages_manager, "PagesManager", None)
    if getattr(manager, "uses_pages_directory", False):
        manager.uses_pages_directory = False
        st.rerun()


@st.cache_resource(show_spinner="Opening the lab …")
def _lab() -> Lab:
    remember_theme()
    return Lab(default_home(), data=default_data())
