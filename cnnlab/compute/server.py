"""The helper process: keeps torch warm and answers questions, within bounds of time and memory."""

from __future__ import annotations

import contextlib
import itertools
import multiprocessing
import os
import sys
import threading
import time
import traceback
from collections.abc import Mapping
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import psutil

from cnnlab.compute import questions, wire
from cnnlab.compute.questions import Answer
from cnnlab.errors import CNNLabError, ComputeError
from cnnlab.i18n import N_, say
from cnnlab.system import files, processes
from cnnlab.system.home import private_file

MEMORY_GROWTH = 3 << 30  # bytes above the process's size at its start; CIFAR-10 takes 184 MB
MAXIMUM_CONNECTIONS = 64
LONGEST_DEADLINE = 120.0


@dataclass(slots=True)
class _Job:
    connection: Connection
    question: str
    seconds: float
    until: float


class Server:
    """Answers each question with a function of `answers`, called with `home` and the question's arguments."""

    def __init__(self, home: Path, answers: Mapping[str, Answer], *, memory_growth: int = MEMORY_GROWTH) -> None:
        self.home = home
        self._answers = answers
        self._jobs: dict[int, _Job] = {}
        self._numbers = itertools.count()
        self._lock = threading.Lock()
        self._places = threading.Semaphore(MAXIMUM_CONNECTIONS)
        self._process = psutil.Process()
        self._memory_limit = self._memory() + memory_growth
        self._heartbeat = heartbeat_file(home)
        self._last_beat = 0.0

    def serve(self, parent: tuple[int, str]) -> None:
        """Listens until the process ends, which it does when its `parent` (pid and identity) has ended."""
        listener, address = wire.listen(self.home)
        address.write(self.home)
        threading.Thread(target=self._watch, args=(parent, address), daemon=True).start()
        self._beat()
        while True:
            try:
                connection = listener.accept()
            except OSError:  # the client has hung up, or too many files are open
                time.sleep(0.05)
                continue
            if self._places.acquire(blocking=False):
                threading.Thread(target=self._attend, args=(connection, address.key), daemon=True).start()
            else:
                connection.close()  # the client tries again for a while, and then says that the helper is busy

    def _attend(self, connection: Connection, key: str) -> None:
        try:
            wire.authenticate(connection, key, server=True)
            while True:
                self._reply(connection)
        except (EOFError, OSError, multiprocessing.AuthenticationError):
            return  # the client hung up, lacks the key, or sent too long a question
        finally:
            connection.close()
            self._places.release()

    def _reply(self, connection: Connection) -> None:
        try:
            message = wire.receive(connection, wire.LONGEST_QUESTION)
        except (ValueError, RecursionError) as error:
            wire.send(
                connection,
                _refusal(ComputeError(say("The helper process received something that is not a question ({error}).", error=error))),
            )
            return
        self._beat()
        question = str(message.get("question"))
        deadline = message.get("deadline")
        seconds = min(float(deadline), LONGEST_DEADLINE) if isinstance(deadline, int | float) else wire.DEADLINE
        number = next(self._numbers)
        with self._lock:
            self._jobs[number] = _Job(connection, question, seconds, time.monotonic() + seconds)
        try:
            reply = self._answer(question, message.get("arguments"))
        finally:
            with self._lock:
                del self._jobs[number]
        wire.send(connection, reply)

    def _answer(self, question: str, arguments: Any) -> dict[str, Any]:
        answer = self._answers.get(question)
        try:
            if answer is None or not isinstance(arguments, dict):
                raise ComputeError(say("The helper process knows no question {question!r}.", question=question[:80]))
            return {"answer": questions.call(answer, self.home, question, arguments)}
        except CNNLabError as error:
            return self._for_visitors(_refusal(error), arguments)
        except Exception as error:
            traceback.print_exc(file=sys.stderr)
            text = (str(error).strip().splitlines() or ["no reason given"])[0]
            refusal = _refusal(
                ComputeError(
                    say(
                        "{question} failed with an unexpected {kind}: {text}.",
                        question=question,
                        kind=type(error).__name__,
                        text=text[:200],
                    )
                )
            )
            return self._for_visitors(refusal, arguments)

    def _for_visitors(self, refusal: dict[str, Any], arguments: Any) -> dict[str, Any]:
        """Names no folder of this machine; the log keeps the message as it was."""
        message, data = refusal["error"]["message"], None
        for part in (arguments, *arguments.values()) if isinstance(arguments, dict) else ():
            data = part.get("data") or data if isinstance(part, dict) else data
        shown = files.without_folders(message, self.home, data)
        if shown != message:
            sys.stderr.write(f"{message}\n")
        return {"error": refusal["error"] | {"message": shown}}

    def _beat(self) -> None:
        now = time.monotonic()
        if now - self._last_beat > 1.0:
            self._last_beat = now
            with contextlib.suppress(OSError):  # a full disk
                self._heartbeat.touch()

    def _watch(self, parent: tuple[int, str], address: wire.Address) -> None:
        for turn in itertools.count():
            time.sleep(0.1)
            with self._lock:
                late = [job for job in self._jobs.values() if time.monotonic() > job.until]
                working = list(self._jobs.values())
            if late:
                self._end(
                    late,
                    N_("The helper process gave no answer within {seconds} s ({question}). Please try again, or ask for less."),
                )
            if turn % 5 == 0:
                if self._memory() > self._memory_limit:
                    self._end(
                        working, N_("The helper process needed too much memory ({question}). Please try again, or ask for less.")
                    )
                if not processes.alive(*parent) or not _announced(self.home, address):
                    os._exit(0)

    def _memory(self) -> int:
        """Bytes that it holds, without those of mapped files, which the system takes back: a data set may be one."""
        known = self._process.memory_info()
        return int(known.rss - getattr(known, "shared", 0))

    def _end(self, jobs: list[_Job], reason: str) -> None:
        """Ends the process, since a thread cannot be stopped from outside; the dispatcher starts a new one."""
        for job in jobs:
            text = say(reason, seconds=f"{job.seconds:g}", question=job.question)
            with contextlib.suppress(OSError):  # the client has hung up
                wire.send(job.connection, _refusal(ComputeError(text)))
        os._exit(3)


def _announced(home: Path, address: wire.Address) -> bool:
    """Whether clients still find this server; its file may be deleted or damaged."""
    with contextlib.suppress(ComputeError):
        return wire.Address.read(home) == address
    return True


def _refusal(error: CNNLabError) -> dict[str, Any]:
    return {"error": wire.error_to_dict(error)}


def heartbeat_file(home: Path) -> Path:
    """Touched at each question; without questions for long, the dispatcher ends."""
    return private_file(home, "heartbeat")


def serve_in_process(home: Path, parent: tuple[int, str]) -> None:
    """The whole life of the helper process, which the dispatcher starts."""
    Server(home, questions.answers()).serve(parent)
