"""Where a copy of a data set lies, and why another cannot be used. Needs no torch.

Names for people start with CNNLAB_DATA or CNNLAB_HOME instead of a path: visitors of a shared lab read them too. The command
line adds what the two stand for (`Places.explained`).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from cnnlab.i18n import say

Layout = Literal["idx", "npz", "csv", "batches", "images", "own"]
Split = Literal["train", "test"]
SPLITS: tuple[Split, Split] = ("train", "test")


@dataclass(frozen=True, slots=True)
class Location:
    """A copy that the lab can read."""

    folder: Path
    shown: str  # the folder for people: "CNNLAB_DATA/MNIST/raw"
    layout: Layout
    # idx: images and labels of train, then of test · npz: the file · csv: train, test · batches: all files
    # images: the folder of each class of train, then of test
    files: tuple[Path, ...]
    variant: str = ""  # "JPEG copy" where the files are not the original ones; pages show it
    differs: str = ""  # "60 training images where MNIST has 60,000"
    doubt: str = ""  # a sentence where it may be another data set, though nothing contradicts
    original: tuple[Split, ...] = ()  # splits whose labels are the original ones: their images are compared on reading

    def name(self, path: Path) -> str:
        """A file of this copy, for people."""
        return f"{self.shown}/{path.relative_to(self.folder).as_posix()}"


@dataclass(frozen=True, slots=True)
class Unusable:
    """Files that look like a copy, but are none that the lab can read."""

    shown: str  # the folder or file for people
    reason: str  # continues the sentence: "lacks t10k-labels-idx1-ubyte"

    def __str__(self) -> str:
        return f"{self.shown} {self.reason}"


Found = Location | Unusable


def because(template: str, **values: object) -> str:
    """The reason of an Unusable, from the whole sentence "{place} lacks {names}", by which it is translated."""
    return say(template, place="", **values).lstrip()
