"""A data set as pictures in one folder for each class. Needs Pillow, but no torch.

As strict as the reader of IDX files: what looks like a picture is read or named, and nothing is left out without a word. What a
system adds (hidden files, a Mac's companions) and folders are no pictures.
"""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np

from cnnlab.datasets.arrays import Arrays, decoded
from cnnlab.datasets.catalogue import Entry
from cnnlab.datasets.folders import Folder, plain
from cnnlab.datasets.location import SPLITS, Found, Location, Split, Unusable, because
from cnnlab.datasets.remembered import Stamp, remembered, stamp
from cnnlab.errors import DataError
from cnnlab.i18n import say

SUFFIXES = {".jpg": "JPEG", ".jpeg": "JPEG", ".png": "PNG", ".bmp": "BMP", ".webp": "WebP", ".tif": "TIFF", ".tiff": "TIFF"}
_SPLIT_FOLDERS = (("train", "test"), ("training", "testing"), ("trainingset", "testset"))
_MODES = frozenset({"1", "L", "LA", "P", "PA", "RGB", "RGBA", "CMYK", "YCbCr"})  # one byte a value: others would be cut off


class _Signature(NamedTuple):
    digest: str
    stamps: tuple[Stamp, ...]  # of the folders
    until: float


_signatures: dict[tuple[Location, Split], _Signature] = {}


def copies(entry: Entry, folder: Folder) -> Iterator[Found]:
    """The copies in this folder, which has one folder for each split."""
    for names in _SPLIT_FOLDERS:
        if all(name in folder.folders for name in names):
            splits = dict(zip(SPLITS, (_split_folder(folder.child(folder.folders[name]), entry) for name in names), strict=True))
            yield from _copy(entry, folder, splits)


def listed(folder: Path, name: str) -> list[os.DirEntry[str]]:
    """The pictures in a folder by their names. Raises DataError, which calls the folder `name`."""
    try:
        with os.scandir(folder) as listing:
            return sorted((item for item in listing if _is_picture(item)), key=lambda item: item.name)
    except OSError as error:
        raise DataError(say("{name} cannot be read: {reason}.", name=name, reason=error.strerror or error)) from None


def class_counts(location: Location, split: Split) -> tuple[int, ...]:
    """The number of pictures of each class. Raises DataError."""
    folders = _class_folders(location, split)
    try:
        return tuple(remembered(_count, folder) for folder in folders)
    except DataError:
        return tuple(len(listed(folder, location.name(folder))) for folder in folders)  # raises it with the name for people


def signature(location: Location, split: Split) -> str:
    """Changes when a picture is added, removed, renamed, replaced, or changed in place.

    Asking a slow disk about 60,000 files takes seconds. So a process asks for those changed in place again after a hundred times
    as long; the folders, which show all other changes, it asks each time.
    """
    folders, now = _class_folders(location, split), time.monotonic()
    stamps = tuple(map(stamp, folders))
    known = _signatures.get((location, split))
    if known is None or known.stamps != stamps or now > known.until:
        facts = [[(item.name, stamp(item)) for item in listed(folder, location.name(folder))] for folder in folders]
        ended = time.monotonic()
        digest = hashlib.sha256(repr(facts).encode()).hexdigest()[:16]
        known = _signatures[location, split] = _Signature(digest, stamps, ended + 100 * (ended - now))
    return known.digest


def read(entry: Entry, location: Location, split: Split, cache: Path) -> Arrays:
    """The first images of all classes come first, then the second ones, so any part has all classes."""
    pictures = [
        (position, label, Path(item.path))
        for label, folder in enumerate(_class_folders(location, split))
        for position, item in enumerate(listed(folder, location.name(folder)))
    ]
    pictures.sort(key=lambda image: image[:2])
    labels = np.array([label for _, label, _ in pictures], np.int64)
    source = f"{entry.name}-{split}-{hashlib.sha256(str(location.folder.resolve()).encode()).hexdigest()[:8]}"

    def decode() -> np.ndarray:
        images = np.empty((len(pictures), entry.channels, entry.size, entry.size), np.uint8)
        for row, (_, _, path) in enumerate(pictures):
            images[row] = _decode(path, location.name(path), entry)
        return images

    return Arrays(decoded(cache, source, signature(location, split), len(pictures), decode), labels)


def _class_folders(location: Location, split: Split) -> tuple[Path, ...]:
    half = len(location.files) // 2
    return location.files[:half] if split == "train" else location.files[half:]


def _split_folder(folder: Folder, entry: Entry) -> dict[str, Path]:
    """The folders of the classes by class or number; also where an unpacker has put them one level deeper (train/train/cat)."""
    inner = folder.readable_folders()
    if len(inner) == 1:
        inner = folder.child(next(iter(inner.values()))).readable_folders()
    return {plain(name): path for name, path in inner.items()}


def _copy(entry: Entry, folder: Folder, splits: dict[Split, dict[str, Path]]) -> Iterator[Found]:
    names, numbers = [plain(name) for name in entry.classes], [str(label) for label in range(len(entry.classes))]
    if "tshirt" in splits["train"]:  # for T-shirt/top
        names = ["tshirt" if name == "tshirttop" else name for name in names]
    known = max((names, numbers), key=lambda known: sum(name in splits["train"] for name in known))
    if sum(name in splits["train"] for name in known) <= len(known) // 2:
        return
    if known == numbers and folder.says != entry.name:  # numbers do not say what they count
        if not folder.says and entry.format == "idx":
            yield Unusable(
                folder.shown,
                because("{place} does not say of which data set it is: call the folder {dataset}", dataset=entry.title),
            )
        return
    missing = [f"{split}/{name}" for split in SPLITS for name in known if name not in splits[split]]
    if missing:
        yield Unusable(folder.shown, because("{place} lacks the folders {folders}", folders=", ".join(missing)))
        return
    files = tuple(splits[split][name] for split in SPLITS for name in known)
    found = Location(folder.path, folder.shown, "images", files)
    kinds: dict[Split, set[str]] = {
        split: {remembered(_kind, path) for path in _class_folders(found, split)} - {""} for split in SPLITS
    }
    if empty := [split for split in SPLITS if not kinds[split]]:
        yield Unusable(
            folder.shown, because("{place} has no picture that can be read in the folders of {splits}", splits=" and ".join(empty))
        )
    else:
        yield replace(found, variant=say("{formats} copy", formats=" and ".join(sorted(set().union(*kinds.values())))))


def _kind(folder: Path) -> str:
    """The format of the first picture found; "" if there is none. They are counted later: on a slow disk that takes seconds."""
    try:
        with os.scandir(folder) as listing:
            return next((SUFFIXES[Path(item.name).suffix.lower()] for item in listing if _is_picture(item)), "")
    except OSError:
        return ""


def _count(folder: Path) -> int:
    return len(listed(folder, folder.name))


def _is_picture(item: os.DirEntry[str]) -> bool:
    return item.name[0] != "." and Path(item.name).suffix.lower() in SUFFIXES and not item.is_dir()


def _decode(path: Path, name: str, entry: Entry) -> np.ndarray:
    from PIL import Image

    try:
        with Image.open(path) as image:
            if image.size != (entry.size, entry.size):
                raise DataError(
                    say(
                        "{name} is {width}×{height} px, not {size}×{size}: it is no image of {dataset}.",
                        name=name,
                        width=image.width,
                        height=image.height,
                        size=entry.size,
                        dataset=entry.title,
                    )
                )
            if image.mode not in _MODES:
                raise DataError(
                    say(
                        "{name} has more than 8 bits a value ({mode}), which would be cut off: convert it to 8 bits.",
                        name=name,
                        mode=image.mode,
                    )
                )
            pixels = np.asarray(image.convert("RGB" if entry.channels == 3 else "L"))
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:  # Pillow raises them for damaged files
        reason = getattr(error, "strerror", None) or str(error).replace(f" {str(path)!r}", "")
        raise DataError(
            say("{name} ({size:,} bytes) cannot be decoded: {reason}.", name=name, size=_size(path), reason=reason)
        ) from None
    return pixels.transpose(2, 0, 1) if entry.channels == 3 else pixels[None]


def _size(path: Path) -> int:
    known = stamp(path)
    return known[0] if known else 0
