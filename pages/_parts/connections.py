"""The web server's connections to its browsers."""

from __future__ import annotations

import os
import socket
from contextlib import suppress

import psutil


def send_at_once() -> int:
    """Switches Nagle's algorithm off for this server's TCP connections, and for those to come, which inherit it; returns how many.

    Streamlit makes its listening socket without naming the protocol, so asyncio does not take it for TCP and leaves the
    algorithm on: an answer of several messages then waits for the browser's delayed acknowledgement, 40 ms on Linux.
    """
    changed = 0
    with suppress(psutil.Error, OSError):
        for connection in psutil.Process().net_connections("tcp"):
            if connection.fd < 0:
                continue  # Windows does not tell
            # A second handle on the same connection: closing it leaves the first one open.
            with suppress(OSError), socket.socket(fileno=os.dup(connection.fd)) as handle:
                handle.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                changed += 1
    return changed
