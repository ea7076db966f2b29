"""When each person of a class was last here: kept by the server in memory, and in a small file for the command line.

It outlives nothing and costs nothing: an open page counts as being here, and each message of a browser as something done.
"""

from __future__ import annotations

import json
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from cnnlab.system import disk
from cnnlab.system.home import private_file, private_folder
from cnnlab.system.small_file import SmallFile

WRITE_SECONDS = 10.0  # between two writes of the file
AWAY_SECONDS = 300.0  # after which a person whose open pages are not known counts as away
MOST_PEOPLE = 5_000


@dataclass(frozen=True, slots=True)
class Seen:
    """Times are seconds since 1970. `here`: a page is open, or was used a moment ago."""

    last: float
    since: float  # when they came, this time
    here: bool


class Presence:
    """Safe to share between threads."""

    def __init__(self, home: Path, clock: Callable[[], float] = time.time) -> None:
        self._path = private_file(home, "presence.json")
        self._clock = clock
        self._lock = threading.Lock()
        self._last: dict[str, float] = {}
        self._since: dict[str, float] = {}
        self._pages: Counter[str] = Counter()  # open ones
        self._written = 0.0

    def active(self, name: str) -> None:
        """This person's browser asks for something now."""
        now = self._clock()
        with self._lock:
            if not self._here(name, now):
                self._since[name] = now
            self._last[name] = now
            due = now - self._written >= WRITE_SECONDS
            if due:
                self._written = now
        if due:
            self._write()

    def opened(self, name: str) -> None:
        """A page of theirs is open from now on."""
        self.active(name)
        with self._lock:
            self._pages[name] += 1

    def closed(self, name: str) -> None:
        with self._lock:
            self._pages[name] = max(0, self._pages[name] - 1)
            self._last[name] = self._clock()

    def everyone(self) -> dict[str, Seen]:
        """By name: all who were here since the server started."""
        now = self._clock()
        with self._lock:
            return {name: Seen(last, self._since.get(name, last), self._here(name, now)) for name, last in self._last.items()}

    def _here(self, name: str, now: float) -> bool:
        return self._pages[name] > 0 or now - self._last.get(name, 0.0) < AWAY_SECONDS

    def _write(self) -> None:
        with self._lock:
            while len(self._last) > MOST_PEOPLE:
                del self._last[min(self._last, key=self._last.__getitem__)]
            content = {name: [last, self._since.get(name, last)] for name, last in self._last.items()}
        # Not synced, as other files of the lab are: after a power cut nobody is here.
        fresh = self._path.with_name(f"{self._path.name}.new")
        with suppress(OSError):
            private_folder(self._path.parents[1])
            fresh.write_text(json.dumps(content), encoding="utf-8")
            disk.replace(fresh, self._path)


_installed: list[Presence] = []


def install(presence: Presence) -> None:
    """Makes this the presence that the server of this process keeps."""
    _installed[:] = [presence]


def active(name: str) -> None:
    """As `Presence.active`, where the server of this process keeps one and the person has a name."""
    if name and _installed:
        _installed[0].active(name)


@contextmanager
def open_page(name: str) -> Iterator[None]:
    """For as long as a page of this person is open."""
    kept = _installed[0] if name and _installed else None
    if kept:
        kept.opened(name)
    try:
        yield
    finally:
        if kept:
            kept.closed(name)


def everyone(home: Path, now: float) -> dict[str, Seen]:
    """As `Presence.everyone`: of this process's server, else of the file, which is at most some seconds old."""
    if _installed:
        return _installed[0].everyone()
    stored = SmallFile(private_file(home, "presence.json")).read()
    found = {}
    for name, times in stored.items() if isinstance(stored, dict) else ():
        with suppress(TypeError, ValueError):
            last, since = map(float, times)
            found[str(name)] = Seen(last, since, now - last < AWAY_SECONDS)
    return found


def forget(home: Path) -> None:
    """Deletes the file; what the server remembers ends with it."""
    with suppress(OSError):
        private_file(home, "presence.json").unlink(missing_ok=True)
