"""What a user chooses when they bring their own images, and how far the import is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from cnnlab.datasets.own import Fit
from cnnlab.errors import ConfigError
from cnnlab.i18n import N_, say
from cnnlab.text import shortened

LEAST_SIZE, LARGEST_SIZE = 8, 256  # pixels a side, of what is stored
SUGGESTED_SIZES = (16, 28, 32, 48, 64, 96, 128, 160, 192, 224)
LONGEST_TITLE = 60  # characters
LONGEST_CLASS = 120
MOST_UPLOAD = 2_000_000_000  # bytes of one uploaded file; the page may allow less
FEW_IMAGES = 20  # a class with fewer training images is named

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
