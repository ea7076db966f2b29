"""Images of a data set as data URIs, ready for an <img> tag. Needs Pillow, but neither torch nor torchvision."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from io import BytesIO

import numpy as np
from numpy.typing import ArrayLike


def png_data_uri(image: ArrayLike) -> str:
    """The original pixels of one image, uint8 C×H×W with 1 or 3 channels (an array, or a tensor on the CPU), as a lossless PNG."""
    from PIL import Image

    pixels = np.asarray(image)
    if pixels.dtype != np.uint8 or pixels.ndim != 3 or pixels.shape[0] not in (1, 3):
        raise ValueError(f"an image is uint8 C×H×W with 1 or 3 channels, not {pixels.dtype} {'×'.join(map(str, pixels.shape))}")
    drawn = Image.fromarray(pixels[0] if pixels.shape[0] == 1 else np.ascontiguousarray(pixels.transpose(1, 2, 0)))
    file = BytesIO()
    drawn.save(file, "PNG", compress_level=1)  # a 28×28 image gains nothing from more
    return f"data:image/png;base64,{base64.b64encode(file.getvalue()).decode()}"


def coloured_png(rows: Sequence[Sequence[tuple[int, int, int]]], enlarged: int = 1) -> str:
    """Rows of red, green and blue (0 to 255) as a PNG data URI, each a square of `enlarged` pixels a side."""
    pixels = np.asarray(rows, np.uint8).transpose(2, 0, 1)
    return png_data_uri(pixels.repeat(enlarged, 1).repeat(enlarged, 2))


def pixels_of(data_uri: str) -> list[list[tuple[int, ...]]]:
    """The pixels of a PNG data URI, row by row: one value each for a gray picture, else red, green and blue."""
    from PIL import Image

    with Image.open(BytesIO(base64.b64decode(data_uri.partition(",")[2])), formats=("PNG",)) as opened:
        pixels = np.asarray(opened)
    return [[tuple(np.atleast_1d(pixel).tolist()) for pixel in row] for row in pixels]


def side_by_side(data_uris: Sequence[str]) -> str:
    """PNG pictures of one size as one picture, with white between them."""
    every = [np.asarray(pixels_of(each), np.uint8).transpose(2, 0, 1) for each in data_uris]
    white = np.full((every[0].shape[0], every[0].shape[1], 2), 255, np.uint8)
    return png_data_uri(np.concatenate([part for each in every for part in (each, white)][:-1], axis=2))
