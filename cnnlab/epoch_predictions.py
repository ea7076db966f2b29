"""What a network predicted for every test image after each epoch: one file in the run's folder. Needs no torch.

    header  16 bytes: "cnnlab-p", version, number of classes, number of test images
    epoch   4 bytes: CRC-32 of the rest, begun with the epoch's number; then for each image
            1 byte: the predicted class, and after those of all images
            2 bytes: the confidence, as a share of 65,535

All numbers are little-endian. Every epoch takes the same room, 30 kB for 10,000 images, so epoch N is at a known place: a resumed
run overwrites its own, and one image can be followed through the epochs. The file ends with the epoch that was written last, and
grows to LARGEST bytes; later epochs are not recorded. It is never synced: what a power cut tears is not recorded either.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

from cnnlab.values import EpochPredictions

FILE = "predictions.bin"
LARGEST = 32_000_000  # bytes: 1,066 epochs of 10,000 images

_MAGIC, _VERSION = b"cnnlab-p", 1
_HEADER, _CHECKSUM, _CONFIDENCE = struct.Struct("<8sHHI"), struct.Struct("<I"), struct.Struct("<H")
_MOST_CLASSES = 256  # one byte
_CERTAIN = 65_535  # a confidence of 1


def write(folder: Path, epoch: int, classes: int, predicted: Sequence[int], confidence: Sequence[float]) -> None:
    """Records `epoch` (from 1), and drops later ones: a resumed run repeats them.

    Of more than 256 classes nothing is recorded. Where the disk refuses, the epoch stays unrecorded: a training does not end for
    this file.
    """
    start = _start(epoch, len(predicted))
    if classes > _MOST_CLASSES or start + _size(len(predicted)) > LARGEST:
        return
    header = _HEADER.pack(_MAGIC, _VERSION, classes, len(predicted))
    shares = struct.pack(f"<{len(confidence)}H", *[round(_CERTAIN * share) for share in confidence])
    body = bytes(predicted) + shares
    with suppress(OSError):
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / FILE
        path.touch()
        with path.open("r+b") as file:
            if file.read(_HEADER.size) != header:  # new, torn, or of other images
                file.truncate(0)
                file.seek(0)
                file.write(header)
            file.truncate(start)
            file.seek(start)
            file.write(_CHECKSUM.pack(zlib.crc32(body, epoch)) + body)


def read(folder: Path, epoch: int, images: Sequence[int]) -> EpochPredictions | None:
    """The predictions after `epoch` for some test images, without those that the run was not tested on.

    None where the epoch was not recorded, or cannot be read any more.
    """
    try:
        with (folder / FILE).open("rb") as file:
            classes, count = _header(file)
            file.seek(_start(epoch, count))
            record = file.read(_size(count))
    except (OSError, ValueError):
        return None
    body = record[_CHECKSUM.size :]
    if len(record) != _size(count) or _CHECKSUM.unpack_from(record)[0] != zlib.crc32(body, epoch) or max(body[:count]) >= classes:
        return None
    kept = [image for image in images if image < count]
    shares = [_CONFIDENCE.unpack_from(body, count + _CONFIDENCE.size * image)[0] / _CERTAIN for image in kept]
    return EpochPredictions(epoch, count, tuple(body[image] for image in kept), tuple(shares))


def last(folder: Path) -> int:
    """The last epoch that the file has; 0 where there is no file that can be read. Earlier ones may be missing."""
    try:
        with (folder / FILE).open("rb") as file:
            _, count = _header(file)
            return max(0, file.seek(0, 2) - _HEADER.size) // _size(count)
    except (OSError, ValueError):
        return 0


def file_bytes(test_images: int, epochs: int) -> int:
    """What the file takes after `epochs`."""
    room = (LARGEST - _HEADER.size) // _size(test_images)
    return _start(1 + min(epochs, room), test_images)


def _header(file: BinaryIO) -> tuple[int, int]:
    """The numbers of classes and of test images. Raises ValueError for another file."""
    header = file.read(_HEADER.size)
    if len(header) != _HEADER.size or header[: len(_MAGIC)] != _MAGIC:
        raise ValueError("not a file of predictions")
    _, version, classes, count = _HEADER.unpack(header)
    if version != _VERSION or not count:
        raise ValueError("of another version")
    return classes, count


def _size(test_images: int) -> int:
    return _CHECKSUM.size + (1 + _CONFIDENCE.size) * test_images


def _start(epoch: int, test_images: int) -> int:
    return _HEADER.size + (epoch - 1) * _size(test_images)
