"""One file of what a user brings, before anything of it is trusted, and the bounds that hold for all of them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from cnnlab.errors import DataError
from cnnlab.i18n import N_, say
from cnnlab.text import shortened, size_text, well_formed

LONGEST_NAME = 1_000  # characters of a path in an archive
DEEPEST = 16  # folders
_DRIVE = re.compile(r"[A-Za-z]:")


@dataclass(frozen=True, slots=True)
class Bounds:
    """How much is read of what nobody vouches for."""

    files: int = 500_000
    unpacked: int = 50_000_000_000  # bytes of all files
    table: int = 4_000_000_000  # bytes of one table
    picture: int = 20_000_000  # bytes of one picture


class Member(NamedTuple):
    """One regular file; its parts are text from outside, never a path."""

    parts: tuple[str, ...]  # folders and the file's name
    size: int  # bytes, as the archive says

    @property
    def name(self) -> str:
        return "/".join(self.parts)

    @property
    def suffix(self) -> str:
        """ ".jpg", in small letters; "" for none."""
        stem, dot, ending = self.parts[-1].rpartition(".")
        return f".{ending.lower()}" if dot and stem else ""

    @property
    def hidden(self) -> bool:
        """Whether a system has added it, as a Mac does."""
        return any(part.startswith(".") or part == "__MACOSX" for part in self.parts)


class Source(Protocol):
    """A folder or an archive."""

    name: str  # for people

    def members(self) -> Iterator[Member]:
        """All regular files, checked. Raises DataError for what is no honest archive."""

    def read(self, wanted: Callable[[Member], int]) -> Iterator[tuple[Member, bytes | None]]:
        """The contents of the files for which `wanted` is above 0: the most bytes that are read. None: it is larger, or damaged."""


def parts(name: str, source: str) -> tuple[str, ...]:
    """The parts of a file's name in an archive. Raises DataError for one that leads out of the folder it is unpacked to."""
    text = well_formed(name).replace("\\", "/")
    problem = ""
    if "\0" in text:
        problem = N_("has an invisible character in it")
    elif len(text) > LONGEST_NAME or text.count("/") > DEEPEST:
        problem = N_("is too long or lies too deep")
    elif text.startswith("/") or _DRIVE.match(text):
        problem = N_("begins at the root of a disk")
    elif ".." in text.split("/"):
        problem = N_("leads out of its folder")
    if problem:
        raise refused(source, say("the name {name} in it {problem}", name=shortened(text), problem=problem))
    return tuple(part for part in text.split("/") if part not in ("", "."))


class Counted:
    """Counts files and bytes, and refuses what is too much or stands in the archive twice. Raises DataError."""

    def __init__(self, source: str, bounds: Bounds) -> None:
        self._source, self._bounds = source, bounds
        self._seen: set[tuple[str, ...]] = set()
        self._bytes = 0

    def add(self, member: Member) -> None:
        """One more regular file."""
        if member.size < 0:
            raise refused(self._source, say("the size of {name} is negative", name=shortened(member.name)))
        if member.parts in self._seen:
            raise refused(self._source, say("{name} is in it twice", name=shortened(member.name)))
        self._seen.add(member.parts)
        self._bytes += member.size
        if len(self._seen) > self._bounds.files:
            raise refused(self._source, say("it holds more than {most:,} files", most=self._bounds.files))
        if self._bytes > self._bounds.unpacked:
            raise too_large(self._source, self._bounds.unpacked)


def refused(source: str, reason: str) -> DataError:
    """An archive that is not read, as a sentence."""
    return DataError(say("{file} is refused: {reason}. Pack the folder again and choose that file.", file=source, reason=reason))


def too_large(source: str, most: int) -> DataError:
    return refused(source, say("unpacked it is larger than {most}", most=size_text(most)))


def damaged(source: str) -> DataError:
    return refused(source, N_("it is damaged or cut off"))
