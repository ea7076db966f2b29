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
import os
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from cnnlab.datasets.catalogue import Entry
from cnnlab.datasets.location import SPLITS, Split
from cnnlab.datasets.remembered import remembered
from cnnlab.errors import DataError
from cnnlab.i18n import N_, Shown, nsay, say
from cnnlab.system import disk, working_home

if TYPE_CHECKING:
    import numpy as np

PREFIX = "own-"
FOLDER = "own_data"
KNOWN = "set.json"
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


@dataclass(frozen=True)
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

    def counts(self, split: Split) -> tuple[int, ...]:
        """Images of each class, with those that are set aside."""
        return self.train_counts if split == "train" else self.test_counts

    def used(self, split: Split) -> int:
        """The images of one split that this version trains or tests on."""
        return sum(self.counts(split)) - sum(each.split == split for each in self.set_aside)

    @cached_property
    def entry(self) -> Entry:
        """This version beside the other data sets. What its owner typed is never translated."""
        count, title = len(self.set_aside), verbatim(self.title)
        aside = nsay("{name} ({count:,} image set aside)", "{name} ({count:,} images set aside)", count, name=title, count=count)
        return Entry(
            self.name,
            aside if count else title,
            say("Your own pictures, kept at {size}×{size} px; from {name}.", size=self.size, name=self.source),
            tuple(map(verbatim, self.classes)),
            self.channels,
            self.size,
            self.used("train"),
            self.used("test"),
            source=say("Imported from {name}", name=self.source),
            licence=N_("Not known to the lab"),
            folder=f"{FOLDER}/{self.base}",
            format="own",
        )

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


def verbatim(text: str) -> str:
    """What people typed: it is shown as it is in every language."""
    kept = Shown(text)
    kept.english = text
    return kept


def folder(home: Path, name: str) -> Path:
    """The folder of a set or of a version of it. Raises DataError for what is no name, so that no address becomes a path."""
    match = _NAME.fullmatch(name)
    if match is None:
        raise DataError(say("There is no data set {name}.", name=name[:80]))
    return home / FOLDER / match[1]


def find(name: object) -> OwnSet | None:
    """The version called `name` in the home of this process, deleted or not; None where there is none."""
    home = working_home.known()
    return known(home, name) if home and is_name(name) else None


def every() -> tuple[OwnSet, ...]:
    """The current version of each set in the home of this process, newest set first, without deleted ones."""
    home = working_home.known()
    return sets(home) if home else ()


def known(home: Path, name: object) -> OwnSet | None:
    """The version called `name`, deleted or not; None where there is none, or its record is damaged."""
    match = _NAME.fullmatch(name) if isinstance(name, str) else None
    if match is None:
        return None
    versions, _rest = remembered(_read, home / FOLDER / match[1] / KNOWN)
    number = int(match[2] or 1)
    return versions[number - 1] if number <= len(versions) and str(name) == _version_name(match[1], number) else None


def sets(home: Path, *, deleted: bool = False) -> tuple[OwnSet, ...]:
    """The current version of each set in `home`, newest set first; deleted ones only where they are asked for."""
    try:
        names = [item.name for item in os.scandir(home / FOLDER) if is_name(item.name)]
    except OSError:  # nobody has brought any
        return ()
    found = (remembered(_read, home / FOLDER / name / KNOWN) for name in names)
    current = [versions[place] for versions, place in found if versions]
    return tuple(sorted((each for each in current if deleted or not each.deleted), key=lambda each: (-each.created, each.name)))


def stored(home: Path, own: OwnSet, split: Split) -> Stored:
    """The images of one split as they were imported. Raises DataError where they are deleted or damaged."""
    import numpy as np

    place = folder(home, own.name)
    count = sum(own.counts(split))
    shape = (count, own.channels, own.size, own.size)
    try:
        images = np.memmap(place / f"{split}.u8", np.uint8, "r", shape=shape)
        labels = np.load(place / f"{split}.labels.npy", allow_pickle=False)
        names = json.loads((place / f"{split}.names.json").read_text(encoding="utf-8"))
        if labels.shape != (count,) or len(names) != count:
            raise ValueError("it is cut off")
    except (OSError, ValueError) as error:
        raise DataError(missing(own)) from error
    return Stored(images, labels, tuple(names))


def missing(own: OwnSet) -> str:
    """Why the images of a set cannot be used."""
    if own.deleted:
        return say("The images of the data set {name} were deleted; import them again to train on them.", name=own.title)
    return say("The images of the data set {name} are damaged or missing; import them again.", name=own.title)


def kept(own: OwnSet, split: Split) -> list[int]:
    """The numbers, as imported, of the images that this version uses; an image's number in a run is its place in this list."""
    aside = {each.index for each in own.set_aside if each.split == split}
    return [index for index in range(sum(own.counts(split))) if index not in aside]


def record(own: OwnSet, versions: Sequence[tuple[ImageAt, ...]] = ((),), current: int = 1) -> str:
    """The text of `set.json`: a set, the images that each of its versions leaves out, and the number of the current version."""
    facts = asdict(replace(own, set_aside=(), version=1)) | {"name": own.base}
    aside = [[[each.split, each.index] for each in version] for version in versions]
    return json.dumps(facts | {"versions": aside, "current": current}, ensure_ascii=False)


def versions_of(home: Path, own: OwnSet) -> tuple[tuple[OwnSet, ...], int]:
    """All versions of a set, the first one first, and the number of the current one."""
    versions, place = _read(folder(home, own.name) / KNOWN)
    return versions, place + 1


def _version_name(base: str, number: int) -> str:
    return base if number == 1 else f"{base}.{number}"


def _read(path: Path) -> tuple[tuple[OwnSet, ...], int]:
    """All versions and the place of the current one; none where the record is missing or damaged: it is then no set."""
    try:
        facts = json.loads(disk.read(path))
        versions = tuple(
            _version(facts, path.parent.name, number, aside) for number, aside in enumerate(facts["versions"], start=1)
        )
        return versions, range(len(versions))[facts["current"] - 1]
    except (OSError, LookupError, ValueError, TypeError, AttributeError):
        return (), 0


def _version(facts: Mapping[str, Any], base: str, number: int, aside: list[list[Any]]) -> OwnSet:
    brought = dict(facts["brought"])
    brought |= {name: tuple(brought[name]) for name in ("broken_names", "notes")}
    brought["sizes"] = tuple(map(tuple, brought["sizes"]))
    fields = {name: value for name, value in facts.items() if name not in ("versions", "current")}
    fields |= {name: tuple(facts[name]) for name in ("classes", "train_counts", "test_counts")}
    fields |= {"name": _version_name(base, number), "version": number, "brought": Brought(**brought)}
    images = tuple(sorted(ImageAt(split, int(index)) for split, index in aside if split in SPLITS))
    own = OwnSet(**fields | {"set_aside": images})
    if not (own.channels in (1, 3) and 1 < len(own.classes) <= MOST_CLASSES):
        raise ValueError("damaged")
    return own


def empties_a_class(home: Path, own: OwnSet, aside: tuple[ImageAt, ...]) -> str:
    """The class that would have no training image left without these, or of which none would be tested at all; "" for none."""
    for split in SPLITS:
        labels = stored(home, own, split).labels
        left = Counter(labels.tolist())
        left.subtract(int(labels[each.index]) for each in aside if each.split == split)
        if split == "train":
            for label, name in enumerate(own.classes):
                if left[label] < 1:
                    return name
        elif sum(left.values()) < 1:
            return own.classes[int(labels[0])]
    return ""
