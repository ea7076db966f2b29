"""Remembers what was found in files until they change, so that a page need not read them again. Needs no torch."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

Value = TypeVar("Value")
Stamp = tuple[int, ...] | None

_RECENT_NS = 2_000_000_000  # a file can change twice within one tick of a coarse clock, so a recent one is read again
_LARGEST = 500
_memory: dict[tuple[str, tuple[Path, ...]], tuple[tuple[Stamp, ...], Any]] = {}


def stamp(path: Path | os.DirEntry[str]) -> Stamp:
    """Changes with the content of a file (or the list of names in a folder); None where there is none to be read."""
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino


def remembered(read: Callable[..., Value], *paths: Path) -> Value:
    """`read(*paths)`, or its last answer while the files are as they were."""
    key, stamps = (f"{read.__module__}.{read.__qualname__}", paths), tuple(map(stamp, paths))
    known = _memory.get(key)
    if known and known[0] == stamps:
        return known[1]
    value = read(*paths)
    newest = max((max(found[1], found[2]) for found in stamps if found), default=0)
    if time.time_ns() - newest > _RECENT_NS:
        if len(_memory) >= _LARGEST:
            _memory.clear()
        _memory[key] = stamps, value
    return value
