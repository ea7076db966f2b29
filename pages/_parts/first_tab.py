"""The browser that a server opens when it listens. Streamlit opens none for an app that brings its own server (`st.App`)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import streamlit as st
from streamlit import cli_util, config
from streamlit.web.server import server_util

_LISTENS = 0.1  # seconds after the app is ready; sooner, a browser that is open already could find nobody


@asynccontextmanager
async def opening(_: Any) -> AsyncIterator[None]:
    """Around the server's life: opens a tab as it begins, unless the server is headless. The address is also printed."""
    if not st.get_option("server.headless"):
        # Who says where browsers find the server, behind a proxy say, knows better than it does.
        said = "browser.serverAddress" if config.is_manually_set("browser.serverAddress") else "server.address"
        address = server_util.get_display_address(st.get_option(said) or "localhost")
        asyncio.get_running_loop().call_later(_LISTENS, cli_util.open_browser, server_util.get_url(address))
    yield
