"""The connection to the helper process, which it starts if necessary. Needs no torch."""

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
GRACE_SECONDS = 5.0  # after the deadline the server ends itself; this much later the client ends it


class Client:
    """Sends questions to the helper of the lab in `home`. Safe to share between threads."""

    def __init__(self, home: Path, *, deadline: float = wire.DEADLINE) -> None:
        self.home = home
        self.deadline = deadline
        # Shared, not one for each thread: Streamlit creates a thread for every click.
        self._idle: list[mp.Connection] = []
        self._lock = threading.Lock()

    def ask(self, question: str, /, *, deadline: float | None = None, **arguments: Any) -> Any:
        """The answer as JSON gives it. Raises the CNNLabError that the helper answered with, ComputeError if it gave no answer."""
        seconds = deadline or self.deadline
        with self._lock:
            connection = self._idle.pop() if self._idle else None
        if connection is not None:
            try:
                return self._exchange(connection, question, arguments, seconds)
            except (EOFError, OSError):
                pass  # the helper has been restarted since, perhaps not because of this question: try again
        try:
            return self._exchange(self._connect(), question, arguments, seconds)
        except (EOFError, OSError) as error:
            raise ComputeError(
                f"The helper process ended while it worked on this ({question}), perhaps for lack of memory. "
                "Please try again, or ask for less."
            ) from error

    def ready(self) -> bool:
        """Starts the helper if necessary; True when it can answer at once. Raises InstallationError."""
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
                with contextlib.suppress(OSError, EOFError):  # it is ending; wait for the next one
                    return _open(address)
            background.ensure(self.home)
            time.sleep(0.05)
        raise ComputeError(f"The helper process did not start within {START_SECONDS:g} s; see {background.log_file(self.home)}.")

    def _kill(self) -> None:
        address = wire.Address.read(self.home)
        if address and address.alive:
            with contextlib.suppress(psutil.NoSuchProcess):  # it has ended already
                psutil.Process(address.pid).kill()


def _open(address: wire.Address) -> mp.Connection:
    connection = mp.Client(address.place)
    try:
        wire.authenticate(connection, address.key, server=False)
    except multiprocessing.AuthenticationError as error:
        connection.close()
        raise ComputeError(
            "The helper process does not know this lab's key: it may belong to another user. Choose another home folder."
        ) from error
    except BaseException:
        connection.close()
        raise
    return connection
