"""Automatic runs of fragments that would draw what is there already: left out before Streamlit begins them.

A browser asks for each fragment with `run_every` at its interval. For the smallest, Streamlit starts a thread and sends six
messages, which takes 3 ms of a processor; the answer to `due` takes a tenth of that.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING

import streamlit as st
from google.protobuf.message import DecodeError
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.runtime.scriptrunner_utils import script_run_context

from cnnlab.errors import CNNLabError
from cnnlab.i18n import language, using

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

HEADER = "x-cnnlab-tab"  # names a connection to the scripts that run for it; one that a browser sends is replaced

Due = Callable[[], bool]

_tabs: dict[str, dict[str, Due]] = {}  # by connection and fragment


def refresh_if(due: Due) -> None:
    """Leaves the automatic runs of the fragment that calls this out while `due()` is false, until it is drawn again.

    `due` runs in a thread without a session: what it needs of the visitor it is given, and the language is this thread's.
    """
    tab = _tabs.get(st.context.headers.get(HEADER) or "")
    if tab is not None and (fragment := _fragment()):
        code = language()

        def in_language() -> bool:
            with using(code):
                return due()

        tab[fragment] = in_language


def _fragment() -> str:
    """The id of the fragment that runs; "" where this version of Streamlit does not say, and then none of its runs is left out."""
    state = getattr(script_run_context, "ThreadState", None)
    return (state and state.get().fragment_id) or ""


class RefreshMiddleware:
    """The ASGI layer around the app that reads what a browser sends over its socket before Streamlit does."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "websocket":
            await self._app(scope, receive, send)
            return
        name, parts = secrets.token_hex(8), dict[str, Due]()
        headers = [pair for pair in scope["headers"] if pair[0].lower() != HEADER.encode()]
        headers.append((HEADER.encode(), name.encode()))

        async def needed() -> Message:
            while True:
                message = await receive()
                due = _due(message, parts)
                if due is None or await asyncio.to_thread(_holds, due):  # the record may be on a slow disk
                    return message

        _tabs[name] = parts
        try:
            await self._app({**scope, "headers": headers}, needed, send)
        finally:
            del _tabs[name]


def _due(message: Message, parts: dict[str, Due]) -> Due | None:
    """What decides on this message; None for any but an automatic run of one of the `parts`."""
    data = message.get("bytes")
    if not parts or not data:
        return None
    with suppress(DecodeError):  # Streamlit answers it
        asked = BackMsg.FromString(data).rerun_script
        return parts.get(asked.fragment_id) if asked.is_auto_rerun else None
    return None


def _holds(due: Due) -> bool:
    with suppress(CNNLabError, OSError):  # the fragment shows the reason
        return due()
    return True
