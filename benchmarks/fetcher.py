"""A persistent connection over which a simulated browser tab fetches files: cheaper than a full HTTP library."""

from __future__ import annotations

import asyncio
from typing import cast
from urllib.parse import urlencode, urlsplit

PATIENCE = 30.0  # seconds for an answer


class Fetcher:
    """Fetches from `address`, http://host:port, as the person of the gate's `cookie`. One request at a time."""

    def __init__(self, address: str, cookie: str = "") -> None:
        parts = urlsplit(address)
        self._host, self._port = parts.hostname or "localhost", parts.port or 80
        self._cookie = f"Cookie: {cookie}\r\n" if cookie else ""
        self._open: _Connection | None = None

    async def get(self, path: str) -> tuple[int, bytes, int]:
        """Status, body, and the number of bytes received. Raises OSError or TimeoutError without an answer."""
        kept = self._open is not None
        try:
            return await self._get(path)
        except OSError:
            self.close()
            if not kept:
                raise
            return await self._get(path)  # the server closes a connection after some idle seconds

    async def _get(self, path: str) -> tuple[int, bytes, int]:
        async with asyncio.timeout(PATIENCE):
            if self._open is None:
                _, self._open = await asyncio.get_running_loop().create_connection(_Connection, self._host, self._port)
            request = f"GET /{path} HTTP/1.1\r\nHost: {self._host}:{self._port}\r\nAccept-Encoding: gzip\r\n{self._cookie}\r\n"
            return await self._open.ask(request.encode())

    def close(self) -> None:
        if self._open is not None:
            self._open.close()
            self._open = None


async def sign_in(address: str, code: str) -> str:
    """The cookie that the gate gives for this code. Raises PermissionError where it gives none."""
    parts = urlsplit(address)
    form = urlencode({"code": code}).encode()
    head = f"POST /sign-in HTTP/1.1\r\nHost: {parts.netloc}\r\nContent-Type: application/x-www-form-urlencoded\r\n"
    async with asyncio.timeout(PATIENCE):
        reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
        try:
            writer.write(f"{head}Content-Length: {len(form)}\r\nConnection: close\r\n\r\n".encode() + form)
            answer = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").splitlines()
        finally:
            writer.close()
    for line in answer:
        name, _, value = line.partition(":")
        if name.lower() == "set-cookie":
            return value.strip().partition(";")[0]
    raise PermissionError(f"The gate refused the code: {answer[0]}.")


class _Connection(asyncio.Protocol):
    """One request at a time. Thirty tabs polling each second take 2 % of a core with it, and 4 % with asyncio's streams."""

    def __init__(self) -> None:
        self._transport: asyncio.WriteTransport | None = None
        self._received = bytearray()
        self._answer: asyncio.Future[tuple[int, bytes, int]] | None = None

    def ask(self, request: bytes) -> asyncio.Future[tuple[int, bytes, int]]:
        self._answer = asyncio.get_running_loop().create_future()
        if self._transport is None or self._transport.is_closing():
            self._answer.set_exception(ConnectionResetError("The server has closed the connection."))
        else:
            self._transport.write(request)
        return self._answer

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.WriteTransport", transport)  # TCP's; uvloop's does not inherit from it

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(exc or ConnectionResetError("The server has closed the connection."))

    def data_received(self, data: bytes) -> None:
        self._received += data
        body = self._received.find(b"\r\n\r\n") + 4
        if body < 4:
            return
        head = bytes(self._received[:body]).lower()
        size = int(head.partition(b"\r\ncontent-length:")[2].partition(b"\r")[0])
        if len(self._received) < body + size:
            return
        answer = int(head.split(None, 2)[1]), bytes(self._received[body : body + size]), body + size
        self._received.clear()
        if self._answer is not None and not self._answer.done():
            self._answer.set_result(answer)
