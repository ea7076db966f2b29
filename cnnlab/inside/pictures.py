"""Values as pictures: a colour for each value, and a heat map over an image."""

from __future__ import annotations

from functools import lru_cache

import torch
from torch import Tensor
from torch.nn import functional

from cnnlab.datasets.pictures import png_data_uri
from cnnlab.palette import GROWING, SIGNED, rgb

LARGEST = 96  # pixels a side of a picture among many
ACROSS, CELL, GAP = 8, 64, 4  # of a sheet: maps side by side, and the least pixels of a map and between two
OVERLAY_SIDE = 336  # pixels of a heat map at least, to be saved
OVERLAY = 0.6  # of the heat map's strongest colour; the rest is the image


def ends(values: Tensor) -> tuple[float, float]:
    """The ends of the scale on which `values` are drawn: from 0 where none is negative, else the same on both sides of 0."""
    low, high = values.min().item(), values.max().item()
    if low >= 0:
        return 0.0, high
    largest = max(-low, high)
    return -largest, largest


def map_uri(values: Tensor, low: float, high: float, *, largest: int | None = LARGEST) -> str:
    """A map H×W as a data URI; one that is larger than `largest` is made smaller."""
    if largest and max(values.shape) > largest:
        scale = largest / max(values.shape)
        size = [max(1, round(side * scale)) for side in values.shape]
        values = functional.interpolate(values[None, None], size=size, mode="area")[0, 0]
    return png_data_uri(coloured(values, low, high))


def coloured(values: Tensor, low: float, high: float) -> Tensor:
    """uint8 3×H×W: the colours of the values H×W between the ends of a scale, which has two signs where `low` is negative."""
    anchors = _anchors(SIGNED if low < 0 else GROWING)
    share = (values - low) / (high - low) if high > low else torch.zeros_like(values)
    place = share.nan_to_num(0.0).clamp(0, 1) * (len(anchors) - 1)
    first = place.long().clamp(max=len(anchors) - 2)
    mixed = torch.lerp(anchors[first], anchors[first + 1], (place - first)[..., None])
    return mixed.round().byte().permute(2, 0, 1)


def sheet_uri(maps: Tensor, low: float, high: float) -> str:
    """Maps N×H×W as one picture, row by row, on white."""
    count, height, width = maps.shape
    scale = max(1, -(-CELL // max(height, width)))
    across = min(count, ACROSS)
    down, step = -(-count // across), (height * scale + GAP, width * scale + GAP)
    page = torch.full((3, down * step[0] - GAP, across * step[1] - GAP), 255, dtype=torch.uint8)
    for place, values in enumerate(maps):
        top, left = place // across * step[0], place % across * step[1]
        page[:, top : top + height * scale, left : left + width * scale] = _enlarged(coloured(values, low, high), scale)
    return png_data_uri(page)


@lru_cache(maxsize=2)
def _anchors(scale: tuple[str, ...]) -> Tensor:
    return torch.tensor([rgb(colour) for colour in scale], dtype=torch.float32)


def overlay_uri(image: Tensor, heat: Tensor, low: float, high: float) -> str:
    """The heat map H×W over the uint8 image C×h×w, which is drawn in grey and at the size of the heat map.

    Where nothing speaks for or against the class, the image shows most; a heat of two signs is clear at 0.
    """
    gray = functional.interpolate(image.float().mean(0)[None, None], size=heat.shape, mode="nearest")[0]
    largest = max(abs(low), abs(high))
    strength = OVERLAY * (heat.abs() / largest).clamp(0, 1) if low < 0 and largest else torch.full_like(heat, OVERLAY)
    mixed = gray * (1 - strength) + coloured(heat, low, high).float() * strength
    return png_data_uri(_enlarged(mixed.round().clamp(0, 255).byte(), max(1, -(-OVERLAY_SIDE // max(heat.shape)))))


def _enlarged(picture: Tensor, scale: int) -> Tensor:
    """Each pixel of C×H×W as a square of `scale` pixels a side."""
    return picture.repeat_interleave(scale, 1).repeat_interleave(scale, 2)
