"""Requests to an ASGI app without a server: one request, and all that the app sends."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from benchmarks.visitor import run as run_visits

HOST = "localhost:8501"


@dataclass(frozen=True)
class Reply:
    """The answer; a refused WebSocket has the status 403, as a server answers it."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes

    @property
    def text(self) -> str:
        return self.body.decode()

    def header(self, name: str) -> str:
        return ", ".join(value for key, value in self.headers if key == name)


def ask(
    app: Any,
    path: str = "/",
    *,
    method: str = "GET",
    headers: dict[str, str] | None = None,
    form: dict[str, str] | None = None,
    cookie: str = "",
    peer: str = "127.0.0.1",
    server: str = "127.0.0.1",
    kind: str = "http",
) -> Reply:
    """One request; `cookie` is "name=value"."""
    given = {"host": HOST, **(headers or {})} | ({"cookie": cookie} if cookie else {})
    if form is not None:
        given |= {"content-type": "application/x-www-form-urlencoded"}
    path, _, query = path.partition("?")
    scope = {
        "type": kind,
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http" if kind == "http" else "ws",
        "path": path,
        "raw_path": path.encode(),
        "root_path": "",
        "query_string": query.encode(),
        "headers": [(name.lower().encode(), value.encode("latin-1")) for name, value in given.items() if value is not None],
        "client": (peer, 50_000),
        "server": (server, 8501),
        "subprotocols": ["streamlit"],
        "extensions": {},
    }
    sent: list[dict[str, Any]] = []
    incoming = [{"type": "http.request", "body": urlencode(form or {}).encode(), "more_body": False}]
    if kind == "websocket":
        incoming = [{"type": "websocket.connect"}, {"type": "websocket.disconnect", "code": 1000}]

    async def receive() -> dict[str, Any]:
        if not incoming:
            await asyncio.Event().wait()  # the browser stays
        return incoming.pop(0)

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    run_visits(app(scope, receive, send))
    if kind == "websocket":
        return Reply(101 if sent and sent[0]["type"] == "websocket.accept" else 403, [], b"")
    begin = sent[0]
    plain = [(name.decode().lower(), value.decode("latin-1")) for name, value in begin["headers"]]
    return Reply(begin["status"], plain, b"".join(message.get("body", b"") for message in sent[1:]))
