"""Whether a disk is full. Needs the standard library alone: training asks, too."""

from __future__ import annotations

import errno
import shutil
from contextlib import suppress
from pathlib import Path

ALMOST_NONE = 500_000  # bytes; the files of an open record need a part of them

_NO_ROOM = {errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC)}


def free(folder: Path) -> int | None:
    """Bytes that this user may still write there; None where the system does not say."""
    for existing in (folder, *folder.parents):
        with suppress(OSError):
            return shutil.disk_usage(existing).free
    return None


def is_full(error: BaseException | None, folder: Path) -> bool:
    """Whether a full disk caused `error`. torch and SQLite report one in their own words, so the disk is asked as well."""
    while error is not None:
        if isinstance(error, OSError) and error.errno in _NO_ROOM:
            return True
        error = error.__cause__
    left = free(folder)
    return left is not None and left < ALMOST_NONE
