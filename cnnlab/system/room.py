"""Room on the disk of a home: whether runs may start, and a reserve that lets users stop and delete runs on a full disk."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

from cnnlab.i18n import say
from cnnlab.system.disk import ALMOST_NONE, free
from cnnlab.system.home import private_file, private_folder
from cnnlab.text import size_text

LEAST_FREE = 8_000_000  # bytes; with fewer no run starts, so that training does not take what users need to make room
RESERVE = 3_000_000  # bytes, for hundreds of changes to the record of runs


def shortage(home: Path) -> str:
    """Why queued runs do not start, as a sentence; "" where there is room."""
    left = free(home)
    if left is None or left >= LEAST_FREE:
        return ""
    return say(
        "The disk of the lab is full ({free} free): queued runs wait until {needed} are free. "
        "Delete runs that are no longer needed, or other files.",
        free=size_text(left), needed=size_text(LEAST_FREE),
    )  # fmt: skip


def keep_reserve(home: Path) -> None:
    """Makes the reserve where it is missing and there is plenty of room."""
    file, left = _reserve(home), free(home)
    if file.exists() or left is None or left < LEAST_FREE + 2 * RESERVE:
        return
    with suppress(OSError):  # a home that cannot be written has none
        private_folder(home)
        file.write_bytes(os.urandom(RESERVE))  # some file systems would compress zeros to nothing


def make_room(home: Path) -> None:
    """Releases the reserve if the disk is full. Called before the record changes on behalf of a user, or a process ends a run."""
    left = free(home)
    if left is not None and left < ALMOST_NONE:
        with suppress(OSError):
            _reserve(home).unlink(missing_ok=True)


def _reserve(home: Path) -> Path:
    return private_file(home, "reserve")
