"""Images that come as tables of numbers: Keras' .npz, Kaggle's .csv and IDX files of any size. Nothing is unpickled.

A file is in memory whole, within a bound; so is what it unpacks to.
"""

from __future__ import annotations

import gzip
import io
import math
import re
import zipfile
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from cnnlab.datasets.location import Split
from cnnlab.errors import DataError
from cnnlab.i18n import N_, say
from cnnlab.own_data.layout import class_names, natural
from cnnlab.own_data.member import Member
from cnnlab.own_data.values import LARGEST_SIDE
from cnnlab.text import shape_text, size_text

_TABLE = re.compile(r".*\.(npz|csv|csv\.gz)|.*-ubyte(\.gz)?|.*-idx2-int(\.gz)?|emnist-.*mapping\.txt", re.IGNORECASE)
_UNREADABLE = (
    OSError,
    ValueError,
    KeyError,
    EOFError,
    zipfile.BadZipFile,
    zlib.error,
    NotImplementedError,
    MemoryError,
    RuntimeError,
)
_SPLITS: tuple[tuple[str, Split | None], ...] = (("train", "train"), ("test", "test"), ("t10k", "test"), ("val", None))


@dataclass(frozen=True, slots=True)
class Part:
    """Images of one table."""

    split: Split | None  # None: it is to be drawn
    images: np.ndarray  # uint8 N×C×H×W
    labels: np.ndarray  # int64 N, from 0


@dataclass(frozen=True, slots=True)
class Table:
    """All images of the tables of a source."""

    classes: tuple[str, ...]
    parts: tuple[Part, ...]
    notes: tuple[str, ...] = ()


def is_table(member: Member) -> bool:
    """Whether its name is that of a table which the lab reads."""
    return not member.hidden and _TABLE.fullmatch(member.parts[-1]) is not None


def read(contents: Mapping[str, bytes], source: str, most: int) -> Table:
    """The images of these files by name, of which none may unpack to more than `most` bytes. Raises DataError."""
    from cnnlab.own_data import csv_table, idx_table, npz_table

    npz = [name for name in contents if name.lower().endswith(".npz")]
    idx = {name: content for name, content in contents.items() if idx_table.is_idx(name)}
    csv = {name: content for name, content in contents.items() if ".csv" in name.lower()}
    try:
        if npz:
            return npz_table.read(contents[npz[0]], most)
        if idx:
            return idx_table.read({name: unpacked(name, content, most) for name, content in idx.items()})
        return csv_table.read({name: unpacked(name, content, most) for name, content in csv.items()}, most)
    except DataError:
        raise
    except _UNREADABLE as error:
        reason = str(getattr(error, "strerror", None) or error).partition("\n")[0][:200] or type(error).__name__
        raise DataError(say("{name} cannot be read: {reason}.", name=source, reason=reason)) from None


def unpacked(name: str, content: bytes, most: int) -> bytes:
    """The content of a .gz, within the bound; of others as it is. Raises ValueError."""
    if not name.lower().endswith(".gz"):
        return content
    with gzip.open(io.BytesIO(content)) as file:
        whole = file.read(most + 1)
    if len(whole) > most:
        raise ValueError(say("{name} unpacks to more than {most}", name=name, most=size_text(most)))
    return whole


def split_of(name: str) -> Split | None:
    """The split that a name says."""
    return next((split for word, split in _SPLITS if word in name.lower()), None)


def images(values: np.ndarray, name: str) -> np.ndarray:
    """An array of images as uint8 N×C×H×W. Raises ValueError for any other array."""
    if values.ndim == 3:
        values = values[:, None]
    elif values.ndim == 4 and values.shape[1] not in (1, 3):
        values = values.transpose(0, 3, 1, 2)
    if values.ndim != 4 or values.shape[1] not in (1, 3) or not values.size or max(values.shape[2:]) > LARGEST_SIDE:
        raise ValueError(say("{name} holds an array of {shape}, which are no images", name=name, shape=shape_text(values.shape)))
    if values.dtype == np.uint8:
        return values
    if values.dtype.kind not in "iufb":
        raise ValueError(say("{name} holds {kind}, not numbers from 0 to 255", name=name, kind=values.dtype))
    low, high = values.min(), values.max()
    if not (math.isfinite(low) and math.isfinite(high) and low >= 0 and high <= 255):
        raise ValueError(say("{name} has values from {low} to {high}; a pixel is from 0 to 255", name=name, low=low, high=high))
    scale = 255 if values.dtype.kind in "fb" and high <= 1 else 1
    return (values * scale).round().astype(np.uint8) if scale > 1 or values.dtype.kind == "f" else values.astype(np.uint8)


def labels(values: np.ndarray, count: int, name: str) -> np.ndarray:
    """One whole number for each image; one-hot rows become numbers. Raises ValueError."""
    if values.ndim == 2 and values.shape[1] > 1 and ((values == 0) | (values == 1)).all() and (values.sum(1) == 1).all():
        values = values.argmax(1)
    flat = values.reshape(-1) if values.size == len(values) else values
    if flat.ndim != 1 or len(flat) != count or flat.dtype.kind not in "iu":
        facts = {"name": name, "kind": flat.dtype, "shape": shape_text(flat.shape), "count": count}
        raise ValueError(
            say("{name} holds {kind} of the shape {shape}, not one whole number for each of {count:,} images", **facts)
        )
    return flat.astype(np.int64)


def table(parts: Sequence[Part], names: Mapping[int, str] | None = None, notes: Sequence[str] = ()) -> Table:
    """The parts with labels from 0 on; classes are called by `names`, or by their numbers. Raises ValueError."""
    filled = [part for part in parts if len(part.labels)]
    if not filled:
        raise ValueError(N_("it holds no images with classes"))
    if len({part.images.shape[1:] for part in filled}) > 1:
        raise ValueError(N_("its training and test images have different sizes"))
    known = sorted({int(label) for part in filled if part.split != "test" for label in np.unique(part.labels)})
    called = {label: (names or {}).get(label, str(label)) for label in known}
    ordered = sorted(known, key=lambda label: natural(called[label])) if names is None else known
    number = {label: place for place, label in enumerate(ordered)}
    kept = []
    for part in filled:
        have = np.isin(part.labels, known)
        lookup = np.array([number[int(label)] for label in part.labels[have]], np.int64)
        kept.append(Part(part.split, part.images if have.all() else part.images[have], lookup))
    if {part.split for part in kept} == {"train"} or {part.split for part in kept} == {"test"}:
        kept = [Part(None, part.images, part.labels) for part in kept]
    return Table(class_names(called[label] for label in ordered), tuple(kept), tuple(notes))
