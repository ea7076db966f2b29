"""Runs side by side, as plain values: what differs, several seeds as one, and which of them nothing beats. Needs no torch."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from math import isfinite, sqrt
from typing import Literal

from cnnlab.architectures import card
from cnnlab.config import RunConfig
from cnnlab.config_words import settings, title, words
from cnnlab.events import EpochDone
from cnnlab.runs.records import Run

Quantity = Literal["test_accuracy", "train_accuracy", "test_loss", "train_loss"]
QUANTITIES: dict[Quantity, str] = {
    "test_accuracy": "Test accuracy",
    "train_accuracy": "Training accuracy",
    "test_loss": "Test loss",
    "train_loss": "Training loss",
}
ABSENT = "–"  # a setting that this network does not have
LABEL_LENGTH = 48  # characters of a name in a legend; the table shows the whole of it


@dataclass(frozen=True, slots=True)
class Difference:
    """One setting in which the configurations are not all alike."""

    field: str  # as errors call it: "learning_rate", "options.hidden"
    title: str
    values: tuple[str, ...]  # in words, one a configuration


@dataclass(frozen=True, slots=True)
class Line:
    """One entry of a legend: a run, or several that differ in nothing but their seed.

    `low` and `high` are one standard deviation away from the mean; of one run alone they are the value itself.
    """

    label: str
    runs: tuple[Run, ...]
    epochs: tuple[int, ...]
    seconds: tuple[float, ...]  # spent until the end of each epoch, the mean where there are several runs
    values: tuple[float, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]

    @property
    def folded(self) -> bool:
        return len(self.runs) > 1


@dataclass(frozen=True, slots=True)
class Point:
    """One mark of the scatter. `cost` is None where it is not known (yet)."""

    label: str
    cost: float | None
    accuracy: float  # best test accuracy, 0..1; the mean where there are several runs
    spread: float  # standard deviation of the accuracy; 0 of one run alone


def differences(configs: Sequence[RunConfig]) -> tuple[Difference, ...]:
    """The settings in which the configurations differ, in the order of the form."""
    columns = [settings(config) for config in configs]
    found = []
    for name in dict.fromkeys(name for column in columns for name in column):
        values = tuple(words(name, column[name]) if name in column else ABSENT for column in columns)
        if len(set(values)) > 1:
            # One option can have two titles: the "depth" of a ResNet is a number of layers, or of blocks.
            titles = dict.fromkeys(
                title(name, config.architecture) for config, column in zip(configs, columns, strict=True) if name in column
            )
            found.append(Difference(name, " / ".join(titles), values))
    return tuple(found)


def labels(runs: Sequence[Run], *, leave_out: tuple[str, ...] = ()) -> tuple[str, ...]:
    """A name for each run that no other has: its own, then what tells it from its namesakes (not `leave_out`), then its id."""
    found = [_short(run.name or f"{card(run.config.architecture).title} {run.id}") for run in runs]
    for name, count in Counter(found).items():
        if count == 1:
            continue
        places = [place for place, label in enumerate(found) if label == name]
        told = [each for each in differences([runs[place].config for place in places]) if each.field not in leave_out]
        for order, place in enumerate(places):
            marks = [f"{each.title.lower()} {each.values[order]}" for each in told[:3]]
            found[place] = " · ".join([name, *marks])
    repeated = {label for label, count in Counter(found).items() if count > 1}
    return tuple(f"{label} · {run.id}" if label in repeated else label for run, label in zip(runs, found, strict=True))


def groups(runs: Sequence[Run]) -> tuple[tuple[Run, ...], ...]:
    """Runs that differ in nothing but their seed together, in the order of their first."""
    found: dict[str, list[Run]] = {}
    for run in runs:
        recipe = settings(run.config) | {"seed": None}
        found.setdefault(json.dumps(recipe, sort_keys=True, default=str), []).append(run)
    return tuple(tuple(members) for members in found.values())


def lines(runs: Sequence[Run], epochs: dict[str, Sequence[EpochDone]], quantity: Quantity, *, fold: bool) -> tuple[Line, ...]:
    """A line for each run that has finished an epoch; with `fold`, for each configuration, as far as all of its runs have come."""
    trained = [run for run in runs if epochs.get(run.id)]
    parted = groups(trained) if fold else tuple((run,) for run in trained)
    names = _group_labels(parted, fold=fold)
    return tuple(
        _line(name, members, [epochs[run.id] for run in members], quantity) for name, members in zip(names, parted, strict=True)
    )


def points(runs: Sequence[Run], costs: dict[str, float | None], *, fold: bool) -> tuple[Point, ...]:
    """Best test accuracy against a cost, for each run that has a result; with `fold`, for each configuration."""
    judged = [run for run in runs if run.best_test_accuracy is not None]
    parted = groups(judged) if fold else tuple((run,) for run in judged)
    found = []
    for name, members in zip(_group_labels(parted, fold=fold), parted, strict=True):
        reached = [run.best_test_accuracy or 0.0 for run in members]
        known = [cost for run in members if (cost := costs.get(run.id)) is not None]
        found.append(Point(name, _mean(known) if known else None, _mean(reached), _deviation(reached)))
    return tuple(found)


def pareto_front(candidates: Sequence[Point]) -> tuple[Point, ...]:
    """The points that no other one beats: none costs as little and is more accurate, none is as accurate and costs less."""
    known = [point for point in candidates if point.cost is not None]
    front: list[Point] = []
    for point in sorted(known, key=lambda each: (each.cost, -each.accuracy)):
        if not front or point.accuracy > front[-1].accuracy or (point.cost, point.accuracy) == (front[-1].cost, front[-1].accuracy):
            front.append(point)
    return tuple(front)


def _group_labels(parted: Sequence[tuple[Run, ...]], *, fold: bool) -> tuple[str, ...]:
    names = labels([members[0] for members in parted], leave_out=("seed",) if fold else ())
    return tuple(
        f"{name} ({len(members)} seeds)" if len(members) > 1 else name for name, members in zip(names, parted, strict=True)
    )


def _line(label: str, runs: tuple[Run, ...], curves: Sequence[Sequence[EpochDone]], quantity: Quantity) -> Line:
    far = min(len(curve) for curve in curves)
    together = [[curve[at] for curve in curves] for at in range(far)]
    elapsed = [list(accumulate(each.seconds for each in curve)) for curve in curves]
    values = [[getattr(each, quantity) for each in epoch] for epoch in together]
    means, spreads = [_mean(each) for each in values], [_deviation(each) for each in values]
    return Line(
        label=label,
        runs=runs,
        epochs=tuple(epoch[0].epoch for epoch in together),
        seconds=tuple(_mean([each[at] for each in elapsed]) for at in range(far)),
        values=tuple(means),
        low=tuple(mean - spread for mean, spread in zip(means, spreads, strict=True)),
        high=tuple(mean + spread for mean, spread in zip(means, spreads, strict=True)),
    )


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)


def _deviation(values: Sequence[float]) -> float:
    """Standard deviation of a sample; 0 where one value says nothing about it, or one is no number."""
    if len(values) < 2 or not all(map(isfinite, values)):
        return 0.0
    mean = _mean(values)
    return sqrt(sum((value - mean) ** 2 for value in values) / (len(values) - 1))


def _short(name: str) -> str:
    one_line = " ".join(name.split())
    return one_line if len(one_line) <= LABEL_LENGTH else f"{one_line[: LABEL_LENGTH - 1]}…"
