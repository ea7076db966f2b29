"""Images in .csv files, as Kaggle offers them: a label and the pixels of one image in each row."""

from __future__ import annotations

import io
import math
from collections.abc import Mapping
from itertools import islice

import numpy as np

from cnnlab.datasets.location import Split
from cnnlab.i18n import nsay, say
from cnnlab.own_data.tables import Part, Table, split_of, table

_LABEL = frozenset({"label", "labels", "class", "target", "y", "emotion"})
_ROWS = 5_000  # at a time, because text takes several times the memory of its values
_LONGEST_ROW = 10**6  # characters
_USAGE: dict[str, Split] = {"training": "train", "publictest": "test", "privatetest": "test", "test": "test", "train": "train"}


def read(contents: Mapping[str, bytes], most: int) -> Table:
    """The images of all files that have labels. Raises ValueError."""
    parts: list[Part] = []
    unlabelled = 0
    for name, content in contents.items():
        rows = _rows(content, name, most)
        if rows is None:
            unlabelled += 1
        else:
            parts += rows
    note = nsay(
        "{count:,} table without labels was left out.",
        "{count:,} tables without labels were left out.",
        unlabelled,
        count=unlabelled,
    )
    return table(parts, notes=(note,) if unlabelled else ())


def _rows(content: bytes, name: str, most: int) -> list[Part] | None:
    file = io.TextIOWrapper(io.BytesIO(content), "utf-8-sig", "replace", newline=None)
    header = [each.strip().strip('"').lower() for each in file.readline(_LONGEST_ROW).split(",")]
    if "pixels" in header and _LABEL & set(header):
        return _spaced(file, header, name)
    first = next((place for place in (0, -1) if header[place] in _LABEL), None)
    if first is None and not all(_number(each) for each in header):
        return None
    if first is None:  # no header
        file.seek(0)
    columns = len(header)
    side, channels = _form(columns - 1)
    if not side:
        return None
    numbers, pixels = [], []
    while lines := list(islice(iter(lambda: file.readline(_LONGEST_ROW), ""), _ROWS)):
        kept = [line for line in lines if line.strip()]
        if not kept:
            continue
        values = np.loadtxt(kept, dtype=np.int32, delimiter=",", ndmin=2)
        body = np.delete(values, first or 0, axis=1)
        if values.shape[1] != columns or body.min() < 0 or body.max() > 255:
            low, high = body.min(), body.max()
            raise ValueError(say("{name} has values from {low} to {high}; a pixel is from 0 to 255", name=name, low=low, high=high))
        numbers.append(values[:, first or 0].astype(np.int64))
        pixels.append(body.astype(np.uint8))
        if len(pixels) * _ROWS * columns > most:
            raise ValueError(say("{name} has more than {most:,} rows", name=name, most=most // columns))
    if not pixels:
        return []
    whole = np.concatenate(pixels)
    whole = whole.reshape(-1, 1, side, side) if channels == 1 else whole.reshape(-1, side, side, 3).transpose(0, 3, 1, 2)
    return [Part(split_of(name), whole, np.concatenate(numbers))]


def _spaced(file: io.TextIOWrapper, header: list[str], name: str) -> list[Part]:
    """Rows whose pixels stand in one column with spaces between them, as in FER2013."""
    label, column = next(header.index(each) for each in header if each in _LABEL), header.index("pixels")
    usage = header.index("usage") if "usage" in header else None
    found: dict[Split | None, tuple[list[int], list[np.ndarray]]] = {}
    side = 0
    for line in iter(lambda: file.readline(_LONGEST_ROW), ""):
        cells = [each.strip().strip('"') for each in line.rstrip("\n").split(",")]
        if len(cells) < len(header):
            continue
        values = np.array(cells[column].split(), np.int64)
        side = side or math.isqrt(len(values))
        if len(values) != side * side or not side or values.min() < 0 or values.max() > 255:
            raise ValueError(
                say("{name} has a row of {count:,} pixels where others have {side}×{side}", name=name, count=len(values), side=side)
            )
        numbers, pixels = found.setdefault(None if usage is None else _USAGE.get(cells[usage].lower(), "train"), ([], []))
        numbers.append(int(cells[label]))
        pixels.append(values.astype(np.uint8).reshape(1, side, side))
    return [Part(split, np.stack(pixels), np.array(numbers, np.int64)) for split, (numbers, pixels) in found.items()]


def _form(pixels: int) -> tuple[int, int]:
    """Pixels a side and channels of so many values; (0, 0) for no square."""
    for channels in (1, 3):
        side = math.isqrt(pixels // channels)
        if side > 1 and side * side * channels == pixels:
            return side, channels
    return 0, 0


def _number(text: str) -> bool:
    return text.isascii() and text.isdigit()
