"""Which of the files are pictures, and what their folders say: training or test images, and the class of each."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from cnnlab.datasets.location import Split
from cnnlab.datasets.own import MOST_CLASSES
from cnnlab.errors import DataError
from cnnlab.i18n import N_, nsay, say
from cnnlab.own_data import labelled
from cnnlab.own_data.member import Member
from cnnlab.own_data.values import LONGEST_CLASS, one_line

PICTURES = frozenset({".png", ".jpg", ".jpeg", ".webp", ".bmp", ".gif", ".ppm"})
ARCHIVES = frozenset({".zip", ".tar", ".gz", ".tgz", ".xz", ".txz", ".bz2", ".7z", ".rar", ".zst"})
_TRAIN = frozenset({"train", "training", "trainingset", "train_set", "trainset", "training_set"})
_TEST = frozenset({"test", "testing", "testset", "test_set", "testingset"})
_KEPT_ASIDE = frozenset({"val", "valid", "validation", "dev"})
_NUMBER = re.compile(r"(\d+)")

NEEDED = N_("There must be one folder for each class, at least two, with its pictures in it; train and test folders may lie above.")


@dataclass(frozen=True, slots=True)
class Plan:
    """What becomes of the pictures of a source."""

    classes: tuple[str, ...]
    place: Mapping[tuple[str, ...], tuple[Split | None, int]]  # of each picture: its split, None where it is to be drawn; its class
    notes: tuple[str, ...] = ()
    ignored: int = 0  # files that are no pictures of a class


@dataclass(slots=True)
class _Sorted:
    by_class: dict[str, list[tuple[tuple[str, ...], Split | None]]] = field(default_factory=lambda: defaultdict(list))
    without_class: int = 0


def planned(members: Sequence[Member], source: str, labels: Mapping[tuple[str, ...], str] | None = None) -> Plan:
    """The plan for these files; `labels` are the classes that a table of the source gives by file. Raises DataError."""
    pictures = [each.parts for each in members if each.suffix in PICTURES and not each.hidden]
    others = [each for each in members if each.suffix not in PICTURES and not each.hidden and not labelled.is_list(each)]
    notes = []
    if packed := sum(each.suffix in ARCHIVES for each in others):
        notes.append(nsay("{count:,} archive in it was left out.", "{count:,} archives in it were left out.", packed, count=packed))
    if not pictures:
        raise DataError(say("{file} holds no pictures. {needed}", file=source, needed=NEEDED))
    depth = _common(pictures)
    splits = {parts: _split(parts[depth] if len(parts) > depth + 1 else "") for parts in pictures}
    found = set(splits.values()) - {None}
    sorted_ = _Sorted()
    for parts, inner in _inside(pictures, depth, splits if found else None):
        label = (labels or {}).get(parts) or (inner[0] if len(inner) > 1 else "")
        split = _as_split(splits[parts], found) if found else None
        if not label or (found and split is None):
            sorted_.without_class += 1
        else:
            sorted_.by_class[label].append((parts, split))
    if sorted_.without_class:
        notes.append(
            nsay(
                "{count:,} picture lies in no folder of a class and was left out.",
                "{count:,} pictures lie in no folder of a class and were left out.",
                sorted_.without_class, count=sorted_.without_class,
            )
        )  # fmt: skip
    if "test" in found and "aside" in found:
        notes.append(N_("Pictures in a folder such as val or valid became training images: a run keeps its own share aside."))
    if {split for of in sorted_.by_class.values() for _, split in of} == {"train"}:  # nothing to test on: a part is drawn
        sorted_.by_class = defaultdict(list, {name: [(parts, None) for parts, _ in of] for name, of in sorted_.by_class.items()})
    return _plan(sorted_.by_class, notes, len(others) + sorted_.without_class, source)


def natural(text: str) -> list[tuple[int, int, str]]:
    """Sorts "2.png" before "10.png"."""
    return [(0, int(part), "") if part.isdecimal() and len(part) < 19 else (1, 0, part) for part in _NUMBER.split(text) if part]


def class_names(names: Iterable[str]) -> tuple[str, ...]:
    """Names of folders as text on one line without invisible characters; those that look the same get a number."""
    tidy: dict[str, None] = {}
    for name in names:
        short = one_line(name, LONGEST_CLASS) or "?"
        number, unique = 1, short
        while unique in tidy:
            number += 1
            unique = f"{short} ({number})"
        tidy[unique] = None
    return tuple(tidy)


def check_classes(count: int, source: str) -> None:
    """Raises DataError for fewer than two classes, or more than the lab trains."""
    if count < 2:
        problem = N_("its pictures are of one class alone") if count else N_("none of its pictures has a class")
        raise DataError(say("{file} cannot be used: {problem}. {needed}", file=source, problem=problem, needed=NEEDED))
    if count > MOST_CLASSES:
        raise DataError(
            say("{file} has {count:,} classes, and the lab trains at most {most:,}: take a part of them.", file=source,
                count=count, most=MOST_CLASSES)
        )  # fmt: skip


def _plan(by_class: Mapping[str, list[tuple[tuple[str, ...], Split | None]]], notes: list[str], ignored: int, source: str) -> Plan:
    learned = [name for name, of in by_class.items() if any(split != "test" for _, split in of)]
    only_tested = len(by_class) - len(learned)
    if only_tested:
        notes.append(
            nsay(
                "{count:,} class has test pictures alone and was left out.",
                "{count:,} classes have test pictures alone and were left out.",
                only_tested, count=only_tested,
            )
        )  # fmt: skip
    check_classes(len(learned), source)
    ordered = sorted(learned, key=natural)
    place = {parts: (split, label) for label, name in enumerate(ordered) for parts, split in by_class[name]}
    return Plan(class_names(ordered), place, tuple(notes), ignored)


def _inside(
    pictures: Sequence[tuple[str, ...]], depth: int, splits: Mapping[tuple[str, ...], str | None] | None
) -> Iterable[tuple[tuple[str, ...], tuple[str, ...]]]:
    """Each picture with its parts below the folder of its split, also where an unpacker made two of one (train/train/cat)."""
    if splits is None:
        return ((parts, parts[depth:]) for parts in pictures)
    grouped: dict[str | None, list[tuple[str, ...]]] = defaultdict(list)
    for parts in pictures:
        grouped[splits[parts]].append(parts)
    return (
        (parts, parts[below:])
        for of in grouped.values()
        for below in [depth + 1 + _common([parts[depth + 1 :] for parts in of], leave=2, to_split=False)]
        for parts in of
    )


def _common(pictures: Sequence[tuple[str, ...]], leave: int = 1, *, to_split: bool = True) -> int:
    """How many folders all of them share at the beginning, up to one of a split; at least `leave` parts stay."""
    depth = 0
    while all(len(parts) > depth + leave for parts in pictures) and len({parts[depth] for parts in pictures}) == 1:
        if to_split and _split(pictures[0][depth]):
            break
        depth += 1
    return depth


def _split(folder: str) -> str | None:
    """ "train", "test", or "aside" for a validation folder."""
    name = re.sub(r"[\s-]+", "_", folder.lower())
    return "train" if name in _TRAIN else "test" if name in _TEST else "aside" if name in _KEPT_ASIDE else None


def _as_split(found: str | None, every: set[str | None]) -> Split | None:
    if found == "aside":
        return "train" if "test" in every else "test"
    return "test" if found == "test" else "train" if found == "train" else None


def counts(plan: Plan, split: Split | None) -> Counter[int]:
    """Pictures of each class in one split."""
    return Counter(label for where, label in plan.place.values() if where == split)
