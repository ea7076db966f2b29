"""Reads data sets from one .npz, as Keras keeps them, and those of MNIST's form from pairs of .csv, as Kaggle offers them.

Nothing is unpickled, and sizes are bounded before memory is taken.
"""

from __future__ import annotations

import gzip
import hashlib
import re
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TextIO

import numpy as np

from cnnlab.datasets.arrays import Arrays, decoded
from cnnlab.datasets.catalogue import Entry
from cnnlab.datasets.fingerprints import Facts, SplitFacts
from cnnlab.datasets.idx import packed
from cnnlab.datasets.location import SPLITS, Split, because
from cnnlab.datasets.remembered import stamp
from cnnlab.errors import DataError
from cnnlab.i18n import N_, say

_LARGEST = 2**30  # bytes of one array
_MOST_LABELS = 2**20
_MOST_ROWS = 10**6
_LONGEST_ROW = 10**6  # characters
_CHANNELS = (1, 3)
_ROWS = 5_000  # of a .csv at a time
_LABEL = frozenset({"label", "labels", "class", "target", "y"})
_UNREADABLE = (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile, zlib.error, NotImplementedError, MemoryError)


# Keras


def npz_facts(path: Path) -> Facts | str:
    """What the labels and the headers in an .npz say; or in words why it cannot be read."""
    try:
        with zipfile.ZipFile(path) as archive:
            members = {f"{kind}_{split}.npy" for kind in "xy" for split in SPLITS}
            if missing := sorted(name.removesuffix(".npy") for name in members - set(archive.namelist())):
                return because("{place} lacks the arrays {names}", names=", ".join(missing))
            return {split: SplitFacts.of(_shape(archive, f"x_{split}.npy"), _labels(archive, split)) for split in SPLITS}
    except _UNREADABLE as error:
        return f"cannot be read: {_reason(error)}"


def read_npz(path: Path, name: str, split: Split) -> Arrays:
    """One split of an .npz. Raises DataError, which calls the file `name`."""
    try:
        with zipfile.ZipFile(path) as archive:
            shape = _shape(archive, f"x_{split}.npy")
            with archive.open(f"x_{split}.npy") as file:
                images = np.lib.format.read_array(file, allow_pickle=False)
            if images.ndim == 4 and images.shape[1:] != shape[1:]:
                images = images.transpose(0, 3, 1, 2)
            return Arrays(np.ascontiguousarray(images.reshape(shape)), _labels(archive, split).astype(np.int64))
    except _UNREADABLE as error:
        raise DataError(say("{name} cannot be read: {reason}.", name=name, reason=_reason(error))) from None


def _shape(archive: zipfile.ZipFile, name: str) -> tuple[int, ...]:
    """Number, channels, height and width, in whichever order they are; grey images may have no axis of channels."""
    shape, kind = _header(archive, name, _LARGEST)
    if kind != np.uint8:
        raise ValueError(say("{name} holds {kind}, not bytes", name=name, kind=kind))
    if len(shape) == 3:
        return shape[0], 1, *shape[1:]
    return (shape[0], shape[3], *shape[1:3]) if len(shape) == 4 and shape[3] in _CHANNELS else shape


def _labels(archive: zipfile.ZipFile, split: Split) -> np.ndarray:
    shape, kind = _header(archive, f"y_{split}.npy", 8 * _MOST_LABELS)
    if kind.kind not in "iu" or len(shape) - shape[1:].count(1) != 1:
        raise ValueError(
            say("y_{split} holds {kind} of the shape {shape}, not one whole number an image", split=split, kind=kind, shape=shape)
        )
    with archive.open(f"y_{split}.npy") as file:
        return np.lib.format.read_array(file, allow_pickle=False).reshape(-1)


def _header(archive: zipfile.ZipFile, name: str, largest: int) -> tuple[tuple[int, ...], np.dtype]:
    with archive.open(name) as file:
        version = np.lib.format.read_magic(file)
        reader = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        shape, _, kind = reader(file)
    size = archive.getinfo(name).file_size
    if size > largest or not shape:
        raise ValueError(say("{name} has {size:,} bytes", name=name, size=size))
    return shape, kind


# Kaggle


@dataclass(frozen=True, slots=True)
class CsvForm:
    """How the rows of a .csv are laid out."""

    columns: int
    header: bool
    label: int  # the label's column: 0, or -1 for the last

    def problem(self, columns: int) -> str:
        """Why its rows are not a label and as many pixels as expected; "" if they are."""
        if self.columns == columns:
            return ""
        found, pixels = self.columns, columns - 1
        if found == pixels:
            template = N_("{place} has {found:,} columns and so no labels, not a label and {pixels:,} pixels")
        elif found == 1:
            template = N_("{place} has {found:,} column, not a label and {pixels:,} pixels")
        else:
            template = N_("{place} has {found:,} columns, not a label and {pixels:,} pixels")
        return because(template, found=found, pixels=pixels)


def csv_pairs(files: Mapping[str, Path]) -> Iterator[tuple[Path, Path]]:
    """The files that differ in "train" and "test" only."""
    for name, path in files.items():
        if name.endswith((".csv", ".csv.gz")) and (match := re.fullmatch(r"(.*?)train(.*)", name)):
            other = files.get(f"{match[1]}test{match[2]}")
            if other:
                yield path, other


def csv_form(path: Path) -> CsvForm | str:
    """From its first two lines; or in words why it cannot be read."""
    try:
        with _text(path) as file:
            first, second = file.readline(_LONGEST_ROW), file.readline(_LONGEST_ROW)
    except _UNREADABLE as error:
        return f"cannot be read: {_reason(error)}"
    names = [name.strip().strip('"').lower() for name in first.split(",")]
    # Some number their pixels in the header; and a first row with one wrong value is no header.
    header = bool(_LABEL & {names[0], names[-1]}) or not any(name.isdigit() for name in names)
    last, row = header and names[-1] in _LABEL, second if header else first
    return CsvForm(len(row.split(",")), header, -1 if last else 0) if row.strip() else "holds no image"


def read_csv(path: Path, name: str, entry: Entry, cache: Path) -> Arrays:
    """Labels and grey images. Reading text takes seconds, so the values are kept in `cache`. Raises DataError."""
    source = f"{entry.name}-csv-{hashlib.sha256(str(path.resolve()).encode()).hexdigest()[:8]}"
    signature = hashlib.sha256(repr(stamp(path)).encode()).hexdigest()[:16]
    rows = decoded(cache, source, signature, None, lambda: _csv_rows(path, name, entry.size**2 + 1))
    return Arrays(rows[:, 1:].reshape(-1, 1, entry.size, entry.size), rows[:, 0].astype(np.int64))


def _csv_rows(path: Path, name: str, columns: int) -> np.ndarray:
    """One row of bytes an image, the label first."""
    form = csv_form(path)
    if isinstance(form, str) or form.problem(columns):
        raise DataError(f"{name} {form if isinstance(form, str) else form.problem(columns)}.")
    rows: list[np.ndarray] = []
    try:
        with _text(path) as file:
            if form.header:
                file.readline()
            # In parts, because text takes several times the memory of its values; int16 shows values that are no bytes.
            while len(part := _part(file)):
                if part.shape[1] != columns or part.min() < 0 or part.max() > 255:
                    raise ValueError(
                        say("its values go from {low} to {high}, a pixel from 0 to 255", low=part.min(), high=part.max())
                    )
                rows.append((np.roll(part, 1, axis=1) if form.label == -1 else part).astype(np.uint8))  # the label first
                if len(rows) * _ROWS > _MOST_ROWS:
                    raise ValueError(say("it has more than {most:,} rows", most=_MOST_ROWS))
    except _UNREADABLE as error:
        raise DataError(say("{name} cannot be read: {reason}.", name=name, reason=_reason(error))) from None
    if not rows:
        raise DataError(say("{name} holds no image.", name=name))
    return np.concatenate(rows)


@contextmanager
def _text(path: Path) -> Iterator[TextIO]:
    """The text of a .csv; of a .csv.gz unpacked on the way."""
    with gzip.open(path, "rt", encoding="utf-8-sig") if packed(path) else path.open(encoding="utf-8-sig") as file:
        yield file  # type: ignore[misc]


def _part(file: TextIO) -> np.ndarray:
    lines = list(islice(iter(lambda: file.readline(_LONGEST_ROW), ""), _ROWS))  # bounds what a .gz may unpack to
    return np.loadtxt(lines, dtype=np.int16, delimiter=",", ndmin=2) if any(map(str.strip, lines)) else np.empty((0, 0), np.int16)


def _reason(error: BaseException) -> str:
    """Without the path that some messages carry."""
    return str(getattr(error, "strerror", None) or error).partition("\n")[0][:200] or type(error).__name__
