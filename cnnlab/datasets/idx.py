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

_UNSIGNED_BYTE = 8  # the third byte of the magic number: the type of the values
_REMEDY = "delete the file and fetch the data set again."
_LARGEST = 2**30  # a header that promises more than a gigabyte is damaged; also bounds what a .gz may unpack to


def read_idx(path: Path, dimensions: int) -> np.ndarray:
    """The uint8 array in `path` (unpacked on the way if it ends in .gz). Raises DataError."""
    header_bytes = 4 + 4 * dimensions
    with _reading(path) as file:
        header = file.read(header_bytes)
        if len(header) < header_bytes:
            raise DataError(f"{path} is truncated: its header needs {header_bytes} bytes, found {len(header)}; {_REMEDY}")
        if header[:4] != bytes((0, 0, _UNSIGNED_BYTE, dimensions)):
            raise DataError(f"{path} is no IDX file of bytes in {dimensions}D: it starts with {header[:4].hex(' ')}; {_REMEDY}")
        shape = struct.unpack(f">{dimensions}I", header[4:])
        expected = math.prod(shape)
        if expected > _LARGEST:
            raise DataError(f"{path} is damaged: its header promises {expected:,} bytes of values; {_REMEDY}")
        values = np.empty(expected + 1, np.uint8)  # one more, to see that the file ends where it should
        found = _fill(file, memoryview(values))
    if found != expected:
        wrong, more = ("damaged", " or more") if found > expected else ("truncated", "")
        sizes = f"expected {header_bytes + expected:,} bytes when unpacked, found {header_bytes + found:,}{more}"
        raise DataError(f"{path} is {wrong}: {sizes}; {_REMEDY}")
    return values[:expected].reshape(shape)


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
def _reading(path: Path) -> Iterator[BinaryIO]:
    try:
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
            yield file
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        size = path.stat().st_size
        raise DataError(f"{path} is truncated or damaged: its {size:,} bytes cannot be unpacked ({error}); {_REMEDY}") from None
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror or error}.") from None
