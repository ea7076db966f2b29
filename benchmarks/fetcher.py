"""One kept connection over which a browser tab fetches files, without what a library for all of HTTP costs on the same machine."""

from __future__ import annotations

import asyncio
from urllib.parse import urlsplit

PATIENCE = 30.0  # seconds for an answer


class Fetcher:
    """Fetches from `address`, http://host:port. One request at a time."""

    def __init__(self, address: str) -> None:
        parts = urlsplit(address)
        self._host, self._port = parts.hostname or "localhost", parts.port or 80
        self._open: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def get(self, path: str) -> tuple[int, bytes, int]:
        """Status and body, and the bytes that came in all. Raises OSError, EOFError or TimeoutError where nothing comes."""
        kept = self._open is not None
        try:
            return await self._get(path)
        except (OSError, EOFError):
            self.close()
            if not kept:
                raise
            return await self._get(path)  # the server closes a connection that has rested for some seconds

    async def _get(self, path: str) -> tuple[int, bytes, int]:
        async with asyncio.timeout(PATIENCE):
            if self._open is None:
                self._open = await asyncio.open_connection(self._host, self._port)
            reader, writer = self._open
            writer.write(f"GET /{path} HTTP/1.1\r\nHost: {self._host}:{self._port}\r\nAccept-Encoding: gzip\r\n\r\n".encode())
            head = await reader.readuntil(b"\r\n\r\n")
            first, *lines = head.decode("latin-1").split("\r\n")
            headers = dict(line.lower().split(": ", 1) for line in lines if ": " in line)
            body = await reader.readexactly(int(headers["content-length"]))
            return int(first.split()[1]), body, len(head) + len(body)

    def close(self) -> None:
        if self._open is not None:
            self._open[1].close()
            self._open = None
