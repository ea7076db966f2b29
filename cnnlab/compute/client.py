"""The connection to the helper process, which it starts if necessary. Needs no torch."""

from __future__ import annotations

import contextlib
import multiprocessing
import queue
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing import connection as mp
from pathlib import Path
from typing import Any

import psutil

from cnnlab.compute import wire
from cnnlab.errors import CNNLabError, ComputeError
from cnnlab.i18n import N_, say
from cnnlab.system import background

AT_ONCE = 8  # questions that are worked on; further ones wait here, where the time does not count against their deadline
QUEUE_SECONDS = 60.0  # for a question that waits
FIRST_PAGE_SECONDS = 1.5  # until the first page of a new server is drawn, which loading torch beside it would delay
START_SECONDS = 120.0  # the first import of torch from a cold disk can take a minute
BUSY_SECONDS = 20.0  # for a helper that runs but lets nobody in
GRACE_SECONDS = 5.0  # after the deadline the server ends itself; this much later the client ends it


@dataclass(slots=True)
class _Place:
    """Room for one question at a time, with the connection of the question before."""

    connection: mp.Connection | None = None

    def close(self) -> None:
        connection, self.connection = self.connection, None
        if connection is not None:
            connection.close()


class Client:
    """Sends questions to the helper of the lab in `home`. Safe to share between threads.

    Once the helper was found to be ready, that holds for `look_seconds`.
    """

    def __init__(self, home: Path, *, deadline: float = wire.DEADLINE, look_seconds: float = 0.0) -> None:
        self.home = home
        self.deadline = deadline
        # Shared, not one for each thread: Streamlit creates a thread for every click. Last in, first out: few are ever opened.
        self._places: queue.LifoQueue[_Place] = queue.LifoQueue()
        for _ in range(AT_ONCE):
            self._places.put(_Place())
        self._start: threading.Timer | None = None
        self._look_seconds, self._ready_until = look_seconds, 0.0

    def ask(self, question: str, /, *, deadline: float | None = None, **arguments: Any) -> Any:
        """The answer as JSON gives it. Raises the CNNLabError that the helper answered with, ComputeError if it gave no answer."""
        message = {"question": question, "arguments": arguments, "deadline": deadline or self.deadline}
        with self._place() as place:
            reply = self._reply(place, message)
        if "error" in reply:
            raise wire.error_from_dict(reply["error"])
        return reply["answer"]

    def ready(self) -> bool:
        """True when the helper can answer at once; otherwise starts it. Raises InstallationError.

        The first time it is started once the first page is drawn, unless a question does so before.
        """
        if time.monotonic() < self._ready_until:
            return True
        address = wire.Address.read(self.home)
        if address and address.alive:
            self._ready_until = time.monotonic() + self._look_seconds
            return True
        if self._start is None:
            self._start = threading.Timer(FIRST_PAGE_SECONDS, self._start_now)
            self._start.daemon = True
            self._start.start()
        elif not self._start.is_alive():
            background.ensure(self.home)
        return False

    def _start_now(self) -> None:
        with contextlib.suppress(CNNLabError):  # the next page shows the reason
            background.ensure(self.home)

    def close(self) -> None:
        """Closes the idle connections; the next question opens a new one."""
        if self._start is not None:
            self._start.cancel()
        free = []
        with contextlib.suppress(queue.Empty):
            while True:
                free.append(self._places.get_nowait())
        for place in reversed(free):
            place.close()
            self._places.put(place)

    @contextmanager
    def _place(self) -> Iterator[_Place]:
        try:
            place = self._places.get(timeout=QUEUE_SECONDS)
        except queue.Empty:
            raise ComputeError(
                say(
                    "The helper process is busy: it has answered others for {seconds} s. Please try again in a moment.",
                    seconds=f"{QUEUE_SECONDS:g}",
                )
            ) from None
        try:
            yield place
        finally:
            self._places.put(place)

    def _reply(self, place: _Place, message: dict[str, Any]) -> dict[str, Any]:
        if place.connection is not None:
            with contextlib.suppress(EOFError, OSError):  # the helper has been restarted, perhaps not because of this question
                return self._exchange(place, place.connection, message)
        try:
            place.connection = self._connect()
            return self._exchange(place, place.connection, message)
        except (EOFError, OSError) as error:
            raise ComputeError(
                say(
                    "The helper process ended while it worked on this ({question}), perhaps for lack of memory. "
                    "Please try again, or ask for less.",
                    question=message["question"],
                )
            ) from error

    def _exchange(self, place: _Place, connection: mp.Connection, message: dict[str, Any]) -> dict[str, Any]:
        seconds = message["deadline"]
        try:
            wire.send(connection, message)
            if not connection.poll(seconds + GRACE_SECONDS):
                self._kill()
                raise ComputeError(
                    say(
                        "The helper process gave no answer within {seconds} s ({question}). Please try again, or ask for less.",
                        seconds=f"{seconds:g}",
                        question=message["question"],
                    )
                )
            return wire.receive(connection, wire.LONGEST_ANSWER)
        except BaseException:
            place.close()
            raise

    def _connect(self) -> mp.Connection:
        until = time.monotonic() + START_SECONDS
        refused: dict[wire.Address, float] = {}  # helpers that run but hang up, and the time of the first attempt
        while time.monotonic() < until:
            address = wire.Address.read(self.home)
            if address and address.alive:
                with contextlib.suppress(OSError, EOFError):  # it is ending, or full: wait for the next one, or for a place
                    return _open(address)
                if time.monotonic() - refused.setdefault(address, time.monotonic()) > BUSY_SECONDS:
                    raise ComputeError(N_("The helper process is busy and takes no more questions. Please try again in a moment."))
            background.ensure(self.home)
            time.sleep(0.05)
        raise ComputeError(
            say(
                "The helper process did not start within {seconds} s: its file {file} in the lab's folder says why.",
                seconds=f"{START_SECONDS:g}",
                file=background.LOG,
            )
        )

    def _kill(self) -> None:
        address = wire.Address.read(self.home)
        if address and address.alive:
            with contextlib.suppress(psutil.NoSuchProcess):  # it has ended already
                psutil.Process(address.pid).kill()


def _open(address: wire.Address) -> mp.Connection:
    connection = wire.connect(address)
    try:
        wire.authenticate(connection, address.key, server=False)
    except multiprocessing.AuthenticationError as error:
        connection.close()
        raise ComputeError(
            N_("The helper process does not know this lab's key: it may belong to another user. Choose another home folder.")
        ) from error
    except BaseException:
        connection.close()
        raise
    return connection
