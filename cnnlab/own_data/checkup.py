"""What a check-up of a data set finds before training, and labels that may be wrong, as values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from cnnlab.datasets.location import Split

MOST_PAIRS = 40  # that are shown as pictures
MOST_SUSPECTS = 200
FEW_SUSPECTS = 20  # to which the surest of the other mistakes are added: in a small set a person can look at all of them


@dataclass(frozen=True, slots=True)
class Place:
    """Where an image is in a data set, as runs number it."""

    split: Split
    index: int  # from 0
    label: int


@dataclass(frozen=True, slots=True)
class Pair:
    """Two images of a data set that show the same."""

    first: Place
    second: Place
    exact: bool  # the same pixels
    data_uri: str  # both side by side, reduced

    @property
    def other_label(self) -> bool:
        """Whether the two have different classes, of which one must be wrong."""
        return self.first.label != self.second.label

    @property
    def across(self) -> bool:
        """Whether one is trained on and the other tested on."""
        return self.first.split != self.second.split


@dataclass(frozen=True, slots=True)
class Repeated:
    """How many images repeat another one."""

    training: int = 0  # training images that another training image shows as well
    test: int = 0  # test images, likewise
    across: int = 0  # test images that a training image shows as well
    other_label: int = 0  # pairs of different classes


@dataclass(frozen=True, slots=True)
class Checkup:
    """A data set before training."""

    train_counts: tuple[int, ...]  # images of each class
    test_counts: tuple[int, ...]
    compared: int  # images that were searched for repetitions; all, or every second, third … of a very large set
    colourless: int  # of the training images of a set in colour, those without any
    same: Repeated  # pixel by pixel
    near: Repeated  # saved, cut or coloured again
    almost: bool  # `near` counts only what is almost identical, because the pictures of this set are all much alike
    pairs: tuple[Pair, ...]  # the first MOST_PAIRS, the most harmful first
    all_pairs: int
    complete: bool = True  # each image was compared with each; else `near` misses about half of what there is

    @property
    def images(self) -> int:
        return sum(self.train_counts) + sum(self.test_counts)


@dataclass(frozen=True, slots=True)
class Suspect:
    """An image that networks which never saw it took for another class, and were sure."""

    split: Split
    index: int  # in the set as it was imported
    label: int
    predicted: int
    confidence: float  # probability of `predicted`, 0..1


@dataclass(frozen=True, slots=True)
class Search:
    """How far the search for wrong labels in one set is, and what it found."""

    state: Literal["running", "finished", "failed", "stopped"]
    done: float = 0.0  # share of the work, 0..1
    seconds_left: float | None = None  # estimate
    message: str = ""  # why it failed, as a sentence
    images: int = 0  # that were looked at
    folds: int = 0  # parts, each predicted by a network that was trained on the others
    accuracy: float | None = None  # of these predictions, 0..1
    mistakes: int = 0
    suspects: tuple[Suspect, ...] = ()  # the most confident first, at most MOST_SUSPECTS
    less_sure: int = 0  # of the suspects, the last ones, which are not contradicted with confidence
