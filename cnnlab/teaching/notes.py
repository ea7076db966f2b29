"""Hints to a student, and the announcement to all: plain text in small files of the lab's home, shown until it is dismissed."""

from __future__ import annotations

import hashlib
import secrets
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from cnnlab.errors import ConfigError
from cnnlab.i18n import N_, say
from cnnlab.system.small_file import SmallFile
from cnnlab.text import well_formed

LONGEST = 500  # characters
MOST_HINTS = 10  # that wait for one student; the oldest make room
MOST_FILES = 256  # of students, whose state is remembered


@dataclass(frozen=True, slots=True)
class Note:
    """What a teacher wrote. `to` is a student's name; "" for everyone."""

    id: str
    text: str
    by: str
    at: float  # seconds since 1970
    to: str = ""
    run: str = ""  # the run that a hint is about


class Notes:
    """All notes of one lab. Safe to share between threads of one process."""

    def __init__(self, home: Path, clock: Callable[[], float] = time.time) -> None:
        self._folder = home / "teaching"
        self._clock = clock
        self._lock = threading.Lock()
        self._announcement = SmallFile(self._folder / "announcement.json")
        self._files: dict[str, SmallFile] = {}

    def hint(self, to: str, text: str, *, by: str = "", run: str = "") -> Note:
        """Keeps a hint for one student. Raises ConfigError for an empty or too long text, StoreError."""
        note = Note(secrets.token_hex(6), checked(text), by, self._clock(), to, run)
        with self._lock:
            hints, seen = self._of(to)
            self._write(to, (*hints, note)[-MOST_HINTS:], seen)
        return note

    def announce(self, text: str, *, by: str = "") -> Note:
        """Shows a text to everyone, in place of the one before. Raises ConfigError, StoreError."""
        note = Note(secrets.token_hex(6), checked(text), by, self._clock())
        self._announcement.write(asdict(note))
        return note

    def withdraw(self) -> None:
        """Takes the announcement back. Raises StoreError."""
        self._announcement.delete()

    def announcement(self) -> Note | None:
        return _note(self._announcement.read())

    def of(self, name: str) -> tuple[Note, ...]:
        """What this person has not dismissed yet, the newest first. Two looks at files that have not changed take 10 µs."""
        hints, seen = self._of(name)
        everyones = self.announcement()
        return (*((everyones,) if everyones and everyones.id not in seen else ()), *reversed(hints))

    def dismiss(self, name: str, note_id: str) -> None:
        """Shows this note to this person no more. Raises StoreError."""
        with self._lock:
            hints, _seen = self._of(name)
            everyones = self.announcement()
            seen = (everyones.id,) if everyones and everyones.id in (note_id, *_seen) else ()
            self._write(name, tuple(note for note in hints if note.id != note_id), seen)

    def forget(self, name: str) -> None:
        """Deletes what waits for this person. Raises StoreError."""
        with self._lock:
            self._file(name).delete()

    def _of(self, name: str) -> tuple[tuple[Note, ...], tuple[str, ...]]:
        """The hints, and the ids of announcements that were dismissed; none of a damaged file."""
        stored = self._file(name).read()
        if not isinstance(stored, dict) or stored.get("name") != name:
            return (), ()
        hints, seen = stored.get("hints"), stored.get("seen")
        listed = hints if isinstance(hints, list) else []
        notes = tuple(note for each in listed[-MOST_HINTS:] if (note := _note(each)))
        return notes, tuple(map(str, seen)) if isinstance(seen, list) else ()

    def _write(self, name: str, hints: tuple[Note, ...], seen: tuple[str, ...]) -> None:
        self._file(name).write({"name": name, "hints": [asdict(note) for note in hints], "seen": list(seen)})

    def _file(self, name: str) -> SmallFile:
        if name not in self._files:
            while len(self._files) >= MOST_FILES:
                self._files.pop(next(iter(self._files)), None)
            # The checksum of the name, so that no name becomes a path.
            key = hashlib.sha256(name.encode("utf-8", "replace")).hexdigest()[:32]
            self._files[name] = SmallFile(self._folder / "hints" / f"{key}.json")
        return self._files[name]


def checked(text: str, *, empty: bool = False) -> str:
    """A teacher's text, trimmed. Raises ConfigError for one that is too long and, unless `empty` is allowed, for none."""
    text = well_formed(text).strip()
    if not text and not empty:
        raise ConfigError(N_("There is nothing to send: write a sentence first."), "text")
    if len(text) > LONGEST:
        raise ConfigError(
            say("The text has {count:,} characters, and at most {most} are sent: shorten it.", count=len(text), most=LONGEST),
            "text",
        )
    return text


def _note(stored: Mapping[str, Any] | None) -> Note | None:
    try:
        note = Note(**stored) if isinstance(stored, dict) else None
    except TypeError:
        return None
    if note is None or not all(isinstance(text, str) for text in (note.id, note.text, note.by, note.to, note.run)):
        return None
    return note if isinstance(note.at, int | float) else None
