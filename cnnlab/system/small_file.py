"""A small JSON file that pages look at often: it is read again only when it has changed. Needs the standard library alone."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from cnnlab.errors import StoreError
from cnnlab.i18n import say
from cnnlab.system import disk
from cnnlab.system.home import write_private

MOST_BYTES = 200_000


class SmallFile:
    """Safe to share between threads: a reader sees the old content or the new one."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._known: tuple[tuple[int, ...] | None, Any] = (None, None)

    def read(self) -> Any:
        """The content; None where there is no file, and where it is damaged or too large. A look without a change takes 2 µs."""
        try:
            found = self.path.stat()
        except OSError:
            return None
        stamp = found.st_mtime_ns, found.st_size, found.st_ino
        if self._known[0] != stamp:
            self._known = stamp, _content(self.path) if found.st_size <= MOST_BYTES else None
        return self._known[1]

    def write(self, content: Any) -> None:
        """Replaces the file. Raises StoreError."""
        try:
            write_private(self.path, json.dumps(content))
        except OSError as error:
            reason = error.strerror
            raise StoreError(say("This cannot be stored ({reason}): free some space on the lab's disk.", reason=reason)) from error

    def delete(self) -> None:
        """No effect where there is none. Raises StoreError."""
        try:
            self.path.unlink(missing_ok=True)
        except OSError as error:
            reason = error.strerror
            raise StoreError(
                say("This cannot be deleted ({reason}): make the lab's folder yours to write.", reason=reason)
            ) from error


def _content(path: Path) -> Any:
    try:
        return json.loads(disk.read(path))
    except (OSError, ValueError, RecursionError):
        return None
