"""Looks into one folder for copies of a data set, in each of the forms that people have. Needs no torch.

Only names, headers and labels are read here; the images are read and compared when they are used (`reading`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from cnnlab.datasets import picture_folders, tables
from cnnlab.datasets.catalogue import BATCH_MD5, Entry
from cnnlab.datasets.fingerprints import Facts, SplitFacts, claim
from cnnlab.datasets.folders import Folder
from cnnlab.datasets.idx import idx_shape, packed, read_idx
from cnnlab.datasets.location import SPLITS, Found, Layout, Location, Split, Unusable, because
from cnnlab.datasets.remembered import remembered
from cnnlab.errors import DataError
from cnnlab.i18n import say

_IDX_PREFIX: dict[Split, str] = {"train": "train", "test": "t10k"}
_IDX_NAME = re.compile(r"(train|t10k)-(images|labels)[-.]idx[13]-ubyte(?:\.gz)?")  # 7-Zip writes a dot
_ARCHIVE = re.compile(r"\.(zip|7z|rar|tar|tgz|tar\.(gz|xz|bz2))$")


def idx_names(split: Split) -> tuple[str, str]:
    """The names of the images file and the labels file of one split, without .gz."""
    return f"{_IDX_PREFIX[split]}-images-idx3-ubyte", f"{_IDX_PREFIX[split]}-labels-idx1-ubyte"


def copies(entry: Entry, folder: Folder) -> Iterator[Found]:
    """All that looks like `entry` in this folder."""
    if entry.format == "idx":
        yield from _idx(entry, folder)
        yield from _csv(entry, folder)
    else:
        yield from _batches(folder)
    yield from _npz(entry, folder)
    yield from picture_folders.copies(entry, folder)
    yield from _not_read(entry, folder)


def _idx(entry: Entry, folder: Folder) -> Iterator[Found]:
    offered: dict[str, list[Path]] = {}
    for name, path in _files_of_their_own_name(folder):
        if match := _IDX_NAME.fullmatch(name):
            offered.setdefault("-".join(match.groups()), []).append(path)
    wanted = {name.rpartition("-idx")[0]: name for split in SPLITS for name in idx_names(split)}
    missing = [name for part, name in wanted.items() if part not in offered]
    if offered and missing and folder.says in ("", entry.name):
        yield Unusable(folder.shown, because("{place} lacks {files}", files=", ".join(missing)))
    if missing:
        return
    # Plain files first: they need no unpacking. Then the packed ones beside them: a damaged copy does not hide an intact one.
    plain_first, packed_first = (
        tuple(min(offered[part], key=lambda path: (packed(path) is last, path.name)) for part in wanted) for last in (True, False)
    )
    yield from _idx_copy(entry, folder, plain_first)
    if packed_first != plain_first:
        yield from _idx_copy(entry, folder, packed_first)


def _idx_copy(entry: Entry, folder: Folder, files: tuple[Path, ...]) -> Iterator[Found]:
    examined = [(path, remembered(_idx_facts, path)) for path in files]
    if problems := [(path, found) for path, found in examined if isinstance(found, str)]:
        if folder.says in ("", entry.name):
            yield from (Unusable(f"{folder.shown}/{path.relative_to(folder.path).as_posix()}", found) for path, found in problems)
        return
    facts = [found for _, found in examined if not isinstance(found, str)]
    train, test = (replace(facts[first + 1], images=facts[first].images) for first in (0, 2))
    yield from _claimed(entry, folder, files, {"train": train, "test": test}, "idx")


def _files_of_their_own_name(folder: Folder) -> Iterator[tuple[str, Path]]:
    """The files of a folder, and each x/x in it, as some unpackers write them."""
    yield from folder.files.items()
    for name, path in folder.folders.items():
        if _IDX_NAME.fullmatch(name):
            yield from folder.child(path).readable_files().items()


def _idx_facts(path: Path) -> SplitFacts | str:
    """The shape of an images file, what is to be known of a labels file, or what is wrong with it."""
    try:
        if "images" in path.name.lower():
            count, *sides = idx_shape(path, 3, path.name)
            return replace(_NOTHING, images=(count, 1, *sides))
        return SplitFacts.of((), read_idx(path, 1, path.name))
    except DataError as error:
        return str(error).removeprefix(path.name).strip()


_NOTHING = SplitFacts((), 0, "", "", 0, 0)


def _npz(entry: Entry, folder: Folder) -> Iterator[Found]:
    for name, path in folder.files.items():
        if not name.endswith(".npz"):
            continue
        found = remembered(tables.npz_facts, path)
        if isinstance(found, str):
            if folder.says_of(path) == entry.name:
                yield Unusable(f"{folder.shown}/{path.name}", found)
        else:
            yield from _claimed(entry, folder, (path,), found, "npz")


def _csv(entry: Entry, folder: Folder) -> Iterator[Found]:
    for train, test in tables.csv_pairs(folder.files):
        says, examined = folder.says_of(train), [(path, remembered(tables.csv_form, path)) for path in (train, test)]
        columns = entry.size**2 + 1
        wrong = [
            Unusable(f"{folder.shown}/{path.name}", form if isinstance(form, str) else form.problem(columns))
            for path, form in examined
            if isinstance(form, str) or form.problem(columns)
        ]
        if says == entry.name and wrong:
            yield from wrong
        elif says == entry.name:
            yield Location(folder.path, folder.shown, "csv", (train, test), say("{formats} copy", formats="CSV"))
        elif not says and not wrong:
            yield Unusable(
                f"{folder.shown}/{train.name}",
                because("{place} does not say of which data set it is: call its folder {dataset}", dataset=entry.title),
            )


def _batches(folder: Folder) -> Iterator[Found]:
    present = [name for name in BATCH_MD5 if name in folder.files]
    missing = [name for name in BATCH_MD5 if name not in folder.files]
    empty = [name for name in present if not folder.files[name].stat().st_size]
    if missing and len(present) > 1:
        yield Unusable(folder.shown, because("{place} lacks {files}", files=", ".join(missing)))
    elif empty and not missing:
        yield Unusable(folder.shown, because("{place} has files without content: {files}", files=", ".join(empty)))
    elif not missing:
        yield Location(folder.path, folder.shown, "batches", tuple(folder.files[name] for name in BATCH_MD5))
    if "data_batch_1.bin" in folder.files or "data_batch_1.mat" in folder.files:
        yield Unusable(
            folder.shown, because("{place} is the binary or Matlab version of CIFAR-10; the lab reads the Python version")
        )


def _not_read(entry: Entry, folder: Folder) -> Iterator[Unusable]:
    """Files that hold the data set in a form that must be changed first."""
    for name, path in folder.files.items():
        if _ARCHIVE.search(name) and folder.says_of(path) == entry.name:
            yield Unusable(f"{folder.shown}/{path.name}", because("{place} is an archive: unpack it"))
    if entry.format == "idx" and "training.pt" in folder.files and folder.says == entry.name:
        yield Unusable(
            folder.shown,
            because("{place} holds training.pt, torchvision's old form, which may contain code: the files in raw are needed"),
        )
    if entry.format == "batches" and "trainlabels.csv" in folder.files:
        yield Unusable(
            folder.shown, because("{place} is the form of Kaggle's competition, which has no labels for its test images")
        )


def _claimed(entry: Entry, folder: Folder, files: tuple[Path, ...], facts: Facts, layout: Layout) -> Iterator[Found]:
    says = folder.says_of(files[0]) if layout == "npz" else folder.says
    better_name = say("the file {file}.npz", file=entry.name) if layout == "npz" else say("the folder {folder}", folder=entry.title)
    found = claim(entry, says, better_name, facts)
    if found and found.problem:
        yield Unusable(f"{folder.shown}/{files[0].name}" if layout == "npz" else folder.shown, found.problem)
    elif found:
        yield Location(folder.path, folder.shown, layout, files, differs=found.differs, doubt=found.doubt, original=found.original)
