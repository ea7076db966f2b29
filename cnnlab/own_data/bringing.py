"""Makes a data set of a folder, an archive or tables: looks, decodes on all cores, and keeps one file of bytes. Needs no torch."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import numpy as np

from cnnlab.datasets.location import SPLITS, Split
from cnnlab.datasets.own import Brought, OwnSet
from cnnlab.errors import DataError
from cnnlab.i18n import say
from cnnlab.own_data import labelled, layout, tables
from cnnlab.own_data.building import Building, check_images
from cnnlab.own_data.decoding import Kind, Task, fitted_array
from cnnlab.own_data.folder import Folder
from cnnlab.own_data.member import Bounds, Member, Source
from cnnlab.own_data.pool import decoded
from cnnlab.own_data.records import check_room
from cnnlab.own_data.sampling import Sample, suggested_channels, suggested_size
from cnnlab.own_data.splitting import drawn, in_turn
from cnnlab.own_data.tars import Tar
from cnnlab.own_data.values import Choices, one_line
from cnnlab.own_data.zips import Zip

Step = Literal["looking", "reading", "finishing"]
LISTED_SIZES, LISTED_NAMES = 20, 20


@dataclass(slots=True)
class Job:
    """An import and what it needs to know of its surroundings. `report` may raise, which ends it."""

    home: Path
    path: Path  # of a folder or file
    called: str  # its name for people, as text
    choices: Choices
    owner: str = ""
    for_all: bool = True
    room: int | None = None  # bytes that its images may take
    bounds: Bounds = field(default_factory=Bounds)
    report: Callable[[Step, int, int], None] = lambda _step, _done, _total: None
    processes: int | None = None  # that decode; None: one for each core


def bring(job: Job) -> OwnSet:
    """The set that was made. Raises DataError, or OSError where the disk is full."""
    source, members, sample, side = opened(job.path, job.called, job.bounds), [], Sample(), {}

    def look(member: Member) -> int:
        members.append(member)
        if len(members) % 500 == 0:
            job.report("looking", len(members), 0)
        if labelled.is_list(member):
            return min(job.bounds.picture, job.bounds.table)
        return job.bounds.picture if member.suffix in layout.PICTURES and not member.hidden and sample.wants() else 0

    for member, content in source.read(look):
        if content and labelled.is_list(member):
            side[member.parts] = content
        elif content:
            sample.offer(content)
    found = [member for member in members if tables.is_table(member)]
    pictures = sum(member.suffix in layout.PICTURES and not member.hidden for member in members)
    if found and (not pictures or not any(member.suffix == ".csv" for member in found)):
        return _from_tables(job, source, found)
    labels = labelled.classes(side)
    return _from_pictures(job, source, layout.planned(members, source.name, labels), sample)


def opened(path: Path, called: str, bounds: Bounds) -> Source:
    """A folder, an archive by its first bytes, or one table as a folder of one file. Raises DataError."""
    called = one_line(called, 200)
    if path.is_dir():
        return Folder(path, bounds)
    try:
        with path.open("rb") as file:
            start = file.read(512)
    except OSError as error:
        raise DataError(say("{name} cannot be read: {reason}.", name=called, reason=error.strerror or error)) from None
    lower = called.lower()
    if tables.is_table(Member((lower,), 0)):
        return _OneFile(path, called, bounds)
    if start[:4] in (b"PK\3\4", b"PK\5\6"):
        return Zip(path, called, bounds)
    if start[:2] == b"\x1f\x8b" or start[:6] == b"\xfd7zXZ\0" or start[:3] == b"BZh" or start[257:262] == b"ustar":
        return Tar(path, called, bounds)
    raise DataError(
        say("{file} cannot be imported: it is no folder, .zip, .tar, .tar.gz, .tar.xz, .npz or .csv. Pack the folder as a .zip.",
            file=called)
    )  # fmt: skip


class _OneFile(Folder):
    """A table by itself: nothing beside it is looked at."""

    def __init__(self, path: Path, called: str, bounds: Bounds) -> None:
        super().__init__(path.parent, bounds)
        self.name, self._file = called, path

    def read(self, wanted: Callable[[Member], int]) -> object:  # type: ignore[override]
        member = Member((self.name,), self._file.stat().st_size)
        if most := wanted(member):
            content = self._file.read_bytes() if member.size <= most else None
            yield member, content


def _from_pictures(job: Job, source: Source, plan: layout.Plan, sample: Sample) -> OwnSet:
    suggested = suggested_size(sample.kinds)
    task = Task(job.choices.size or suggested, _channels(job.choices, suggested_channels(sample.kinds)), job.choices.fit)
    order = sorted(plan.place, key=lambda parts: layout.natural("/".join(parts)))
    splits, numbers = [plan.place[parts][0] for parts in order], [plan.place[parts][1] for parts in order]
    chosen = _splits(splits, numbers, job.choices)
    each = task.channels * task.size**2
    check_room(each * len(order), job.room)
    places, labels, names = _arranged(chosen, numbers, ["/".join(parts) for parts in order])
    where = dict(zip(order, places, strict=True))
    kinds: list[Kind] = []
    broken: list[str] = []
    with Building(job.home, labels, names, each) as building:
        contents = (
            found for found in source.read(lambda m: job.bounds.picture if m.parts in where else 0) if found[0].parts in where
        )
        for done, (member, kind, pixels) in enumerate(decoded(contents, task, job.processes), start=1):
            if kind is None:
                broken.append(one_line(member.name, 200))
            else:
                kinds.append(kind)
                building.put(*where[member.parts], pixels)
            if done % 50 == 0:
                job.report("reading", done, len(order))
        if len(broken) * 2 > len(order):
            raise DataError(
                say("{file} was not imported: {count:,} of its {total:,} pictures cannot be read, such as {name}.",
                    file=source.name, count=len(broken), total=len(order), name=broken[0])
            )  # fmt: skip
        job.report("finishing", len(order), len(order))
        building.close_gaps()
        return _finished(
            job, building, plan.classes, task, was_drawn=None in splits, suggested=suggested, brought=_brought(kinds, broken, plan)
        )


def _from_tables(job: Job, source: Source, found: Sequence[Member]) -> OwnSet:
    wanted = {member.parts for member in found}
    contents = {
        member.name: content
        for member, content in source.read(lambda m: job.bounds.table if m.parts in wanted else 0)
        if content is not None and member.parts in wanted
    }
    table = tables.read(contents, source.name, job.bounds.table)
    layout.check_classes(len(table.classes), source.name)
    first = table.parts[0].images
    colour = first.shape[1] == 3
    suggested = suggested_size([Kind(first.shape[3], first.shape[2], not colour)])
    task = Task(job.choices.size or suggested, _channels(job.choices, 3 if colour else 1), job.choices.fit)
    numbers = [int(label) for part in table.parts for label in part.labels]
    splits = [part.split for part in table.parts for _ in part.labels]
    each = task.channels * task.size**2
    check_room(each * len(numbers), job.room)
    places, labels, names = _arranged(_splits(splits, numbers, job.choices), numbers, [""] * len(numbers))
    with Building(job.home, labels, names, each) as building:
        done = 0
        for part in table.parts:
            for image in part.images:
                building.put(*places[done], fitted_array(image, task))
                done += 1
                if done % 500 == 0:
                    job.report("reading", done, len(numbers))
        job.report("finishing", done, done)
        sizes = ((int(first.shape[3]), int(first.shape[2]), done),)
        brought = Brought(sizes, gray=0 if colour else done, colour=done if colour else 0, notes=table.notes)
        return _finished(job, building, table.classes, task, was_drawn=None in splits, suggested=suggested, brought=brought)


def _splits(splits: Sequence[Split | None], numbers: Sequence[int], choices: Choices) -> list[Split]:
    """The splits of the files, or a draw for those that have none."""
    free = [position for position, split in enumerate(splits) if split is None]
    chosen: list[Split] = [split or "train" for split in splits]
    for position, split in zip(free, drawn([numbers[each] for each in free], choices.test_share, choices.seed), strict=True):
        chosen[position] = split
    return chosen


def _arranged(
    splits: Sequence[Split], numbers: Sequence[int], names: Sequence[str]
) -> tuple[list[tuple[Split, int]], dict[Split, np.ndarray], dict[Split, list[str]]]:
    """A split and a place in it for each image, and the labels and names in the order of the places."""
    places: list[tuple[Split, int]] = [("train", 0)] * len(numbers)
    labels: dict[Split, np.ndarray] = {}
    called: dict[Split, list[str]] = {}
    for split in SPLITS:
        of = [position for position, each in enumerate(splits) if each == split]
        turns = in_turn([numbers[position] for position in of])
        labels[split], called[split] = np.zeros(len(of), np.int64), [""] * len(of)
        for position, place in zip(of, turns, strict=True):
            places[position] = split, place
            labels[split][place], called[split][place] = numbers[position], one_line(names[position], 300)
    return places, labels, called


def _channels(choices: Choices, suggested: int) -> int:
    return {"auto": suggested, "gray": 1, "colour": 3}[choices.colour]


def _brought(kinds: Sequence[Kind], broken: Sequence[str], plan: layout.Plan) -> Brought:
    sizes = Counter((kind.width, kind.height) for kind in kinds).most_common(LISTED_SIZES)
    gray = sum(kind.gray for kind in kinds)
    return Brought(
        sizes=tuple((width, height, count) for (width, height), count in sizes),
        other_sizes=len(kinds) - sum(count for _, count in sizes),
        gray=gray,
        colour=len(kinds) - gray,
        broken=len(broken),
        broken_names=tuple(broken[:LISTED_NAMES]),
        ignored=plan.ignored,
        notes=plan.notes,
    )


def _finished(
    job: Job, building: Building, classes: tuple[str, ...], task: Task, *, was_drawn: bool, suggested: int, brought: Brought
) -> OwnSet:
    train, test = (building.counts(split, len(classes)) for split in SPLITS)
    check_images(train, sum(test))
    digest = building.digest()

    def make(name: str) -> OwnSet:
        return OwnSet(
            name, job.choices.title, classes, task.channels, task.size, train, test, one_line(job.called, 200), job.owner,
            job.for_all, time.time(), task.fit, job.choices.test_share if was_drawn else None, job.choices.seed, brought, digest,
            suggested_size=suggested,
        )  # fmt: skip

    return building.finish(make, job.choices.title)
