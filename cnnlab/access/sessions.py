"""The signed cookie of a browser that has signed in, and the sessions that were signed out."""

from __future__ import annotations

import json
import os
import secrets
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

from itsdangerous import BadSignature, URLSafeSerializer

from cnnlab.system import disk
from cnnlab.system.home import private_file, private_folder, write_private

TICKET_SECONDS = 300.0  # to choose a name after the password of a class
MOST_REMEMBERED = 4_096  # cookies whose signature was verified
_KEY_BYTES = 32


class Session(NamedTuple):
    """What a cookie says. `person` is the id of a member of the class."""

    id: str
    person: str
    until: float  # seconds since 1970


class Sessions:
    """The sessions of one lab. Safe to share between threads."""

    def __init__(self, home: Path, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._ended_file = private_file(home, "signed-out.json")
        key = _key(home)
        self._cookies = URLSafeSerializer(key, salt="cnnlab session")
        self._tickets = URLSafeSerializer(key, salt="cnnlab ticket")
        self._sealed = URLSafeSerializer(key, salt="cnnlab sealed")
        self._lock = threading.Lock()
        self._verified: dict[str, Session] = {}
        self._ended: dict[str, float] = self._read_ended()  # by id: until when the cookie would have been good

    def cookie(self, person: str, seconds: float) -> str:
        """The text of a new session's cookie."""
        text = self._cookies.dumps([secrets.token_hex(8), person, round(self._clock() + seconds)])
        return text if isinstance(text, str) else text.decode()

    def read(self, cookie: str) -> Session | None:
        """The session of a cookie; None for a forged, an expired and a signed-out one."""
        session = self._verified.get(cookie) or self._verify(cookie)
        if session is None or session.until <= self._clock() or session.id in self._ended:
            return None
        return session

    def end(self, session: Session) -> None:
        """Signs the session out, in each browser that has its cookie, and also after a restart."""
        with self._lock:
            now = self._clock()
            self._ended = {key: until for key, until in self._ended.items() if until > now} | {session.id: session.until}
            with suppress(OSError):  # a full disk: signed out until the server restarts
                write_private(self._ended_file, json.dumps(self._ended))

    def ticket(self) -> str:
        """A text that says that the password of the class was typed a moment ago."""
        text = self._tickets.dumps(round(self._clock() + TICKET_SECONDS))
        return text if isinstance(text, str) else text.decode()

    def is_ticket(self, text: str) -> bool:
        try:
            return float(self._tickets.loads(text)) > self._clock()
        except (BadSignature, TypeError, ValueError):
            return False

    def sealed(self, content: object, seconds: float) -> str:
        """A text that only this lab can make, good for so long."""
        text = self._sealed.dumps([round(self._clock() + seconds), content])
        return text if isinstance(text, str) else text.decode()

    def unsealed(self, text: str) -> Any:
        """The content; None for a forged or an old text."""
        try:
            until, content = self._sealed.loads(text)
            return content if float(until) > self._clock() else None
        except (BadSignature, TypeError, ValueError):
            return None

    def _verify(self, cookie: str) -> Session | None:
        try:
            number, person, until = self._cookies.loads(cookie)
            session = Session(str(number), str(person), float(until))
        except (BadSignature, TypeError, ValueError):
            return None
        with self._lock:
            while len(self._verified) >= MOST_REMEMBERED:
                del self._verified[next(iter(self._verified))]
            self._verified[cookie] = session
        return session

    def _read_ended(self) -> dict[str, float]:
        try:
            return {str(key): float(until) for key, until in json.loads(disk.read(self._ended_file)).items()}
        except (OSError, ValueError, TypeError, AttributeError):  # none yet
            return {}


def _key(home: Path) -> str:
    """The key that signs cookies: drawn at the first start, and kept in the home's private folder."""
    private_folder(home)
    path = private_file(home, "cookie.key")
    with suppress(FileExistsError), os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(secrets.token_hex(_KEY_BYTES))
    key = disk.read(path).strip()
    if len(key) < 2 * _KEY_BYTES:  # the disk was full at the first start
        key = secrets.token_hex(_KEY_BYTES)
        write_private(path, key)
    return key
