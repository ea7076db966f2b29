"""Asks the helper process; starts the background processes when nothing answers. Needs no torch."""

from __future__ import annotations

import contextlib
import multiprocessing
import threading
import time
from multiprocessing import connection as mp
from pathlib import Path
from typing import Any

import psutil

from cnnlab.compute import wire
from cnnlab.errors import ComputeError
from cnnlab.system import background

START_SECONDS = 120.0  # the first import of torch from a cold disk can take a minute
GRACE_SECONDS = 5.0  # the server ends an answer that takes too long itself; after this much more we do it


class Client:
    """The connection to the helper of the lab in `home`. Safe to share between threads."""

    def __init__(self, home: Path, *, deadline: float = wire.DEADLINE) -> None:
        self.home = home
        self.deadline = deadline
        # Idle connections, not one a thread: Streamlit makes a new thread for every click.
        self._idle: list[mp.Connection] = []
        self._lock = threading.Lock()

    def ask(self, question: str, /, *, deadline: float | None = None, **arguments: Any) -> Any:
        """The server's answer. Raises the CNNLabError it answered with; ComputeError if it gave none."""
        seconds = deadline or self.deadline
        with self._lock:
            connection = self._idle.pop() if self._idle else None
        if connection is not None:
            try:
                return self._exchange(connection, question, arguments, seconds)
            except (EOFError, OSError):
                pass  # the server has been restarted since; this question may not be to blame, so it gets a second try
        try:
            return self._exchange(self._connect(), question, arguments, seconds)
        except (EOFError, OSError) as error:
            raise ComputeError(
                f"The helper process ended while it worked on this ({question}), perhaps for lack of memory. "
                "Please try again, or ask for less."
            ) from error

    def ready(self) -> bool:
        """True when the helper can answer at once. False while it starts, which this call sets off. Raises InstallationError."""
        address = wire.Address.read(self.home)
        if address and address.alive:
            return True
        background.ensure(self.home)
        return False

    def close(self) -> None:
        with self._lock:
            idle, self._idle = self._idle, []
        for connection in idle:
            connection.close()

    def _exchange(self, connection: mp.Connection, question: str, arguments: dict[str, Any], seconds: float) -> Any:
        try:
            wire.send(connection, {"question": question, "arguments": arguments, "deadline": seconds})
            if not connection.poll(seconds + GRACE_SECONDS):
                self._kill()
                raise ComputeError(
                    f"The helper process gave no answer within {seconds:g} s ({question}). Please try again, or ask for less."
                )
            reply = wire.receive(connection, wire.LONGEST_ANSWER)
        except BaseException:
            connection.close()
            raise
        with self._lock:
            self._idle.append(connection)
        if "error" in reply:
            raise wire.error_from_dict(reply["error"])
        return reply["answer"]

    def _connect(self) -> mp.Connection:
        until = time.monotonic() + START_SECONDS
        while time.monotonic() < until:
            address = wire.Address.read(self.home)
            if address and address.alive:
                with contextlib.suppress(OSError, EOFError):  # it is just ending; the loop waits for the next one
                    return _open(address)
            background.ensure(self.home)
            time.sleep(0.05)
        raise ComputeError(f"The helper process did not start within {START_SECONDS:g} s; see {background.log_file(self.home)}.")

    def _kill(self) -> None:
        address = wire.Address.read(self.home)
        if address and address.alive:
            with contextlib.suppress(psutil.NoSuchProcess):  # it has ended by itself
                psutil.Process(address.pid).kill()


def _open(address: wire.Address) -> mp.Connection:
    connection = mp.Client(address.place)
    try:
        wire.authenticate(connection, address.key, server=False)
    except multiprocessing.AuthenticationError as error:
        connection.close()
        raise ComputeError(
            "The helper process does not know this lab's key: it may belong to somebody else. Choose another home folder."
        ) from error
    except BaseException:
        connection.close()
        raise
    return connection
