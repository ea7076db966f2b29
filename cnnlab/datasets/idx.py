"""Reads and writes the IDX files of the MNIST family, plain or gzip'd. Needs numpy only.

torchvision has a reader too, but importing torchvision costs three seconds, and IDX is ten lines: a magic number, sizes, values.
"""

from __future__ import annotations

import gzip
import math
import struct
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import numpy as np

from cnnlab.errors import DataError
from cnnlab.i18n import N_, say

_UNSIGNED_BYTE = 8  # the third byte of the magic number: the type of the values
_REMEDY = N_("delete the file and fetch the data set again.")
_LARGEST = 2**30  # a header that promises more than a gigabyte is damaged; also bounds what a .gz may unpack to


def read_idx(path: Path, dimensions: int, name: str = "") -> np.ndarray:
    """The uint8 array in `path` (unpacked on the way if it ends in .gz). Raises DataError, which calls the file `name`."""
    name = name or str(path)
    with _reading(path, name) as file:
        shape = _shape(file, dimensions, name)
        expected, header_bytes = math.prod(shape), _header_bytes(dimensions)
        values = np.empty(expected + 1, np.uint8)  # one more, to see that the file ends where it should
        found = _fill(file, memoryview(values))
    if found != expected:
        sizes = {"expected": header_bytes + expected, "found": header_bytes + found}
        message = (
            N_("{name} is damaged: expected {expected:,} bytes when unpacked, found {found:,} or more; {remedy}")
            if found > expected
            else N_("{name} is truncated: expected {expected:,} bytes when unpacked, found {found:,}; {remedy}")
        )
        raise DataError(say(message, name=name, **sizes, remedy=_REMEDY))
    return values[:expected].reshape(shape)


def idx_shape(path: Path, dimensions: int, name: str) -> tuple[int, ...]:
    """The shape in the header of `path`, without its values where the length of the file agrees. Raises DataError."""
    with _reading(path, name) as file:
        shape = _shape(file, dimensions, name)
        fits = _unpacked_bytes(path) == math.prod(shape) + _header_bytes(dimensions)
    return shape if fits else read_idx(path, dimensions, name).shape  # which says what is wrong


def _unpacked_bytes(path: Path) -> int:
    """The length of the content; of a .gz as its last four bytes say it, which those of a file cut short do not."""
    if not packed(path):
        return path.stat().st_size
    with path.open("rb") as file:
        file.seek(-4, 2)
        return int.from_bytes(file.read(), "little")


def packed(path: Path) -> bool:
    return path.suffix.lower() == ".gz"


def _header_bytes(dimensions: int) -> int:
    return 4 + 4 * dimensions


def _shape(file: BinaryIO, dimensions: int, name: str) -> tuple[int, ...]:
    needed = _header_bytes(dimensions)
    header = file.read(needed)
    if len(header) < needed:
        raise DataError(
            say(
                "{name} is truncated: its header needs {needed} bytes, found {found}; {remedy}",
                name=name,
                needed=needed,
                found=len(header),
                remedy=_REMEDY,
            )
        )
    if header[:4] != bytes((0, 0, _UNSIGNED_BYTE, dimensions)):
        raise DataError(
            say(
                "{name} is no IDX file of bytes in {dimensions}D: it starts with {start}; {remedy}",
                name=name,
                dimensions=dimensions,
                start=header[:4].hex(" "),
                remedy=_REMEDY,
            )
        )
    shape = struct.unpack(f">{dimensions}I", header[4:])
    if math.prod(shape) > _LARGEST:
        raise DataError(
            say(
                "{name} is damaged: its header promises {size:,} bytes of values; {remedy}",
                name=name,
                size=math.prod(shape),
                remedy=_REMEDY,
            )
        )
    return shape


def write_idx(path: Path, values: np.ndarray) -> None:
    """Writes `values` (uint8), compressed if the name ends in .gz, and without the time: the same values give the same file."""
    header = bytes((0, 0, _UNSIGNED_BYTE, values.ndim)) + struct.pack(f">{values.ndim}I", *values.shape)
    content = header + np.ascontiguousarray(values, np.uint8).tobytes()
    path.write_bytes(gzip.compress(content, 9, mtime=0) if path.suffix == ".gz" else content)


def _fill(file: BinaryIO, target: memoryview) -> int:
    found = 0
    # Reading a .gz returns the part unpacked so far, which may be less than requested.
    while found < len(target) and (step := file.readinto(target[found:])):  # type: ignore[attr-defined]
        found += step
    return found


@contextmanager
def _reading(path: Path, name: str) -> Iterator[BinaryIO]:
    try:
        with gzip.open(path) if packed(path) else path.open("rb") as file:
            yield file
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise DataError(
            say("{name} is truncated or damaged: it cannot be unpacked ({error}); {remedy}", name=name, error=error, remedy=_REMEDY)
        ) from None
    except OSError as error:
        raise DataError(say("{name} cannot be read: {reason}.", name=name, reason=error.strerror or error)) from None
