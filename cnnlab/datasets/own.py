"""Data sets that users have brought: where they lie, and what is known of them. Needs no torch, and numpy only for images.

    <home>/own_data/own-flowers/
        set.json                 all that is known; written last, so a folder without it is none
        train.u8  test.u8        the images, uint8 N×C×H×W, nothing else
        train.labels.npy  …      their classes, uint16 N
        train.names.json  …      what their files were called, as text; "" where they came from a table

A set is never changed: images that are set aside make a new version of it, `own-flowers.2`, which leaves them out. So a run, which
names its version, says exactly which images it has seen. A set that was deleted keeps `set.json`, and its runs stay readable.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from cnnlab.datasets.catalogue import Entry
from cnnlab.datasets.location import Split

if TYPE_CHECKING:
    import numpy as np

PREFIX = "own-"
FOLDER = "own_data"
MOST_CLASSES = 1_000
Fit = Literal["crop", "stretch"]
_NAME = re.compile(r"(own-[a-z0-9](?:[a-z0-9-]{0,38}[a-z0-9])?)(?:\.([1-9][0-9]{0,4}))?")


@dataclass(frozen=True, slots=True, order=True)
class ImageAt:
    """One image of a set by its number in the set as it was imported, whatever is set aside."""

    split: Split
    index: int  # from 0


@dataclass(frozen=True, slots=True)
class Brought:
    """What the files were that a set was made of."""

    sizes: tuple[tuple[int, int, int], ...] = ()  # width, height, images; the most frequent 20, most frequent first
    other_sizes: int = 0  # images of sizes that are not listed
    gray: int = 0  # images without colour
    colour: int = 0
    broken: int = 0  # files that could not be read and were left out
    broken_names: tuple[str, ...] = ()  # the first 20 of them
    ignored: int = 0  # files that are no images: texts, archives in the archive
    notes: tuple[str, ...] = ()  # what was done, each a sentence to be translated


@dataclass(frozen=True, slots=True)
class OwnSet:
    """One version of a data set that a user has brought."""

    name: str  # of this version, as in a configuration: "own-flowers", "own-flowers.2"
    title: str  # as its owner calls it; never translated
    classes: tuple[str, ...]  # as the folders were called; text, never translated
    channels: int  # 1 or 3
    size: int  # pixels a side, as stored
    train_counts: tuple[int, ...]  # images of each class, with those that are set aside
    test_counts: tuple[int, ...]
    source: str  # the name of the file or folder, as text
    owner: str  # "" for nobody's: the command line's, or a lab's without names
    for_all: bool  # everyone in the class sees it
    created: float  # seconds since 1970
    fit: Fit  # how a picture became square: its middle, or all of it squeezed
    test_share: float | None  # that was drawn for testing; None where the files had a split
    seed: int  # of that draw
    brought: Brought
    digest: str  # SHA-256 of images and labels
    version: int = 1
    set_aside: tuple[ImageAt, ...] = ()  # neither trained on nor tested on in this version
    deleted: bool = False  # its images are gone
    suggested_size: int = 0  # what the lab would have taken

    @property
    def base(self) -> str:
        """The name of the set, whatever its version."""
        return self.name.partition(".")[0]

    @property
    def image_bytes(self) -> int:
        """What its images take on the disk."""
        return self.channels * self.size**2 * (sum(self.train_counts) + sum(self.test_counts))


@dataclass(frozen=True, slots=True, eq=False)
class Stored:
    """One split of a set as it was imported."""

    images: np.ndarray  # uint8 N×C×H×W, memory-mapped and read-only
    labels: np.ndarray  # uint16 N
    names: tuple[str, ...]  # of their files within what was brought, as text; "" from a table


def is_name(text: object) -> bool:
    """Whether `text` has the form of a name that the lab issues; so no other text becomes a path."""
    return isinstance(text, str) and _NAME.fullmatch(text) is not None
