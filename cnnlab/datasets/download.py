"""Downloads a data set from its mirrors; a file gets its name only when its checksum is right. Needs no torch."""

from __future__ import annotations

import errno
import hashlib
import shutil
import tarfile
import time
import urllib.error
import urllib.request
import zlib
from collections.abc import Callable, Iterator
from http.client import HTTPException
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import urlsplit

from cnnlab.datasets.catalogue import BATCHES, Download, Entry
from cnnlab.datasets.places import BATCH_FILES, Places, partial_file
from cnnlab.errors import DataError
from cnnlab.i18n import say

Progress = Callable[[int, int], None]  # bytes done, bytes in all

_CHUNK = 256 * 1024
_TIMEOUT = 20.0  # seconds without an answer, or without a next byte


_REMEDIES = {
    (errno.ENOSPC, errno.EDQUOT): "free some space, and try again",
    (errno.EACCES, errno.EPERM, errno.EROFS): "make this folder writable for the user who runs the lab",
    (errno.ENOTDIR, errno.EEXIST): "a file is where a folder should be: move it away",
    (errno.EISDIR,): "a folder is where a file should be: move it away",
}


class MirrorError(Exception):
    """One mirror could not deliver; the next one is asked."""


def fetch(entry: Entry, places: Places, progress: Progress = lambda done, total: None, *, timeout: float = _TIMEOUT) -> Path:
    """Downloads `entry` into the lab's own folder, which it returns; intact files are not downloaded again. Raises DataError."""
    if not entry.downloads:
        raise DataError(say("{dataset} comes with the lab: there is nothing to download.", dataset=entry.title))
    target = places.target(entry)
    try:
        if entry.format == "batches":
            _fetch_archive(entry, target, progress, timeout)
        else:
            _fetch_files(entry, target, progress, timeout)
    except MirrorError as failed:
        raise DataError(
            say(
                "{dataset} could not be downloaded ({reason}): connect to the internet, "
                "or point CNNLAB_DATA to a folder that has it, or use the bundled sample.",
                dataset=entry.title,
                reason=failed,
            )
        ) from None
    except OSError as error:
        where, reason = places.shown_target(entry), unsaved(error)
        raise DataError(
            say("{dataset} could not be saved in {folder}: {reason}.", dataset=entry.title, folder=where, reason=reason)
        ) from None
    return target


def unsaved(error: OSError) -> str:
    """Why, and what to do. Without the path that the error has: visitors read it."""
    remedy = next((remedy for numbers, remedy in _REMEDIES.items() if error.errno in numbers), "")
    return (error.strerror or type(error).__name__) + (f"; {remedy}" if remedy else "")


def _fetch_files(entry: Entry, folder: Path, progress: Progress, timeout: float) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    _remove_leftovers(folder)
    total, before = sum(item.bytes for item in entry.downloads), 0
    for item in entry.downloads:
        path = folder / item.name
        if not _is_intact(path, item.md5):
            _fetch_file(item, path, _shifted(progress, before, total), timeout)
        before += item.bytes
        progress(before, total)


def _fetch_archive(entry: Entry, folder: Path, progress: Progress, timeout: float) -> None:
    (item,) = entry.downloads
    sums = dict(item.members)
    if all(_is_intact(folder / name, sums.get(name)) for name in BATCH_FILES):
        return
    folder.parent.mkdir(parents=True, exist_ok=True)
    _remove_leftovers(folder.parent)
    with TemporaryDirectory(dir=folder.parent, prefix=".download-", ignore_cleanup_errors=True) as made:
        archive = Path(made) / item.name
        _fetch_file(item, archive, progress, timeout)
        unpacked = Path(made) / BATCHES
        unpack(archive, unpacked)
        if folder.exists():  # unpacked by hand, and incomplete
            shutil.rmtree(folder)
        unpacked.replace(folder)
    progress(item.bytes, item.bytes)


def unpack(archive: Path, folder: Path) -> None:
    """Writes the files of CIFAR-10 from the archive into `folder`.

    Their names are the lab's own: a path from the archive could lead out of the folder.
    """
    folder.mkdir(parents=True)
    try:
        with tarfile.open(archive, "r:gz") as tar:
            for name in BATCH_FILES:
                member = tar.extractfile(f"{BATCHES}/{name}")
                if member is None:
                    raise DataError(
                        say("{name} has no file {path}: it is no archive of CIFAR-10.", name=archive.name, path=f"{BATCHES}/{name}")
                    )
                with member, (folder / name).open("wb") as file:
                    shutil.copyfileobj(member, file)
    except KeyError as error:
        raise DataError(say("{name} is no archive of CIFAR-10: {reason}.", name=archive.name, reason=error.args[0])) from None
    except (tarfile.TarError, EOFError, zlib.error) as error:
        raise DataError(say("{name} cannot be unpacked: {error}.", name=archive.name, error=error)) from None


def _fetch_file(item: Download, path: Path, progress: Progress, timeout: float) -> None:
    """Tries the mirrors in order. Raises MirrorError with the failure of each."""
    failures = []
    for address in item.mirrors:
        try:
            with partial_file(path) as part:
                _save(item, address, part, progress, timeout)
                part.replace(path)
            return
        except MirrorError as failed:
            failures.append(f"{urlsplit(address).hostname}: {failed}")
    raise MirrorError(f"{item.name} from {'; '.join(failures)}")


def _save(item: Download, address: str, part: Path, progress: Progress, timeout: float) -> None:
    md5, done = hashlib.md5(usedforsecurity=False), 0
    with part.open("wb") as file:
        for chunk in chunks(address, timeout):
            md5.update(chunk)
            file.write(chunk)
            done += len(chunk)
            if done > item.bytes:
                raise MirrorError(say("sent more than the {count:,} bytes that the file has", count=item.bytes))
            progress(done, item.bytes)
    if done < item.bytes:
        raise MirrorError(say("broke off after {done:,} of {total:,} bytes", done=done, total=item.bytes))
    if md5.hexdigest() != item.md5:
        raise MirrorError(
            say("arrived damaged and was removed, its checksum is {found} instead of {md5}", found=md5.hexdigest(), md5=item.md5)
        )


def chunks(address: str, timeout: float = _TIMEOUT) -> Iterator[bytes]:
    """What the address answers, piece by piece. Raises MirrorError."""
    if urlsplit(address).scheme not in ("http", "https"):
        raise ValueError(f"a mirror must be an http or https address, not {address!r}")
    request = urllib.request.Request(address, headers={"User-Agent": "cnnlab"})  # noqa: S310 — the scheme is checked above
    try:
        with urllib.request.urlopen(request, timeout=timeout) as answer:  # noqa: S310
            while chunk := answer.read(_CHUNK):
                yield chunk
    except (OSError, HTTPException) as error:  # URLError and time-outs are OSErrors
        raise MirrorError(_reason(error)) from None


def _reason(error: BaseException) -> str:
    if isinstance(error, urllib.error.URLError) and isinstance(error.reason, OSError):  # wraps the cause
        error = error.reason
    return str(getattr(error, "strerror", None) or error) or type(error).__name__


def _remove_leftovers(folder: Path) -> None:
    """Deletes files of killed downloads. They must be a day old, so that a running download keeps its own."""
    for path in (*folder.glob(".*.part"), *folder.glob(".download-*")):
        if path.stat().st_mtime < time.time() - 86_400:
            shutil.rmtree(path) if path.is_dir() else path.unlink()


def _shifted(progress: Progress, before: int, total: int) -> Progress:
    return lambda done, _: progress(before + done, total)


def _is_intact(path: Path, md5: str | None) -> bool:
    """Whether the file is there, with this checksum where one is known. One that cannot be read is fetched again."""
    try:
        with path.open("rb") as file:
            found = hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()
    except OSError:
        return False
    return md5 in (None, found)
