"""The files of a .tar that nobody vouches for, plain or packed, read from front to back. Nothing is unpacked to the disk."""

from __future__ import annotations

import bz2
import lzma
import tarfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

from cnnlab.i18n import N_, say
from cnnlab.own_data.member import Bounds, Counted, Member, damaged, parts, refused, too_large
from cnnlab.text import shortened

_BROKEN = (tarfile.TarError, zlib.error, lzma.LZMAError, EOFError, OSError, ValueError, RecursionError, OverflowError, MemoryError)
_DICTIONARY = 256_000_000  # bytes of memory that unpacking .xz may take; its strongest level takes 65 MB
_HEADERS = 4_000_000  # bytes between two files: long names and the times of a file
_AT_ONCE = 1 << 18  # bytes
_BLOCK = 512  # bytes; of zeros at the end
_KINDS = ((b"\x1f\x8b", "gz"), (b"\xfd7zXZ\0", "xz"), (b"BZh", "bz2"))


class Tar:
    """A .tar, .tar.gz, .tar.xz or .tar.bz2 as a source."""

    def __init__(self, path: Path, name: str, bounds: Bounds) -> None:
        self.name = name
        self._path, self._bounds = path, bounds

    def members(self) -> Iterator[Member]:
        """The regular files in the archive's order."""
        yield from (member for member, _ in self.read(lambda _: 0))

    def read(self, wanted: Callable[[Member], int]) -> Iterator[tuple[Member, bytes | None]]:
        """See `Source`. Files that are not wanted come with None, because they are read over in any case."""
        counted = Counted(self.name, self._bounds)
        with self._opened() as (archive, stream):
            while True:
                stream.allow(_HEADERS)
                info = archive.next()
                if info is None:
                    if stream.since(archive.offset)[:_BLOCK].strip(b"\0") or not stream.since(archive.offset):
                        raise damaged(self.name)  # the module takes a header that it cannot read for the end
                    stream.finish()
                    return
                archive.members.clear()  # else it keeps every header in memory
                found = parts(info.name, self.name)
                if info.isdir():
                    continue
                if not info.isreg() or info.issparse():
                    raise refused(self.name, say("{name} in it is a link or a device", name=shortened(info.name)))
                member = Member(found, info.size)
                counted.add(member)
                if not found:
                    raise refused(self.name, N_("a file in it has no name"))
                stream.allow(info.size + _HEADERS)
                most = wanted(member)
                content = self._content(archive, info, most if info.size <= most else 0)
                yield member, content if most and info.size <= most else None

    def _content(self, archive: tarfile.TarFile, info: tarfile.TarInfo, most: int) -> bytes:
        """The file's bytes, or after reading over them none. Raises DataError where the archive ends within them."""
        file, kept, read = archive.extractfile(info), [], 0
        while file is not None and (part := file.read(_AT_ONCE)):
            read += len(part)
            if most:
                kept.append(part)
        if read != info.size:
            raise damaged(self.name)
        return b"".join(kept)

    @contextmanager
    def _opened(self) -> Iterator[tuple[tarfile.TarFile, _Unpacked]]:
        try:
            with self._path.open("rb") as file:
                stream = _Unpacked(file, self.name, self._bounds.unpacked)
                stream.allow(_HEADERS)  # opening reads the first file's
                yield tarfile.open(fileobj=stream, mode="r|"), stream  # type: ignore[call-overload]  # noqa: SIM115
        except _BROKEN:
            raise damaged(self.name) from None


class _Unpacked:
    """What a packed file holds, in small parts; refuses more bytes than were allowed since the last call of `allow`.

    A header may promise a name of gigabytes, and a few kilobytes can unpack to all the memory there is.
    """

    def __init__(self, file: BinaryIO, name: str, most: int) -> None:
        self._file, self._name, self._most = file, name, most
        start = file.read(6)
        file.seek(0)
        self._kind = next((kind for magic, kind in _KINDS if start.startswith(magic)), "")
        self._unpack: Any = self._new()
        self._waiting = b""  # packed bytes
        self._recent = b""  # the last bytes that were read
        self._left = self._total = 0

    def allow(self, count: int) -> None:
        """Until the next call `count` bytes may be read."""
        self._left = count + 2 * tarfile.RECORDSIZE  # the module reads a record ahead

    def finish(self) -> None:
        """Reads to the end, so that a packed file that is cut off or has a wrong checksum is noticed. Raises EOFError."""
        self.allow(_HEADERS)
        while self.read(_AT_ONCE):
            pass
        if self._kind and not self._unpack.eof:
            raise EOFError

    def since(self, offset: int) -> bytes:
        """What was read from the byte `offset` on, which lies in the last record."""
        return self._recent[max(0, offset - self._total + len(self._recent)) :] if offset < self._total else b""

    def read(self, count: int) -> bytes:
        """At most `count` bytes; none at the end."""
        part = self._some(count)
        self._left -= len(part)
        self._total += len(part)
        self._recent = (self._recent + part)[-2 * tarfile.RECORDSIZE :]
        if self._total > 2 * self._most + _HEADERS:
            raise too_large(self._name, self._most)
        if self._left < 0:
            raise refused(self._name, N_("what it says about a file is far too long"))
        return part

    def _some(self, count: int) -> bytes:
        if not self._kind:
            return self._file.read(count)
        while True:
            if self._unpack.eof:  # several packed files behind each other are one
                self._waiting = self._unpack.unused_data or self._file.read(_AT_ONCE)
                if not self._waiting.strip(b"\0"):
                    return b""
                self._unpack = self._new()
            ended = False
            if not self._waiting and getattr(self._unpack, "needs_input", True):
                self._waiting = self._file.read(_AT_ONCE)
                ended = not self._waiting
            if self._kind == "gz":
                part = self._unpack.decompress(self._waiting, count)
                self._waiting = self._unpack.unconsumed_tail
            else:
                part = self._unpack.decompress(self._waiting, max_length=count)
                self._waiting = b""
            if part:
                return bytes(part)
            if ended and not self._unpack.eof:
                raise EOFError

    def _new(self) -> Any:
        if self._kind == "gz":
            return zlib.decompressobj(31)
        if self._kind == "xz":
            return lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=_DICTIONARY)
        return bz2.BZ2Decompressor() if self._kind else None
