"""JSON messages between the helper process and its clients, over an authenticated local connection."""

from __future__ import annotations

import json
import os
import secrets
import socket
import sys
from contextlib import suppress
from dataclasses import asdict, dataclass
from multiprocessing.connection import Connection, Listener, answer_challenge, deliver_challenge
from pathlib import Path
from typing import Any

from cnnlab import errors
from cnnlab.compute import typed
from cnnlab.errors import CNNLabError, ComputeError, ConfigError
from cnnlab.i18n import say
from cnnlab.system import disk, processes
from cnnlab.system.home import private_file, private_folder, write_private

LONGEST_QUESTION = 1 << 20  # bytes
LONGEST_ANSWER = 64 << 20
LONGEST_SOCKET_PATH = 100  # the kernel's limit is 108, macOS's 104
DEADLINE = 30.0  # seconds for one answer
CONNECT_SECONDS = 5.0  # for connecting, and for each side to prove that it knows the key


@dataclass(frozen=True, slots=True)
class Address:
    """Where the server listens, its key, and which process it is."""

    place: str | tuple[str, int]  # a socket's path, or host and port
    key: str
    pid: int
    pid_started: str

    @property
    def alive(self) -> bool:
        return processes.alive(self.pid, self.pid_started)

    @classmethod
    def read(cls, home: Path) -> Address | None:
        """The address that the server in `home` wrote last; None before the first, and where a power cut has torn the file."""
        try:
            record = json.loads(disk.read(_address_file(home)))
            place = record["place"]
            bytes.fromhex(record["key"])
            return cls(
                place if isinstance(place, str) else (place[0], place[1]), record["key"], int(record["pid"]), record["pid_started"]
            )
        except (FileNotFoundError, ValueError, LookupError, TypeError):
            return None  # a server that runs notices it and ends; the next one writes its own
        except OSError as error:
            raise ComputeError(
                say(
                    "The address of the helper process cannot be read ({reason}): the lab's folder belongs to another user. Choose "
                    "another home folder.",
                    reason=error.strerror,
                )
            ) from error

    def write(self, home: Path) -> None:
        write_private(_address_file(home), json.dumps(asdict(self)))


def listen(home: Path) -> tuple[Listener, Address]:
    """A listener that only this user (or, without Unix sockets, only this machine) can reach, and its address."""
    path = private_folder(home) / "socket"
    listener = None
    if sys.platform != "win32" and len(os.fsencode(path)) <= LONGEST_SOCKET_PATH:
        with suppress(OSError):  # a file system without sockets, such as a cloud's drive or Windows' disks in WSL
            path.unlink(missing_ok=True)
            listener = Listener(str(path), "AF_UNIX", backlog=64)
    listener = listener or Listener(("127.0.0.1", 0), "AF_INET", backlog=64)
    place = listener.address
    return listener, Address(str(place) if isinstance(place, str) else place, secrets.token_hex(32), *processes.current())


def connect(address: Address) -> Connection:
    """A connection to the server. `multiprocessing` has no deadline: behind a full queue of connections it waits for ever."""
    family = socket.AF_INET if isinstance(address.place, tuple) else socket.AF_UNIX
    with socket.socket(family) as opened:
        opened.settimeout(CONNECT_SECONDS)
        opened.connect(address.place)
        opened.settimeout(None)
        return Connection(opened.detach())


def authenticate(connection: Connection, key: str, *, server: bool) -> None:
    """Each side proves that it knows the key. Raises multiprocessing.AuthenticationError, EOFError, or TimeoutError."""
    secret = bytes.fromhex(key)
    for challenge in (deliver_challenge, answer_challenge) if server else (answer_challenge, deliver_challenge):
        challenge(_Prompt(connection), secret)


class _Prompt:
    """A connection whose other side must send within CONNECT_SECONDS."""

    def __init__(self, connection: Connection) -> None:
        self.send_bytes = connection.send_bytes
        self._connection = connection

    def recv_bytes(self, longest: int) -> bytes:
        if not self._connection.poll(CONNECT_SECONDS):
            raise TimeoutError("the other side is silent")
        return self._connection.recv_bytes(longest)


def send(connection: Connection, message: dict[str, Any]) -> None:
    connection.send_bytes(typed.write(message))


def receive(connection: Connection, longest: int) -> dict[str, Any]:
    """One message. Raises ValueError unless it is a JSON object, OSError where it is too long. Nothing is unpickled."""
    message = json.loads(connection.recv_bytes(longest))
    if not isinstance(message, dict):
        raise ValueError("a message is a JSON object")
    return message


def error_to_dict(error: CNNLabError) -> dict[str, str]:
    return {"kind": type(error).__name__, "message": str(error), "field": getattr(error, "field", "")}


def error_from_dict(record: dict[str, str]) -> CNNLabError:
    """An error of the same class; ComputeError where this version does not have that class."""
    kind = getattr(errors, str(record.get("kind")), None)
    message = str(record.get("message"))
    if not (isinstance(kind, type) and issubclass(kind, CNNLabError)):
        return ComputeError(message)
    return kind(message, str(record.get("field", ""))) if issubclass(kind, ConfigError) else kind(message)


def _address_file(home: Path) -> Path:
    return private_file(home, "helper.json")
