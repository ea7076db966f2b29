"""The files of a .zip that nobody vouches for. Nothing is unpacked to the disk."""

from __future__ import annotations

import stat
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from cnnlab.i18n import N_, say
from cnnlab.own_data.member import Bounds, Counted, Member, damaged, parts, refused
from cnnlab.text import shortened

_BROKEN = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, struct.error, OSError, ValueError, RuntimeError, KeyError)
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)  # others may ask for gigabytes of memory before their first byte
_ENTRY = 46  # bytes, the least that one file takes in the list at the end
_ENDS = b"PK\5\6"


class Zip:
    """A .zip as a source."""

    def __init__(self, path: Path, name: str, bounds: Bounds) -> None:
        self.name = name
        self._path, self._bounds = path, bounds

    def members(self) -> Iterator[Member]:
        """The regular files in the order of the archive's list."""
        with self._opened() as archive:
            yield from (member for member, _ in self._checked(archive))

    def read(self, wanted: Callable[[Member], int]) -> Iterator[tuple[Member, bytes | None]]:
        """See `Source`; a file with a wrong checksum counts as damaged."""
        with self._opened() as archive:
            for member, info in self._checked(archive):
                if most := wanted(member):
                    yield member, _content(archive, info, most)

    @contextmanager
    def _opened(self) -> Iterator[zipfile.ZipFile]:
        try:
            with self._path.open("rb") as file:
                if list_bytes(file) > (_ENTRY + 400) * self._bounds.files:
                    raise refused(self.name, say("it holds more than {most:,} files", most=self._bounds.files))
                archive = zipfile.ZipFile(file)
                yield archive
        except _BROKEN:
            raise damaged(self.name) from None

    def _checked(self, archive: zipfile.ZipFile) -> Iterator[tuple[Member, zipfile.ZipInfo]]:
        counted = Counted(self.name, self._bounds)
        for info in archive.infolist():
            found, kind = parts(info.orig_filename, self.name), stat.S_IFMT(info.external_attr >> 16)
            if info.flag_bits & 0x1:
                raise refused(self.name, N_("it is locked with a password"))
            if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
                raise refused(self.name, say("{name} in it is a link or a device", name=shortened(info.orig_filename)))
            if info.is_dir() or not found:
                continue
            if info.compress_type not in _METHODS:
                raise refused(self.name, say("{name} in it is packed in an unusual way", name=shortened(info.orig_filename)))
            member = Member(found, info.file_size)
            counted.add(member)
            yield member, info


def _content(archive: zipfile.ZipFile, info: zipfile.ZipInfo, most: int) -> bytes | None:
    try:
        with archive.open(info) as file:
            content = file.read(most + 1)
    except _BROKEN:
        return None
    return content if len(content) <= most else None


def list_bytes(file: BinaryIO) -> int:
    """How long the list of files at the end is: the module reads all of it into memory, whatever it counts."""
    end = file.seek(0, 2)
    file.seek(max(0, end - 65_557))  # a comment has at most 65,535 bytes
    tail = file.read()
    at = tail.rfind(_ENDS)
    if at < 0 or len(tail) - at < 22:
        raise zipfile.BadZipFile
    size = int(struct.unpack("<I", tail[at + 12 : at + 16])[0])
    locator = tail[at - 20 : at] if at >= 20 else b""
    if locator[:4] == b"PK\6\7":  # a large archive: the length stands in another record
        file.seek(struct.unpack("<Q", locator[8:16])[0])
        size = max(size % 0xFFFFFFFF, int(struct.unpack("<Q", file.read(56)[40:48])[0]))
    return size
