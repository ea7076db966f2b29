"""Reads one split of a data set into numpy arrays, in whatever form its files are. Only CIFAR-10's batches need torchvision."""

from __future__ import annotations

import hashlib
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from cnnlab.datasets.catalogue import BATCHES, Entry
from cnnlab.datasets.idx import read_idx
from cnnlab.datasets.places import IMAGE_SUFFIXES, Location, Places, Split, idx_files, partial_file
from cnnlab.errors import DataError, InstallationError


class Arrays(NamedTuple):
    images: np.ndarray  # uint8 N×C×H×W
    labels: np.ndarray  # int64 N


def read_split(entry: Entry, location: Location, split: Split, cache: Path) -> Arrays:
    """All images of one split, checked. `cache` is a folder for decoded images. Raises DataError."""
    if location.layout == "idx":
        arrays = _read_idx_pair(location.folder, split)
    elif location.layout == "batches":
        arrays = read_batches(location.folder, split)
    else:
        arrays = _read_images(entry, location, split, cache)
    return _checked(entry, location, split, arrays)


def class_counts(entry: Entry, places: Places, split: Split) -> tuple[int, ...]:
    """Images per class in one split. Raises DataError if the data set is not on this machine."""
    location = located(entry, places)
    if location.layout == "idx":
        labels = read_idx(_idx_pair(location.folder, split)[1], 1)  # a few kilobytes; the images stay on the disk
        _check_labels(entry, location, labels)
    elif location.layout == "images":
        return tuple(len(_listed(location.folder, split, label)) for label in entry.classes)
    else:
        labels = read_split(entry, location, split, places.own).labels
    return tuple(int(count) for count in np.bincount(labels, minlength=len(entry.classes)))


def located(entry: Entry, places: Places) -> Location:
    """Where `entry` is. Raises DataError, which explains how to get it."""
    location = places.locate(entry)
    if location is None:
        raise DataError(
            f"{entry.title} is not on this machine: download it on the Data page, "
            "point CNNLAB_DATA to a folder that has it, or use the bundled sample."
        )
    return location


def _checked(entry: Entry, location: Location, split: Split, arrays: Arrays) -> Arrays:
    images, labels = arrays
    if len(images) != len(labels) or not len(images):
        raise DataError(
            f"The {split} files in {location.folder} hold {len(images):,} images and {len(labels):,} labels: fetch them again."
        )
    shape = (entry.channels, entry.size, entry.size)
    if images.shape[1:] != shape:
        raise DataError(
            f"The {split} images in {location.folder} are {'×'.join(map(str, images.shape[1:]))}, "
            f"those of {entry.title} {'×'.join(map(str, shape))}: this is another data set."
        )
    _check_labels(entry, location, labels)
    return arrays


def _check_labels(entry: Entry, location: Location, labels: np.ndarray) -> None:
    highest = int(labels.max(initial=0))
    if highest >= len(entry.classes) or int(labels.min(initial=0)) < 0:
        raise DataError(
            f"The labels in {location.folder} reach {highest}, but {entry.title} has the classes 0 to {len(entry.classes) - 1}: "
            "the files are damaged or belong to another data set."
        )


def _idx_pair(folder: Path, split: Split) -> tuple[Path, Path]:
    files = idx_files(folder, split)
    if files is None:
        raise DataError(f"The {split} files in {folder} are missing: fetch the data set again.")
    return files


def _read_idx_pair(folder: Path, split: Split) -> Arrays:
    images, labels = _idx_pair(folder, split)
    return Arrays(read_idx(images, 3)[:, None], read_idx(labels, 1).astype(np.int64))


def read_batches(folder: Path, split: Split, dataset: Any = None) -> Arrays:
    """CIFAR-10's original files, through torchvision, which compares their checksums before it unpickles them.

    `dataset` stands in for `torchvision.datasets.CIFAR10` in tests.
    """
    dataset = dataset or _torchvision_datasets().CIFAR10
    try:
        data = dataset(root=folder.parent, train=split == "train", download=False)
    except RuntimeError as error:
        raise DataError(
            f"The CIFAR-10 files in {folder} are damaged ({error}): delete the folder {BATCHES} and fetch it again."
        ) from None
    return Arrays(np.ascontiguousarray(data.data.transpose(0, 3, 1, 2)), np.asarray(data.targets, np.int64))


def _torchvision_datasets() -> Any:
    try:
        from torchvision import datasets
    except ImportError as error:
        raise InstallationError(
            f"CIFAR-10 needs torchvision, which cannot be imported ({error}): run pip install -r requirements.txt."
        ) from None
    except RuntimeError as error:
        if "torchvision::nms" not in str(error):
            raise
        raise InstallationError(
            "torch and torchvision do not fit together (operator torchvision::nms does not exist): take both from one index, as in "
            "pip install --force-reinstall torch torchvision --index-url https://download.pytorch.org/whl/cpu."
        ) from None
    return datasets


def _listed(folder: Path, split: Split, label: str) -> list[Path]:
    return sorted(path for path in (folder / split / label).iterdir() if path.suffix in IMAGE_SUFFIXES)


def _read_images(entry: Entry, location: Location, split: Split, cache: Path) -> Arrays:
    """One folder for each class. The first images of all classes come first, then the second ones, so any part has all classes."""
    listed = [
        (position, label, path)
        for label, name in enumerate(entry.classes)
        for position, path in enumerate(_listed(location.folder, split, name))
    ]
    listed.sort(key=lambda image: image[:2])
    labels = np.array([label for _, label, _ in listed], np.int64)
    # Adding, removing or renaming files changes their folder's time, and so the name of the cached array.
    times = [(location.folder / split / name).stat().st_mtime_ns for name in entry.classes]
    key = hashlib.sha256(repr((str(location.folder.resolve()), times, len(listed))).encode()).hexdigest()[:16]
    cached = cache / "decoded" / f"{entry.name}-{split}-{key}.npy"
    shape = (len(listed), entry.channels, entry.size, entry.size)
    images = _from_cache(cached, shape)
    if images is None:
        images = np.empty(shape, np.uint8)
        for row, (_, _, path) in enumerate(listed):
            images[row] = _decode(path, entry)
        _to_cache(cached, images)
    return Arrays(images, labels)


def _decode(path: Path, entry: Entry) -> np.ndarray:
    from PIL import Image

    try:
        with Image.open(path) as image:
            if image.size != (entry.size, entry.size):
                raise DataError(
                    f"{path} is {image.width}×{image.height} px, not {entry.size}×{entry.size}: it is no image of {entry.title}."
                )
            pixels = np.asarray(image.convert("RGB" if entry.channels == 3 else "L"))
    except (OSError, SyntaxError) as error:  # Pillow raises SyntaxError for some damaged files
        raise DataError(f"{path} ({path.stat().st_size:,} bytes) cannot be decoded: {error}.") from None
    return pixels.transpose(2, 0, 1) if entry.channels == 3 else pixels[None]


def _from_cache(path: Path, shape: tuple[int, ...]) -> np.ndarray | None:
    try:
        images = np.load(path, allow_pickle=False)
    except (OSError, ValueError, EOFError):  # missing or cut off: it is made again
        return None
    return images if images.shape == shape and images.dtype == np.uint8 else None


def _to_cache(path: Path, images: np.ndarray) -> None:
    with suppress(OSError):  # on a full disk the next load decodes again, which costs time only
        path.parent.mkdir(parents=True, exist_ok=True)
        with partial_file(path) as part:
            with part.open("wb") as file:
                np.save(file, images)
            part.replace(path)
