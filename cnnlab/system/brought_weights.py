"""Files of weights that users bring: where one waits for its run, and where the run keeps it."""

from __future__ import annotations

import hashlib
import time
from contextlib import suppress
from pathlib import Path

from cnnlab.system import disk

MOST = 1_000_000_000  # bytes of a file
_NAME = "imported.weights"
_FORGOTTEN = 86_400.0  # seconds after which a file whose run never began is deleted


def waiting(home: Path, token: str) -> Path:
    """The place for the file of the run with this `token`, which comes from outside: only its checksum becomes a name."""
    return home / "imports" / f"{hashlib.sha256(token.encode()).hexdigest()[:32]}.weights"


def bring(home: Path, token: str, content: bytes) -> Path:
    """Keeps a file until its run begins."""
    place = waiting(home, token)
    place.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    for other in place.parent.glob("*.weights"):
        with suppress(OSError):
            if other.stat().st_mtime < time.time() - _FORGOTTEN:
                other.unlink()
    place.write_bytes(content)
    return place


def take(home: Path, token: str, folder: Path) -> None:
    """Moves the file into the run's folder, if one waits."""
    place = waiting(home, token)
    if place.exists():
        disk.replace(place, folder / _NAME)


def brought(folder: Path) -> Path | None:
    """The file that the run begins with; None where it begins as its settings say."""
    place = folder / _NAME
    return place if place.exists() else None
