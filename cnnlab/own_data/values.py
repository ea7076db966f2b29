"""What a user chooses when they bring their own images, and how far the import is."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from cnnlab.datasets.own import Fit
from cnnlab.errors import ConfigError
from cnnlab.i18n import N_, nsay, say
from cnnlab.text import shortened, well_formed

LEAST_SIZE, LARGEST_SIZE = 8, 256  # pixels a side, of what is stored
SUGGESTED_SIZES = (16, 32, 64, 128, 224)
LARGEST_SIDE = 2_000  # pixels of an image in a table
LONGEST_TITLE = 60  # characters
LONGEST_CLASS = 120
LEAST_SHARE, LARGEST_SHARE = 0.01, 0.5
MOST_UPLOAD = 2_000_000_000  # bytes of one uploaded file; the page may allow less
FEW_IMAGES = 20  # a class with fewer training images is named

_JOINERS = "\u200c\u200d"  # invisible, but Persian, Hindi and some emoji are misspelt without them

Colour = Literal["auto", "gray", "colour"]
COLOURS: dict[Colour, str] = {"auto": N_("as the pictures are"), "gray": N_("grey"), "colour": N_("colour")}
FITS: dict[Fit, str] = {"crop": N_("its middle, cut square"), "stretch": N_("all of it, squeezed square")}


@dataclass(frozen=True, slots=True)
class Choices:
    """How a set is made of the files. Raises ConfigError, which names the field."""

    title: str
    size: int | None = None  # pixels a side; None: as suggested by the pictures
    colour: Colour = "auto"
    fit: Fit = "crop"
    test_share: float = 0.15  # of each class, where the files have no split
    seed: int = 0  # of that draw

    def __post_init__(self) -> None:
        object.__setattr__(self, "title", one_line(self.title, LONGEST_TITLE))
        if not self.title:
            raise ConfigError(N_("A data set needs a name: write a few letters."), "title")
        if self.size is not None and not (_whole(self.size) and LEAST_SIZE <= self.size <= LARGEST_SIZE):
            sizes = {"least": LEAST_SIZE, "most": LARGEST_SIZE, "value": shortened(self.size)}
            raise ConfigError(say("The size must be from {least} to {most} pixels a side, not {value}.", **sizes), "size")
        if self.colour not in COLOURS:
            raise ConfigError(say("There is no choice of colour {name}; choose auto, gray or colour.", name=self.colour), "colour")
        if self.fit not in FITS:
            raise ConfigError(say("There is no way {name} to make a picture square; choose crop or stretch.", name=self.fit), "fit")
        if not (isinstance(self.test_share, int | float) and LEAST_SHARE <= self.test_share <= LARGEST_SHARE):
            facts = {"least": LEAST_SHARE, "most": LARGEST_SHARE, "value": shortened(self.test_share)}
            raise ConfigError(say("The share of test images must be from {least} to {most}, not {value}.", **facts), "test_share")
        if not (_whole(self.seed) and 0 <= self.seed < 2**31):
            value = shortened(self.seed)
            raise ConfigError(say("The seed must be a whole number from 0 to 2,147,483,647, not {value}.", value=value), "seed")


@dataclass(frozen=True, slots=True)
class SharedSource:
    """A folder or archive in the teacher's folder of data sets."""

    name: str  # by which it is imported; never a path
    kind: Literal["folder", "file"]
    bytes: int | None  # of a file


@dataclass(frozen=True, slots=True)
class ImportStatus:
    """How far the import of this lab is; there is one at a time."""

    state: Literal["running", "finished", "failed", "stopped"]
    step: Literal["looking", "reading", "finishing"]  # counts are of files in the first, of images in the second
    done: int
    total: int  # 0 while it is not known
    title: str
    owner: str
    message: str = ""  # why it failed, as a sentence
    name: str = ""  # of the set, once it has finished


def one_line(text: str, most: int) -> str:
    """Text on one line, without invisible characters, at most so many long."""
    plain = unicodedata.normalize("NFC", well_formed(text))
    kept = "".join(" " if c.isspace() else c for c in plain if c.isspace() or c in _JOINERS or unicodedata.category(c)[0] != "C")
    return " ".join(kept.split())[:most].strip()


def _whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def few(classes: Sequence[str], counts: Sequence[int]) -> str:
    """Which classes have few training images, as a sentence; "" for none."""
    scarce = [f"{name} ({count})" for name, count in zip(classes, counts, strict=True) if count < FEW_IMAGES]
    if not scarce:
        return ""
    return nsay(
        "{count:,} class has fewer than {least} training images, and is hard to learn: {names}.",
        "{count:,} classes have fewer than {least} training images, and are hard to learn: {names}.",
        len(scarce), count=len(scarce), least=FEW_IMAGES, names=", ".join(scarce[:5]) + ("…" if len(scarce) > 5 else ""),
    )  # fmt: skip
