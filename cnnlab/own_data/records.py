"""The record of a set on the disk, its name, and what is left over of imports that were killed. Needs no numpy."""

from __future__ import annotations

import os
import re
import shutil
import unicodedata
from pathlib import Path
from uuid import uuid4

from cnnlab.datasets import mapped, own
from cnnlab.errors import DataError
from cnnlab.i18n import say
from cnnlab.system import disk
from cnnlab.text import size_text

STAGING = ".new-"
_LONGEST_SLUG = 30


def write_record(folder: Path, text: str) -> None:
    """Replaces `set.json` in one step."""
    fresh = folder / f".{own.KNOWN}-{uuid4().hex}.new"
    with fresh.open("w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())  # else a power cut could leave an empty file under this name
    disk.replace(fresh, folder / own.KNOWN)


def slug(title: str) -> str:
    """A title as a part of a name: small letters, digits and hyphens."""
    plain = unicodedata.normalize("NFKD", title).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:_LONGEST_SLUG].strip("-") or "pictures"


def check_room(needed: int, room: int | None) -> None:
    """Raises DataError where the disk, or the limit of the lab, has not so many bytes left."""
    if room is not None and needed > room:
        raise DataError(
            say("The images would take {size}, and {free} are left for them: choose a smaller size, or make room.",
                size=size_text(needed), free=size_text(max(0, room)))
        )  # fmt: skip


def tidy(home: Path) -> None:
    """Deletes what an import left that was killed. Only for the process that holds the lock of imports."""
    for left in (home / own.FOLDER).glob(f"{STAGING}*"):
        shutil.rmtree(left, ignore_errors=True)
    for folder in (home / own.FOLDER).glob(f"{own.PREFIX}*"):
        mapped.tidy(folder)
