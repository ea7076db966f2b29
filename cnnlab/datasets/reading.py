"""Reads one split of a data set into numpy arrays, in whatever form its files are. Only CIFAR-10's batches need torchvision."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from cnnlab.datasets import own, picture_folders, tables
from cnnlab.datasets.arrays import Arrays
from cnnlab.datasets.catalogue import Entry
from cnnlab.datasets.fingerprints import contents, differences, fingerprint, whole
from cnnlab.datasets.idx import read_idx
from cnnlab.datasets.location import SPLITS, Location, Split
from cnnlab.datasets.places import Places
from cnnlab.datasets.remembered import stamp
from cnnlab.errors import DataError, InstallationError
from cnnlab.i18n import N_, say
from cnnlab.text import shape_text

Answer = TypeVar("Answer")


def from_best(entry: Entry, places: Places, read: Callable[[Location], Answer]) -> Answer:
    """What `read` makes of the best copy that is intact: a damaged one does not hide another. Raises DataError if there is none."""
    search = places.search(entry)
    failures = []
    for location in search.usable:
        try:
            return read(location)
        except DataError as error:
            failures.append(str(error))
    raise DataError(search.why_not(tuple(failures)))


def read_best(entry: Entry, places: Places, split: Split) -> Arrays:
    """All images of one split. Raises DataError."""
    return from_best(entry, places, lambda location: read_split(entry, location, split, places.own))


def read_split(entry: Entry, location: Location, split: Split, cache: Path) -> Arrays:
    """All images of one split of one copy, checked. `cache` is a folder for decoded images. Raises DataError."""
    if location.layout == "idx":
        images, labels = location.files[:2] if split == "train" else location.files[2:]
        arrays = Arrays(read_idx(images, 3, location.name(images))[:, None], _idx_labels(location, labels))
    elif location.layout == "npz":
        arrays = tables.read_npz(location.files[0], location.name(location.files[0]), split)
    elif location.layout == "csv":
        path = location.files[split == "test"]
        arrays = tables.read_csv(path, location.name(path), entry, cache)
    elif location.layout == "own":
        arrays = _own(location, entry, split)
    elif location.layout == "batches":
        arrays = read_batches(location.folder, split, shown=location.shown)
    else:
        arrays = picture_folders.read(entry, location, split, cache)
    return _checked(entry, location, split, arrays)


def intact_original(entry: Entry, places: Places) -> Location | None:
    """A complete copy with the original pixels, found by reading all of it; None where a download would bring more."""
    for location in places.search(entry).usable:
        if location.layout == "images" or location.differs or location.doubt:
            continue
        try:
            splits = [read_split(entry, location, split, places.own) for split in SPLITS]
        except DataError:
            continue
        if not differences(entry, *(len(split.labels) for split in splits)):
            return location
    return None


def class_counts(entry: Entry, places: Places, split: Split) -> tuple[int, ...]:
    """Images per class in one split. Raises DataError if the data set is not on this machine."""
    return from_best(entry, places, lambda location: _class_counts(entry, location, split, places.own))


def located(entry: Entry, places: Places) -> Location:
    """The best copy of `entry`. Raises DataError, which says what was found and how to get it."""
    search = places.search(entry)
    if search.location is None:
        raise DataError(search.why_not())
    return search.location


def signature(location: Location) -> str:
    """Changes with the files of a copy, so that what was made of them can be kept until then."""
    if location.layout == "images":
        return "".join(picture_folders.signature(location, split) for split in SPLITS)
    return repr([stamp(path) for path in location.files])


def _own(location: Location, entry: Entry, split: Split) -> Arrays:
    """One split of a user's set, without what its version sets aside; where that is nothing, the images stay on the disk."""
    _rest, stored, chosen = own_set(location, entry, split)
    images = stored.images if len(chosen) == len(stored.labels) else stored.images[chosen]
    return Arrays(images, stored.labels[chosen].astype(np.int64))


def own_set(location: Location, entry: Entry, split: Split) -> tuple[own.OwnSet, own.Stored, list[int]]:
    """A user's set, one split of it as it was imported, and the numbers of the images that this version uses. Raises DataError."""
    home = location.folder.parents[1]
    found = own.known(home, entry.name)
    if found is None:
        raise DataError(say("There is no data set {name}.", name=entry.name))
    return found, own.stored(home, found, split), own.kept(found, split)


def _class_counts(entry: Entry, location: Location, split: Split, cache: Path) -> tuple[int, ...]:
    if location.layout == "images":
        return picture_folders.class_counts(location, split)
    if location.layout == "own":
        _rest, stored, chosen = own_set(location, entry, split)
        labels = stored.labels[chosen]
    elif location.layout == "idx":  # a few kilobytes; the images stay on the disk
        labels = _idx_labels(location, location.files[1 if split == "train" else 3])
    else:
        labels = read_split(entry, location, split, cache).labels
    return tuple(int(count) for count in np.bincount(labels, minlength=len(entry.classes)))


def _idx_labels(location: Location, path: Path) -> np.ndarray:
    return read_idx(path, 1, location.name(path)).astype(np.int64)


def _checked(entry: Entry, location: Location, split: Split, arrays: Arrays) -> Arrays:
    images, labels = arrays
    template = N_("The train images in {place}") if split == "train" else N_("The test images in {place}")
    where, shape = say(template, place=location.shown), (entry.channels, entry.size, entry.size)
    if len(images) != len(labels) or not len(images):
        raise DataError(
            say(
                "{where} are {count:,}, their labels {labels:,}: fetch them again.",
                where=where,
                count=len(images),
                labels=len(labels),
            )
        )
    if images.shape[1:] != shape:
        found, wanted = (shape_text(sizes) for sizes in (images.shape[1:], shape))
        raise DataError(
            say(
                "{where} are {found}, those of {dataset} {wanted}: this is another data set.",
                where=where,
                found=found,
                dataset=entry.title,
                wanted=wanted,
            )
        )
    if int(labels.max()) >= len(entry.classes) or int(labels.min()) < 0:
        raise DataError(
            say(
                "{where} have labels from {low} to {high}, but {dataset} has the classes 0 to {last}: the files are damaged or "
                "belong to another data set.",
                where=where,
                low=labels.min(),
                high=labels.max(),
                dataset=entry.title,
                last=len(entry.classes) - 1,
            )
        )
    if len(images) > whole(entry, split):
        raise DataError(
            say(
                "{where} are {count:,}, but {dataset} has {whole:,}: this is another data set.",
                where=where,
                count=len(images),
                dataset=entry.title,
                whole=whole(entry, split),
            )
        )
    known = fingerprint(entry, split)
    complete = location.layout == "csv" and len(images) == whole(entry, split)  # only now can they be counted
    if known.contents and (complete or split in location.original) and contents(images, labels) != known.contents:
        raise DataError(
            say(
                "{where} are not those of {dataset}: the files are damaged, or mixed from two data sets.",
                where=where,
                dataset=entry.title,
            )
        )
    return arrays


def read_batches(folder: Path, split: Split, dataset: Any = None, *, shown: str = "") -> Arrays:
    """CIFAR-10's original files, through torchvision, which compares their checksums before it unpickles them.

    `dataset` stands in for `torchvision.datasets.CIFAR10` in tests.
    """
    original = dataset or _torchvision_datasets().CIFAR10
    local = type("Local", (original,), {"base_folder": folder.name})  # the folder may have been renamed
    try:
        data = local(root=folder.parent, train=split == "train", download=False)
    except RuntimeError:
        message = say(
            "The CIFAR-10 files in {place} are damaged (wrong checksums): delete the folder {folder} and fetch it again.",
            place=shown or folder, folder=folder.name,
        )  # fmt: skip
        raise DataError(message) from None
    except OSError as error:
        raise DataError(
            say("The CIFAR-10 files in {place} cannot be read: {reason}.", place=shown or folder, reason=error.strerror or error)
        ) from None
    except (pickle.UnpicklingError, EOFError, KeyError, ValueError) as error:  # changed between the check and the reading
        raise DataError(
            say(
                "The CIFAR-10 files in {place} cannot be read ({kind}): fetch them again.",
                place=shown or folder,
                kind=type(error).__name__,
            )
        ) from None
    return Arrays(np.ascontiguousarray(data.data.transpose(0, 3, 1, 2)), np.asarray(data.targets, np.int64))


def _torchvision_datasets() -> Any:
    try:
        from torchvision import datasets
    except ImportError as error:
        raise InstallationError(
            say("CIFAR-10 needs torchvision, which cannot be imported ({error}): run pip install -r requirements.txt.", error=error)
        ) from None
    except RuntimeError as error:
        if "torchvision::nms" not in str(error):
            raise
        raise InstallationError(
            N_(
                "torch and torchvision do not fit together (operator torchvision::nms does not exist): take both from one index, "
                "as in pip install --force-reinstall torch torchvision --index-url https://download.pytorch.org/whl/cpu."
            )
        ) from None
    return datasets
