"""What every page does first: page settings, the gate, and the one lab that all visitors share."""

from __future__ import annotations

import threading

import streamlit as st
from streamlit.runtime.pages_manager import PagesManager

from cnnlab.errors import CNNLabError
from cnnlab.home import default_data, default_home
from cnnlab.lab import Lab


def enter() -> Lab:
    """The lab, for a visitor who may come in; stops the page with a sentence where there can be none.

    Every page calls this itself, first thing: after a server start the first deep link can run a page file without app.py.
    """
    _leave_the_old_mode()
    st.set_page_config(page_icon=":material/neurology:", layout="wide")
    # Whoever must be kept out is to be stopped here, before the lab is opened.
    try:
        return _lab()
    except CNNLabError as error:
        st.error(str(error), icon=":material/error:")
        st.stop()


def _leave_the_old_mode() -> None:
    # Beside a folder called pages/, Streamlit lists its files by their file names until app.py has run once; on a class server that
    # could be never, if all come in by links to a page.
    if PagesManager.uses_pages_directory:
        PagesManager.uses_pages_directory = False
        st.rerun()


@st.cache_resource(show_spinner="Opening the lab …")
def _lab() -> Lab:
    lab = Lab(default_home(), data=default_data())
    # The helper process needs seconds to load torch; it starts now, while the visitor still reads.
    threading.Thread(target=lab.warm_up, name="warm-up", daemon=True).start()
    return lab
