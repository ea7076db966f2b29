"""What each step of a preparation does to a picture, and what happens where it is left out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from cnnlab.datasets.catalogue import GRAY
from cnnlab.i18n import N_, say
from cnnlab.text import sideways, vertically

Pixels = NDArray[np.float32]  # H×W or H×W×3, 0..255

LIGHT = 127  # a background above this is a bright one
NOISE = 8  # levels by which paper or a wall varies
FAINT = 0.12  # of the range between background and brightest pixel: what is below does not count as drawn


@dataclass(frozen=True, slots=True)
class State:
    """The picture between two steps."""

    pixels: Pixels
    size: int  # of the data set's pictures
    ground: float = 0.0  # the brightness of what nothing is drawn on
    centre: tuple[float, float] = (0.5, 0.5)  # of the part that was cut out, as a share of the whole picture: down, right
    did: str = ""  # what the last step did to this picture


Taken = Callable[[State], State]


def background(gray: Pixels) -> float:
    """The brightness of most of the picture's border."""
    return float(np.median(np.concatenate((gray[0], gray[-1], gray[:, 0], gray[:, -1]))))


def centre_of_mass(gray: NDArray[np.generic]) -> tuple[float, float]:
    """Row and column, from 0, of the point at which the picture would balance; bright pixels weigh most."""
    weights = np.asarray(gray, np.float64)
    total = weights.sum()
    if total == 0:
        return (gray.shape[0] - 1) / 2, (gray.shape[1] - 1) / 2
    return float(weights.sum(1) @ np.arange(gray.shape[0]) / total), float(weights.sum(0) @ np.arange(gray.shape[1]) / total)


def same(did: str) -> Taken:
    return lambda state: replace(state, did=did)


def gray(state: State) -> State:
    return _whole(state, state.pixels @ np.asarray(GRAY, np.float32), N_("One brightness a pixel instead of three colours."))


def red_alone(state: State) -> State:
    return _whole(state, state.pixels[:, :, 0].copy(), N_("Left out: only the red of each pixel is used."))


def invert(state: State) -> State:
    if state.ground <= LIGHT:
        return replace(state, did=N_("Not needed: the background is dark already."))
    return _whole(state, 255 - state.pixels, N_("Dark on bright became bright on dark."))


def contrast(state: State) -> State:
    """Paper becomes black and ink white: the brightness between the two is found by Otsu's method."""
    threshold = _otsu(state.pixels)
    ink = state.pixels > threshold
    if not ink.any() or ink.all():
        return replace(state, did=N_("Not possible: there is no difference between paper and ink."))
    paper, drawn = float(np.median(state.pixels[~ink])), float(np.median(state.pixels[ink]))
    # Paper is never even: what is closer to it than to the ink by half of the way to the threshold counts as paper.
    low = paper + (threshold - paper) / 2 if paper > 0 else 0.0
    if drawn - low < 1:
        return replace(state, did=N_("Not possible: there is no difference between paper and ink."))
    stretched = ((state.pixels - low) / (drawn - low) * 255).clip(0, 255)
    did = (
        N_("Not needed: the background is black already.")
        if np.allclose(stretched, state.pixels, atol=2)
        else N_("The paper is black now.")
    )
    return _whole(state, stretched.astype(np.float32), did)


def black_background(state: State) -> State:
    """The background becomes black, and what is drawn keeps its shades: clothes are gray, ink is not."""
    low = state.ground + NOISE
    if state.ground < 1:
        return replace(state, did=N_("Not needed: the background is black already."))
    darker = ((state.pixels - low) / (255 - low) * 255).clip(0, 255)
    return _whole(state, darker.astype(np.float32), N_("The background is black now."))


def crop(state: State) -> State:
    height, width = state.pixels.shape
    away = np.abs(state.pixels - state.ground)
    drawn = away > FAINT * max(float(away.max()), 1.0)
    rows, columns = np.flatnonzero(drawn.any(1)), np.flatnonzero(drawn.any(0))
    if not len(rows) or away.max() < 8:
        return replace(state, did=N_("Nothing was found that is drawn."))
    top, bottom, left, right = rows[0], rows[-1] + 1, columns[0], columns[-1] + 1
    centre = (float(top + bottom) / 2 / height, float(left + right) / 2 / width)
    did = say("{size} of {whole} pixels remain.", size=f"{right - left}×{bottom - top}", whole=f"{width}×{height}")
    return replace(state, pixels=state.pixels[top:bottom, left:right], centre=centre, did=did)


def into_box(box: int | None) -> Taken:
    """The longest side becomes `box` pixels (None: as long as the frame); the picture keeps its place as far as it fits."""

    def scale(state: State) -> State:
        height, width = state.pixels.shape
        factor = (box or state.size) / max(height, width)
        rows, columns = max(1, round(height * factor)), max(1, round(width * factor))
        framed = _framed(replace(state, pixels=_resized(state.pixels, rows, columns)))
        return replace(framed, did=say("{size} pixels, in the right shape.", size=f"{columns}×{rows}"))

    return scale


def stretched(state: State) -> State:
    pixels = _resized(state.pixels, state.size, state.size)
    return replace(state, pixels=pixels, did=N_("Left out: stretched to the whole frame, so its shape is lost."))


def _framed(state: State) -> State:
    """The small picture within a frame of its background, its centre where it was in the whole picture."""
    frame = np.full((state.size, state.size), state.ground, np.float32)
    height, width = state.pixels.shape
    top, left = (
        int(np.clip(round(share * state.size - length / 2), 0, state.size - length))
        for share, length in zip(state.centre, (height, width), strict=True)
    )
    frame[top : top + height, left : left + width] = state.pixels
    return replace(state, pixels=frame)


def centre_by_mass(state: State) -> State:
    """MNIST's centre of mass is row 14 and column 14, counted from 0: measured on its 10,000 test images, 13.99 and 14.01."""
    row, column = centre_of_mass(np.abs(state.pixels - state.ground))
    return _moved(state, round(state.size / 2 - row), round(state.size / 2 - column))


def centre_by_frame(state: State) -> State:
    away = np.abs(state.pixels - state.ground) > FAINT * 255
    rows, columns = np.flatnonzero(away.any(1)), np.flatnonzero(away.any(0))
    if not len(rows):
        return replace(state, did=N_("Nothing was found that is drawn."))
    down, right = ((state.size - 1 - found[0] - found[-1]) / 2 for found in (rows, columns))
    return _moved(state, int(down), int(right))


def _moved(state: State, down: int, right: int) -> State:
    if not down and not right:
        return replace(state, did=N_("Not needed: it is in the middle already."))
    size = state.size
    moved = np.full_like(state.pixels, state.ground)
    moved[max(0, down) : size + min(0, down), max(0, right) : size + min(0, right)] = state.pixels[
        max(0, -down) : size - max(0, down), max(0, -right) : size - max(0, right)
    ]
    ways = [*vertically(down), *sideways(right)]
    way = say("{several} and {last}", several=ways[0], last=ways[1]) if len(ways) > 1 else ways[0]
    return replace(state, pixels=moved, did=say("Moved {way}.", way=way))


def square(state: State) -> State:
    height, width = state.pixels.shape[:2]
    side = min(height, width)
    if height == width:
        return replace(state, did=N_("Not needed: it is a square already."))
    top, left = (height - side) // 2, (width - side) // 2
    did = say("The middle {size} pixels remain.", size=f"{side}×{side}")
    return replace(state, pixels=state.pixels[top : top + side, left : left + side], did=did)


def averaged(state: State) -> State:
    pixels = _resized(state.pixels, state.size, state.size)
    did = say("{size} pixels, each the average of those it replaces.", size=f"{state.size}×{state.size}")
    return replace(state, pixels=pixels, did=did)


def sampled(state: State) -> State:
    pixels = _resized(state.pixels, state.size, state.size, Image.Resampling.NEAREST)
    return replace(state, pixels=pixels, did=N_("Left out: single pixels are picked, and those between them are lost."))


def _whole(state: State, pixels: Pixels, did: str) -> State:
    """The whole picture in other values: its border tells the background. Of a part that was cut out it would tell the ink."""
    return replace(state, pixels=pixels, ground=background(pixels), did=did)


def _resized(pixels: Pixels, rows: int, columns: int, how: Image.Resampling = Image.Resampling.HAMMING) -> Pixels:
    """Averages over all pixels that one replaces, so thin lines do not vanish; other than cubic ones, without bright edges."""
    planes = pixels[:, :, None] if pixels.ndim == 2 else pixels
    resized = [np.asarray(Image.fromarray(plane).resize((columns, rows), how)) for plane in np.moveaxis(planes, 2, 0)]
    return np.stack(resized, 2).clip(0, 255).reshape(rows, columns, *pixels.shape[2:]).astype(np.float32)


def shown(pixels: Pixels) -> NDArray[np.uint8]:
    """uint8 C×H×W."""
    rounded = pixels.round().clip(0, 255).astype(np.uint8)
    return rounded[None] if rounded.ndim == 2 else np.ascontiguousarray(np.moveaxis(rounded, 2, 0))


def _otsu(gray: Pixels) -> float:
    """The brightness that divides the pixels into two groups which differ most (Otsu, 1979)."""
    counts = np.bincount(gray.round().astype(np.uint8).ravel(), minlength=256).astype(np.float64)
    below, levels = counts.cumsum(), np.arange(256)
    sums = (counts * levels).cumsum()
    with np.errstate(divide="ignore", invalid="ignore"):
        between = (sums[-1] * below / below[-1] - sums) ** 2 / (below * (below[-1] - below))
    return float(np.nanargmax(np.where(np.isfinite(between), between, -1)))
