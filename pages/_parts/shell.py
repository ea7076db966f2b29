"""What every page does: page settings, language, the gate, the one lab that all visitors share, and errors as sentences."""

from __future__ import annotations

import base64
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import streamlit as st
from streamlit.runtime import pages_manager

from cnnlab.errors import CNNLabError
from cnnlab.i18n import _, translated
from cnnlab.lab import Lab
from cnnlab.seen import seen_by
from cnnlab.system.home import default_data, default_home
from pages._parts.language import follow_browser
from pages._parts.markdown import quoting
from pages._parts.notes import notes
from pages._parts.sidebar import sidebar
from pages._parts.visitor import person

# A local file: browsers fetch Streamlit's own icons from the internet. In the form in which Streamlit would send it, as it reads a
# file again for each run of a page.
_ICON = f"data:image/svg+xml;base64,{base64.b64encode(Path(__file__).with_name('icon.svg').read_bytes()).decode()}"
_STYLE = Path(__file__).with_suffix(".css")
LOOK_SECONDS = 1.0  # a page asks five times whether processes still run, and thirty students open several pages a second
_has_opened = threading.Event()


def enter() -> Lab:
    """The lab. Where it cannot be opened, the page stops with the reason.

    Every page calls this first: after a server start, Streamlit runs the page of the first deep link without app.py.
    """
    _disable_pages_folder()
    page_settings()
    # The gate has stopped strangers; this stops a page that is served without it.
    with in_words(then=st.stop):
        lab = seen_by(_opened(), person())
        lab.ready()  # the helper needs seconds to load torch: it starts while the visitor still reads
    st.html(_STYLE)
    sidebar(lab, fragment)
    notes(lab, fragment)
    if reason := lab.queue_waits():
        st.warning(quoting(translated(reason)), icon=":material/hourglass_top:")
    return lab


def wake() -> None:
    """Starts the background processes before the page's own modules are loaded: each takes a second or two."""
    with in_words(then=st.stop):
        _opened().ready()


@contextmanager
def in_words(then: Callable[[], None] = lambda: None) -> Iterator[None]:
    """Sets the language, and shows an unexpected CNNLabError, such as a full disk, as its sentence; also a decorator.

    Every page, fragment and dialog needs it of its own: Streamlit can run each of them without app.py.
    """
    follow_browser()
    try:
        yield
    except CNNLabError as error:
        st.error(quoting(translated(error)), icon=":material/error:")
        then()


def fragment(function: Callable[..., None], *, run_every: float | None = None) -> Callable[..., None]:
    """A part of a page that runs without the rest; with `run_every`, again at that interval of seconds."""
    return st.fragment(in_words()(function), run_every=run_every)


def dialog(title: str, function: Callable[..., None], **options: Any) -> Callable[..., None]:
    """A dialog that `function` draws; made where it is opened, because its title is in the reader's language."""
    return st.dialog(title, **options)(in_words()(function))


def page_settings() -> None:
    """Width and icon; called before anything is drawn, so that nothing moves afterwards."""
    st.set_page_config(page_icon=_ICON, layout="wide", initial_sidebar_state=220)


def _disable_pages_folder() -> None:
    # Until its first st.navigation, Streamlit (1.67) runs files in a folder called pages/ without app.py: after a server start, a
    # link to such a page would show no list of pages.
    manager = getattr(pages_manager, "PagesManager", None)
    if getattr(manager, "uses_pages_directory", False):
        manager.uses_pages_directory = False
        st.rerun()


def _opened() -> Lab:
    if _has_opened.is_set():  # a spinner would cost each page a thread and a message
        return _lab()
    with st.spinner(_("Opening the lab …")):  # shown after half a second
        lab = _lab()
    _has_opened.set()
    return lab


@st.cache_resource(show_spinner=False)
def _lab() -> Lab:
    return Lab(default_home(), data=default_data(), look_seconds=LOOK_SECONDS)
