"""A started launcher: its lines, what it is sent, what it prints to its standard error, and its end."""

from __future__ import annotations

import os
import queue
import signal
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Iterable
from contextlib import suppress
from typing import IO

from cnnlab.executors import lines
from cnnlab.executors.lines import Line, PipeError

ENDING_SECONDS = 3.0  # between closing the pipe, SIGTERM and SIGKILL
_LAST_WORDS = 3  # lines of standard error that an error quotes from
_KILL = getattr(signal, "SIGKILL", signal.SIGTERM)


class Ended:
    """The launcher has closed its standard output."""


class Job:
    """A launcher in a process group of its own. `next` never waits longer than it is asked to."""

    def __init__(self, command: list[str]) -> None:
        """Raises OSError where there is no such program."""
        self._process = subprocess.Popen(  # noqa: S603 - the host's own command
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True
        )
        self._lines: queue.Queue[Line | PipeError | Ended] = queue.Queue(64)  # bounded: files wait in the pipe, not in memory
        self._to_send: queue.Queue[Iterable[Line]] = queue.Queue()
        self._errors: deque[str] = deque(maxlen=_LAST_WORDS)
        self._closed = threading.Event()
        self._threads = [threading.Thread(target=each, daemon=True) for each in (self._read, self._write, self._copy_errors)]
        for thread in self._threads:
            thread.start()

    def next(self, seconds: float) -> Line | Ended | None:
        """The next line; None where none came in time. Raises PipeError for what is no line of ours."""
        try:
            found = self._lines.get(timeout=seconds)
        except queue.Empty:
            return None
        if isinstance(found, PipeError):
            raise found
        return found

    def send(self, what: Iterable[Line]) -> None:
        """Sends lines in the background: a pipe is full for as long as the other side does not read."""
        self._to_send.put(what)

    @property
    def last_words(self) -> str:
        """The end of its standard error, "" where it printed none."""
        self._threads[2].join(1.0)
        return (self._errors[-1] if self._errors else "")[:300]

    def code(self) -> int | None:
        """Its exit status, once it has ended."""
        with suppress(subprocess.TimeoutExpired):
            return self._process.wait(1.0)
        return None

    def end(self) -> None:
        """Closes the pipe, by which the node's process ends, then ends the launcher and what it has started."""
        self._closed.set()
        self._to_send.put(())  # wakes the thread that writes, which closes the pipe
        for number in (None, signal.SIGTERM, _KILL):
            if number is not None:
                self._signal(number)
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(ENDING_SECONDS)
                break
        self._signal(_KILL)  # what is left of its group
        for thread in self._threads:
            thread.join(ENDING_SECONDS)

    def _signal(self, number: int) -> None:
        with suppress(OSError):
            if hasattr(os, "killpg"):
                os.killpg(self._process.pid, number)
            else:
                self._process.send_signal(number)

    def _read(self) -> None:
        stream, greeted, found = self._process.stdout, False, None
        while stream and not self._closed.is_set() and not isinstance(found, Ended | PipeError):
            try:
                text = stream.readline(lines.LONGEST + 1)
                whole = text.endswith(b"\n") or len(text) > lines.LONGEST  # the last one is torn where a connection was cut
                found = lines.read(text) if whole else Ended()
            except PipeError as error:
                if not greeted:  # what the other side's shell prints for each login
                    self._note(text)
                    continue
                found = error
            except (OSError, ValueError):
                found = Ended()
            greeted = True
            while not self._closed.is_set():
                with suppress(queue.Full):
                    self._lines.put(found, timeout=0.2)
                    break
        _close(stream)

    def _write(self) -> None:
        stream = self._process.stdin
        while stream and not self._closed.is_set():
            try:
                what = self._to_send.get(timeout=lines.ALIVE_SECONDS)
            except queue.Empty:
                what = ({"alive": True},)
            try:
                for line in what:
                    if self._closed.is_set():
                        break
                    stream.write(lines.write(line))
                    stream.flush()
            except (OSError, ValueError):  # it has ended: its output says so, too
                break
        _close(stream)

    def _copy_errors(self) -> None:
        for text in self._process.stderr or ():
            self._note(text)
        _close(self._process.stderr)

    def _note(self, text: bytes) -> None:
        line = text.decode("utf-8", "replace").rstrip()
        if line:
            self._errors.append(line)
        with suppress(OSError, ValueError):
            sys.stderr.write(f"{line}\n")  # the run's log
            sys.stderr.flush()


def _close(stream: IO[bytes] | None) -> None:
    """Closed by the thread that uses it: another one would wait for it."""
    if stream:
        with suppress(OSError, ValueError):
            stream.close()
