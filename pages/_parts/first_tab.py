"""Opens the first browser tab. Streamlit opens none for an app that brings its own server (`st.App`)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import streamlit as st
from streamlit import cli_util, config
from streamlit.web.server import server_util

_DELAY = 0.1  # seconds until the server listens


@asynccontextmanager
async def open_first_tab(_: Any) -> AsyncIterator[None]:
    """The server's lifespan: opens a tab as it begins, unless the server is headless. The address is also printed."""
    if not st.get_option("server.headless"):
        # An address that was set for browsers, as behind a proxy, comes before the server's own.
        option = "browser.serverAddress" if config.is_manually_set("browser.serverAddress") else "server.address"
        address = server_util.get_display_address(st.get_option(option) or "localhost")
        asyncio.get_running_loop().call_later(_DELAY, cli_util.open_browser, server_util.get_url(address))
    yield
