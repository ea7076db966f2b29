"""A user's picture step by step into what a data set's pictures look like: MNIST's digits, Fashion-MNIST's clothes, photographs.

Each step can be left out, so that a learner sees what it is for. Whatever is left out, the result has the data set's size.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from cnnlab.datasets.catalogue import DIGITS, Entry
from cnnlab.i18n import N_, say
from cnnlab.own_picture import steps as on
from cnnlab.own_picture.steps import State, Taken, shown

Style = Literal["digits", "clothes", "photographs", "own", "own-gray"]

DIGIT_BOX = 20  # MNIST's digits were scaled into a box of so many pixels


@dataclass(frozen=True, slots=True)
class Step:
    """One step as it was taken, or left out."""

    name: str
    title: str
    why: str  # what it does and what for, a sentence
    taken: bool
    did: str  # what it did to this picture, or what its absence means
    image: NDArray[np.uint8]  # C×H×W, after it


@dataclass(frozen=True, slots=True)
class Prepared:
    """All steps, and the pixels that the network's own preparation begins with."""

    given: NDArray[np.uint8]  # C×H×W, before the first step
    steps: tuple[Step, ...]
    pixels: NDArray[np.uint8]  # C×H×W, the data set's shape
    warning: str = ""  # a sentence where nothing is to be seen


@dataclass(frozen=True, slots=True)
class _Plan:
    """A step before it meets a picture. `without` is what must happen all the same, because the shape has to be right."""

    name: str
    title: str
    why: str
    take: Taken
    without: Taken


def style_of(entry: Entry) -> Style:
    """How the pictures of this data set were made."""
    if entry.format == "own":
        return "own" if entry.channels == 3 else "own-gray"
    if entry.channels == 3:
        return "photographs"
    return "digits" if entry.classes == DIGITS else "clothes"


def step_names(style: Style) -> tuple[str, ...]:
    """The names of the steps, in their order."""
    return tuple(plan.name for plan in _PLANS[style])


def prepare(image: Image.Image, entry: Entry, without: Collection[str] = ()) -> Prepared:
    """The picture as one of the data set's, by all its steps but those named in `without`."""
    given = np.asarray(image.convert("RGB"), np.float32)
    state = State(given, entry.size)
    steps = []
    for plan in _PLANS[style_of(entry)]:
        taken = plan.name not in without
        state = (plan.take if taken else plan.without)(replace(state, did=""))
        steps.append(Step(plan.name, plan.title, plan.why, taken, state.did, shown(state.pixels)))
    pixels = shown(state.pixels)
    flat = int(pixels.max()) - int(pixels.min()) < 8
    warning = N_("Nothing can be seen on this picture: all its pixels are about equally bright.") if flat else ""
    return Prepared(shown(given), tuple(steps), pixels, warning)


def thumbnail(image: NDArray[np.uint8], longest: int) -> NDArray[np.uint8]:
    """C×H×W with its longest side at most so many pixels; smaller ones stay as they are, so that their pixels can be seen."""
    if max(image.shape[1:]) <= longest:
        return image
    planes = [Image.fromarray(plane) for plane in image]
    for plane in planes:
        plane.thumbnail((longest, longest))
    return np.stack([np.asarray(plane) for plane in planes])


_GRAY = _Plan("gray", "Gray", "The network knows gray pictures only: one number a pixel.", on.gray, on.red_alone)
_INVERT = _Plan(
    "invert", "Inverted", "It was trained on bright pictures with a black background; paper is the other way round.",
    on.invert, on.same("Left out: stays as it is."),
)  # fmt: skip
_CROP = _Plan(
    "crop", "Cut out", "Only the part with something on it is kept, so that the size of the sheet does not matter.",
    on.crop, on.same("Left out: the whole picture is used."),
)  # fmt: skip
_SQUARE = _Plan(
    "crop", "Cut out", "The network knows square pictures only: the middle of a photo is kept.",
    on.square, on.same("Left out: the whole picture is squeezed into a square."),
)  # fmt: skip
_SIZE = _Plan(
    "scale", "Scaled", "It gets the size at which the pictures of this data set are kept.", on.averaged, on.sampled,
)  # fmt: skip
_STAYS = on.same("Left out: stays where it was in the picture.")
_PLANS: dict[Style, tuple[_Plan, ...]] = {
    "digits": (
        _GRAY,
        _INVERT,
        _Plan(
            "contrast", "Contrast", "MNIST's background is exactly black, and its ink nearly white; paper has shadows.",
            on.contrast, on.same("Left out: shadows on the paper stay."),
        ),
        _CROP,
        _Plan(
            "scale", "Scaled", say("MNIST's digits are {count} pixels high or wide, in a frame of 28×28.", count=DIGIT_BOX),
            on.into_box(DIGIT_BOX), on.stretched,
        ),
        _Plan(
            "centre", "Centred", "MNIST's digits were moved so that they would balance on the middle of the frame.",
            on.centre_by_mass, _STAYS,
        ),
    ),
    "clothes": (
        _GRAY,
        _INVERT,
        _Plan(
            "contrast", "Contrast", "Fashion-MNIST's background is exactly black; a sheet or a wall is not.",
            on.black_background, on.same("Left out: the background stays as it is."),
        ),
        _CROP,
        _Plan(
            "scale", "Scaled", "In Fashion-MNIST the longest side of each piece fills the frame of 28 pixels.",
            on.into_box(None), on.stretched,
        ),
        _Plan("centre", "Centred", "Fashion-MNIST's pieces stand in the middle of the frame.", on.centre_by_frame, _STAYS),
    ),
    "photographs": (
        _SQUARE,
        _Plan(
            "scale", "Scaled", "CIFAR-10's photos were reduced to 32×32 pixels.", on.averaged, on.sampled,
        ),
    ),
    "own": (_SQUARE, _SIZE),
    "own-gray": (_GRAY, _SQUARE, _SIZE),
}  # fmt: skip
