"""Recognises a data set by its content, and says in which way a copy differs from it. Needs no torch."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from cnnlab.datasets.catalogue import Entry, Fingerprint, entries
from cnnlab.datasets.location import SPLITS, Split, because
from cnnlab.i18n import N_, say
from cnnlab.text import shape_text

START = 20  # labels: another data set hardly begins with the same ones


@dataclass(frozen=True, slots=True)
class SplitFacts:
    """What the small files and the headers of a copy say about one split."""

    images: tuple[int, ...]  # the shape of the array: number, channels, height, width
    labels: int  # how many
    digest: str  # of the labels
    start: str  # the first labels, as `Fingerprint.start`
    lowest: int
    highest: int

    @classmethod
    def of(cls, images: tuple[int, ...], labels: np.ndarray) -> SplitFacts:
        start = "".join(map(str, labels[:START]))
        return cls(images, len(labels), label_digest(labels), start, int(labels.min(initial=0)), int(labels.max(initial=0)))


Facts = dict[Split, SplitFacts]
_LABELS = {("train",): N_("training labels"), ("test",): N_("test labels"), SPLITS: N_("training and the test labels")}
_DOUBT = N_(
    "Not recognised as {dataset}: the {labels} do not begin as those of {dataset} do. If the images were not chosen or shuffled on "
    "purpose, this may be another data set of the same form."
)
_DOUBT_OF_PART = N_(
    "Not recognised as a part of {dataset}: the {labels} do not begin as those of {dataset} do. If the images were not chosen or "
    "shuffled on purpose, this may be another data set of the same form."
)


class Claim(NamedTuple):
    """How a copy stands to a data set. With `problem` it cannot be used; None instead of a claim means that it is another's."""

    differs: str = ""
    original: tuple[Split, ...] = ()
    problem: str = ""
    doubt: str = ""  # a sentence: it may be another data set, though nothing contradicts


def label_digest(labels: np.ndarray) -> str:
    """SHA-256 of the labels as bytes."""
    return hashlib.sha256(np.ascontiguousarray(labels, np.uint8).tobytes()).hexdigest()


def contents(images: np.ndarray, labels: np.ndarray) -> str:
    """SHA-256 of the number of images and the sum of their pixels, position by position, class by class.

    Any order of the images gives the same one. Another image, a changed pixel or a turned image gives another.
    """
    digest = hashlib.sha256()
    flat = images.reshape(len(images), -1)
    for label in range(int(labels.max(initial=0)) + 1):
        chosen = flat[labels == label]
        digest.update(np.array([len(chosen), *chosen.sum(0, dtype=np.uint32)], "<i8").tobytes())
    return digest.hexdigest()


def claim(entry: Entry, says: str, better_name: str, facts: Facts) -> Claim | None:
    """Whether a copy with these `facts`, in a folder whose name `says` which data set it is, can be taken for `entry`.

    Known labels decide: all of them, or the first ones of a part. Others are believed to be a part of the data set that the
    folder's name says, with a doubt, if nothing contradicts.
    """
    known, some = _known(entry, facts)
    if known and known != entry.name:
        title = next(other.title for other in entries() if other.name == known)
        return Claim(problem=because(some, dataset=title)) if says == entry.name else None
    if not known and says != entry.name:
        other = says or any(facts[split].images[1:] != (entry.channels, entry.size, entry.size) for split in SPLITS)
        return None if other else Claim(problem=_anonymous(entry, better_name, facts))
    original = tuple(split for split in SPLITS if _matches(fingerprint(entry, split), facts[split]))
    for split in SPLITS:
        if problem := _contradiction(entry, split, facts[split], original=split in original):
            return Claim(problem=problem)
    unlike = [split for split in SPLITS if split not in original and not _may_begin(fingerprint(entry, split), facts[split])]
    differs, doubt = differences(entry, *(facts[split].labels for split in SPLITS)), ""
    if unlike and not known:
        doubt = say(_DOUBT_OF_PART if differs else _DOUBT, labels=_LABELS[tuple(unlike)], dataset=entry.title)
    return Claim(differs, original, doubt=doubt)


def differences(entry: Entry, train: int, test: int) -> str:
    """What is missing from a part of a data set, in words; "" for all of it."""
    training, testing = (
        N_("{count:,} training images where {dataset} has {whole:,}"),
        N_("{count:,} test images where {dataset} has {whole:,}"),
    )
    return " and ".join(
        say(words, count=count, dataset=entry.title, whole=whole)
        for words, count, whole in ((training, train, entry.train_images), (testing, test, entry.test_images))
        if count != whole
    )


def fingerprint(entry: Entry, split: Split) -> Fingerprint:
    return entry.train if split == "train" else entry.test


def whole(entry: Entry, split: Split) -> int:
    """The images of one split of the complete data set."""
    return entry.train_images if split == "train" else entry.test_images


def _known(entry: Entry, facts: Facts) -> tuple[str, str]:
    """The data set that has these labels in both splits, or begins with them, and which of the two in words; "" if none does."""
    whole_of = N_("{place} holds {dataset}, whatever its name is")
    part_of = N_("{place} holds a part of {dataset}, whatever its name is")
    for agrees, some in ((_matches, whole_of), (_surely_begins, part_of)):
        for other in (entry, *entries()):
            if all(agrees(fingerprint(other, split), facts[split]) for split in SPLITS):
                return other.name, some
    return "", ""


def _matches(known: Fingerprint, facts: SplitFacts) -> bool:
    return bool(known.labels) and known.labels == facts.digest


def _surely_begins(known: Fingerprint, facts: SplitFacts) -> bool:
    return bool(known.start) and len(facts.start) >= START // 2 and _may_begin(known, facts)


def _may_begin(known: Fingerprint, facts: SplitFacts) -> bool:
    return not known.start or known.start.startswith(facts.start)


def _contradiction(entry: Entry, split: Split, facts: SplitFacts, *, original: bool) -> str:
    count, shape = facts.images[0], facts.images[1:]
    expected, train = (entry.channels, entry.size, entry.size), split == "train"
    if count != facts.labels or not count:
        template = (
            N_("{place} has {count:,} images and {labels:,} labels in its train files")
            if train
            else N_("{place} has {count:,} images and {labels:,} labels in its test files")
        )
        return because(template, count=count, labels=facts.labels)
    if facts.highest >= len(entry.classes) or facts.lowest < 0:
        reached = facts.lowest if facts.lowest < 0 else facts.highest
        return because(
            "{place} has labels that reach {reached}, but {dataset} has the classes 0 to {last}: the files are damaged or belong "
            "to another data set",
            reached=reached, dataset=entry.title, last=len(entry.classes) - 1,
        )  # fmt: skip
    if shape != expected:
        found, wanted = (shape_text(sizes) for sizes in (shape, expected))
        template = (
            N_("{place} has training images that are {found}, those of {dataset} {wanted}: this is another data set")
            if train
            else N_("{place} has test images that are {found}, those of {dataset} {wanted}: this is another data set")
        )
        return because(template, found=found, dataset=entry.title, wanted=wanted)
    if count > whole(entry, split):
        template = (
            N_("{place} has {count:,} training images where {dataset} has {whole:,}: this is another data set")
            if train
            else N_("{place} has {count:,} test images where {dataset} has {whole:,}: this is another data set")
        )
        return because(template, count=count, dataset=entry.title, whole=whole(entry, split))
    if count == whole(entry, split) and not original and fingerprint(entry, split).labels:
        template = (
            N_(
                "{place} has {count:,} training labels that are not those of {dataset}: this is another data set, or they are "
                "damaged"
            )
            if train
            else N_(
                "{place} has {count:,} test labels that are not those of {dataset}: this is another data set, or they are damaged"
            )
        )
        return because(template, count=count, dataset=entry.title)
    return ""


def _anonymous(entry: Entry, better_name: str, facts: Facts) -> str:
    return because(
        "{place} holds {train:,} training images and {test:,} test images, which are not those of any data set that the lab knows; "
        "if they are a part of {dataset}, call {better}",
        train=facts["train"].images[0], test=facts["test"].images[0], dataset=entry.title, better=better_name,
    )  # fmt: skip
