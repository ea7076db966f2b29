"""A data set as pictures in one folder for each class. Needs Pillow, but no torch.

As strict as the reader of IDX files: what looks like a picture is read or named, and nothing is left out without a word. What a
system adds (hidden files, a Mac's companions) and folders are no pictures.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from cnnlab.datasets.arrays import Arrays, decoded
from cnnlab.datasets.catalogue import Entry
from cnnlab.datasets.fingerprints import differences, whole
from cnnlab.datasets.folders import Folder, plain
from cnnlab.datasets.location import SPLITS, Found, Location, Split, Unusable
from cnnlab.datasets.remembered import remembered, stamp
from cnnlab.errors import DataError

SUFFIXES = {".jpg": "JPEG", ".jpeg": "JPEG", ".png": "PNG", ".bmp": "BMP", ".webp": "WebP", ".tif": "TIFF", ".tiff": "TIFF"}
_SPLIT_FOLDERS = (("train", "test"), ("training", "testing"), ("trainingset", "testset"))
_MODES = frozenset({"1", "L", "LA", "P", "PA", "RGB", "RGBA", "CMYK", "YCbCr"})  # one byte a value: others would be cut off


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
            pictures = [item for item in listing if Path(item.name).suffix.lower() in SUFFIXES and item.name[0] != "."]
            return sorted((item for item in pictures if not item.is_dir()), key=lambda item: item.name)
    except OSError as error:
        raise DataError(f"{name} cannot be read: {error.strerror or error}.") from None


def class_counts(location: Location, split: Split) -> tuple[int, ...]:
    """The number of pictures of each class."""
    return tuple(len(listed(folder, location.name(folder))) for folder in _class_folders(location, split))


def signature(location: Location, split: Split) -> str:
    """Changes when a picture is added, removed, renamed, replaced, or changed in place."""
    known = [
        (label, item.name, stamp(item))
        for label, folder in enumerate(_class_folders(location, split))
        for item in listed(folder, location.name(folder))
    ]
    return hashlib.sha256(repr(known).encode()).hexdigest()[:16]


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
            yield Unusable(folder.shown, f"does not say of which data set it is: call the folder {entry.title}")
        return
    missing = [f"{split}/{name}" for split in SPLITS for name in known if name not in splits[split]]
    if missing:
        yield Unusable(folder.shown, f"lacks the folders {', '.join(missing)}")
        return
    files = tuple(splits[split][name] for split in SPLITS for name in known)
    found = Location(folder.path, folder.shown, "images", files)
    try:
        counts, kinds = {}, set()
        for split in SPLITS:
            facts = [remembered(_counted, path) for path in _class_folders(found, split)]
            counts[split] = sum(count for count, _ in facts)
            kinds.update(*(kinds for _, kinds in facts))
    except DataError as error:
        yield Unusable(folder.shown, str(error))
        return
    if problem := next((_too_few_or_many(entry, split, counts[split]) for split in SPLITS), ""):
        yield Unusable(folder.shown, problem)
    else:
        differs = differences(entry, counts["train"], counts["test"])
        yield Location(folder.path, folder.shown, "images", files, f"{' and '.join(sorted(kinds))} copy", differs)


def _counted(folder: Path) -> tuple[int, frozenset[str]]:
    pictures = listed(folder, folder.name)
    return len(pictures), frozenset(SUFFIXES[Path(item.name).suffix.lower()] for item in pictures)


def _too_few_or_many(entry: Entry, split: Split, count: int) -> str:
    if not count:
        return f"has no picture in its {split} folders"
    most = whole(entry, split)
    return f"has {count:,} {split} pictures where {entry.title} has {most:,}: this is another data set" if count > most else ""


def _decode(path: Path, name: str, entry: Entry) -> np.ndarray:
    from PIL import Image

    try:
        with Image.open(path) as image:
            if image.size != (entry.size, entry.size):
                raise DataError(
                    f"{name} is {image.width}×{image.height} px, not {entry.size}×{entry.size}: it is no image of {entry.title}."
                )
            if image.mode not in _MODES:
                raise DataError(
                    f"{name} has more than 8 bits a value ({image.mode}), which would be cut off: convert it to 8 bits."
                )
            pixels = np.asarray(image.convert("RGB" if entry.channels == 3 else "L"))
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:  # Pillow raises them for damaged files
        reason = getattr(error, "strerror", None) or str(error).replace(repr(str(path)), "it")
        raise DataError(f"{name} ({_size(path):,} bytes) cannot be decoded: {reason}.") from None
    return pixels.transpose(2, 0, 1) if entry.channels == 3 else pixels[None]


def _size(path: Path) -> int:
    known = stamp(path)
    return known[0] if known else 0
