"""Pictures from bytes that nobody vouches for to square uint8 arrays of one size. Runs in several processes; needs no torch."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from io import BytesIO
from typing import NamedTuple

import numpy as np
from PIL import Image

from cnnlab.datasets.catalogue import GRAY
from cnnlab.datasets.own import Fit
from cnnlab.own_picture.reading import MOST_PIXELS, upright

FORMATS = ("PNG", "JPEG", "WEBP", "BMP", "GIF", "PPM")


class Kind(NamedTuple):
    """What a picture was before it was made square."""

    width: int
    height: int
    gray: bool


@dataclass(frozen=True, slots=True)
class Task:
    """How pictures become arrays."""

    size: int
    channels: int
    fit: Fit


class Decoded(NamedTuple):
    """Some pictures, in their order; None in `kinds` for one that could not be read, whose pixels are 0."""

    pixels: np.ndarray  # uint8 N×C×S×S
    kinds: tuple[Kind | None, ...]


def decode(contents: Sequence[bytes | None], task: Task) -> Decoded:
    """None among the contents is a file that is damaged or too large."""
    pixels = np.zeros((len(contents), task.channels, task.size, task.size), np.uint8)
    kinds: list[Kind | None] = []
    for row, content in enumerate(contents):
        found = picture(content, task.size) if content else None
        if found is None:
            kinds.append(None)
            continue
        image, kind = found
        square = fitted(image, task.size, task.fit)
        values = np.asarray(square.convert("RGB" if task.channels == 3 else "L") if square.mode != "RGB" else square)
        if task.channels == 1:
            pixels[row, 0] = to_gray(values) if values.ndim == 3 else values
        else:
            pixels[row] = values.transpose(2, 0, 1)
        kinds.append(kind)
    return Decoded(pixels, tuple(kinds))


def picture(content: bytes, size: int) -> tuple[Image.Image, Kind] | None:
    """A picture (mode L or RGB) and what it was; None for what is no picture, damaged, or of too many pixels."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(BytesIO(content), formats=FORMATS) as opened:
                width, height = opened.size
                # The size stands in the header, so it is compared before anything is decoded.
                if width * height > MOST_PIXELS or not width or not height:
                    return None
                image, _size = upright(opened, [], 2 * size, whole=True)
    except Exception:  # damaged bytes can raise anything: Pillow's readers raise SyntaxError and struct.error, too
        return None
    return image, Kind(width, height, is_gray(image))


def fitted(image: Image.Image, size: int, fit: Fit) -> Image.Image:
    """The picture as a square: its middle, or all of it squeezed. One that has the size already keeps its pixels."""
    width, height = image.size
    if (width, height) == (size, size):
        return image
    side = min(width, height)
    left, top = (width - side) / 2, (height - side) / 2
    box = (left, top, left + side, top + side) if fit == "crop" else None
    return image.resize((size, size), Image.Resampling.BILINEAR, box=box, reducing_gap=3.0)  # averages where it shrinks


def is_gray(image: Image.Image) -> bool:
    """Whether all its pixels are grey, also where it is kept as colour."""
    if image.mode == "L":
        return True
    small = np.asarray(image.reduce(max(1, min(image.size) // 64)))
    return bool((small == small[..., :1]).all())


def to_gray(values: np.ndarray) -> np.ndarray:
    """Grey values of red, green and blue in the last axis, as everywhere in the lab."""
    return (values @ np.array(GRAY)).round().astype(np.uint8)


def fitted_array(values: np.ndarray, task: Task) -> np.ndarray:
    """One image of a table, uint8 C×H×W, as uint8 `channels`×S×S."""
    if values.shape[1:] != (task.size, task.size):
        image = Image.fromarray(values[0] if len(values) == 1 else np.ascontiguousarray(values.transpose(1, 2, 0)))
        square = np.asarray(fitted(image, task.size, task.fit))
        values = square[None] if square.ndim == 2 else square.transpose(2, 0, 1)
    if len(values) == task.channels:
        return values
    return to_gray(values.transpose(1, 2, 0))[None] if task.channels == 1 else np.repeat(values, 3, axis=0)
