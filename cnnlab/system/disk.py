"""Files of a disk that may be full, or may be held by other programs. Needs the standard library alone: training asks, too."""

from __future__ import annotations

import errno
import hashlib
import shutil
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

ALMOST_NONE = 500_000  # bytes; the files of an open record need a part of them
# During which a file that another program holds is tried again. Elsewhere an open file can be replaced, and a refusal stays one.
HELD_SECONDS = 3.0 if sys.platform == "win32" else 0.0
_AGAIN_SECONDS = 0.05

T = TypeVar("T")

_NO_ROOM = {errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC)}


def free(folder: Path) -> int | None:
    """Bytes that this user may still write there; None where the system does not say."""
    for existing in (folder, *folder.parents):
        with suppress(OSError):
            return shutil.disk_usage(existing).free
    return None


def patiently(action: Callable[[], T]) -> T:
    """The result of `action`, which is tried again for HELD_SECONDS after a PermissionError.

    Windows refuses to replace, delete or read a file for as long as another program has it open: a virus scanner, a program that
    copies it elsewhere, a page that reads it.
    """
    until = time.monotonic() + HELD_SECONDS
    while True:
        try:
            return action()
        except PermissionError:
            if time.monotonic() >= until:
                raise
        time.sleep(_AGAIN_SECONDS)


def replace(source: Path, target: Path) -> None:
    """`source` under the name of `target`, in one step."""
    patiently(lambda: source.replace(target))


def read(path: Path) -> str:
    """The text of a file that another process may be replacing."""
    return patiently(lambda: path.read_text(encoding="utf-8"))


def sha256_of(path: Path) -> str:
    """The file's SHA-256 in hexadecimal, read piece by piece. Raises OSError."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def is_full(error: BaseException | None, folder: Path) -> bool:
    """Whether a full disk caused `error`. torch and SQLite report one in their own words, so the disk is asked as well."""
    while error is not None:
        if isinstance(error, OSError) and error.errno in _NO_ROOM:
            return True
        error = error.__cause__
    left = free(folder)
    return left is not None and left < ALMOST_NONE
