"""Opens the first browser tab (Streamlit opens none for an app that brings its own server, `st.App`), and loads what it needs."""

from __future__ import annotations

import asyncio
import importlib
import threading
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import streamlit as st
from streamlit import cli_util, config
from streamlit.web.server import server_util

from cnnlab.i18n import LANGUAGES, own_name

_DELAY = 0.1  # seconds until the server listens
# What every page needs, half a second of a processor: loaded while the first browser still loads Streamlit's scripts.
_FIRST = ("cnnlab.lab", "pages._parts.shell", "pages._parts.builder")
# What tables of numbers need, as much again: once the first page is drawn, which is Design, unless another page needs them before.
_LATER = ("pandas", "pyarrow.compute")
_FIRST_PAGE = 3.0  # seconds


@asynccontextmanager
async def open_first_tab(_: Any) -> AsyncIterator[None]:
    """The server's lifespan: as it begins, loads modules, and opens a tab unless the server is headless."""
    if not st.get_option("server.headless"):
        # An address that was set for browsers, as behind a proxy, comes before the server's own.
        option = "browser.serverAddress" if config.is_manually_set("browser.serverAddress") else "server.address"
        address = server_util.get_display_address(st.get_option(option) or "localhost")
        asyncio.get_running_loop().call_later(_DELAY, cli_util.open_browser, server_util.get_url(address))
    asyncio.get_running_loop().call_later(_DELAY, threading.Thread(target=load_modules, name="load ahead", daemon=True).start)
    yield


def load_modules() -> None:
    for name in _FIRST:
        importlib.import_module(name)
    for code in LANGUAGES:  # the sidebar names each in itself, for which its catalogue is read
        own_name(code)
    time.sleep(_FIRST_PAGE)
    for name in _LATER:
        importlib.import_module(name)
