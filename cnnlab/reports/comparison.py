"""Runs side by side, in the reader's language: differences, curves, seeds as one line, best trade-offs. Needs no torch."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from math import isfinite, sqrt
from typing import Literal

from cnnlab.architectures.own import Network
from cnnlab.architectures.own.words import differing
from cnnlab.config import RunConfig
from cnnlab.config_words import NETWORK, settings, title, words
from cnnlab.events import EpochDone
from cnnlab.i18n import N_, _, ngettext
from cnnlab.run_names import name_of
from cnnlab.runs.records import Run
from cnnlab.text import in_sentence, listed

Quantity = Literal["test_accuracy", "train_accuracy", "test_loss", "train_loss"]
QUANTITIES: dict[Quantity, str] = {
    "test_accuracy": N_("Test accuracy"),
    "train_accuracy": N_("Training accuracy"),
    "test_loss": N_("Test loss"),
    "train_loss": N_("Training loss"),
}
ABSENT = "–"  # a setting that the network does not have
LABEL_LENGTH = 48  # characters of a name in a legend; the table shows all of it


@dataclass(frozen=True, slots=True)
class Difference:
    """One setting in which configurations differ."""

    field: str  # its name in errors: "learning_rate", "options.hidden"
    title: str
    values: tuple[str, ...]  # in words, one for each configuration
    is_cause: bool = True  # False for the name of a user's own network, which changes nothing


@dataclass(frozen=True, slots=True)
class Line:
    """One entry of a legend: a run, or several that differ only in their seed.

    `low` and `high` are one standard deviation from the mean; for a single run they are the value.
    """

    label: str
    runs: tuple[Run, ...]
    epochs: tuple[int, ...]
    seconds: tuple[float, ...]  # until the end of each epoch; the mean of several runs
    values: tuple[float, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]

    @property
    def folded(self) -> bool:
        return len(self.runs) > 1


@dataclass(frozen=True, slots=True)
class Point:
    """One mark of the scatter chart. `cost` is None where it is unknown."""

    label: str
    cost: float | None
    accuracy: float  # best test accuracy, 0..1; the mean of several runs
    spread: float  # standard deviation of the accuracy; 0 for a single run


def is_number(value: object) -> bool:
    """Whether a setting's value can stand on an axis; yes and no cannot."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def differences(configs: Sequence[RunConfig]) -> tuple[Difference, ...]:
    """The settings in which the configurations differ, in the order of the form."""
    columns = [settings(config) for config in configs]
    found = []
    for name in dict.fromkeys(name for column in columns for name in column):
        if name == NETWORK:
            found += _differing_rows([column.get(name) for column in columns])
            continue
        values = tuple(words(name, column[name]) if name in column else ABSENT for column in columns)
        if len(set(values)) > 1:
            # One option can have two titles: the "depth" of a ResNet is a number of layers, or of blocks.
            titles = dict.fromkeys(
                title(name, config.architecture) for config, column in zip(configs, columns, strict=True) if name in column
            )
            found.append(Difference(name, " / ".join(titles), values))
    return tuple(found)


def _differing_rows(texts: Sequence[str | None]) -> list[Difference]:
    """Two networks of a user's own differ in rows, not in two texts of JSON."""
    networks = [Network.read(text) if text else None for text in texts]
    titles = tuple(network.title if network else ABSENT for network in networks)
    named = [Difference(NETWORK, _("Network"), titles, is_cause=None in networks)] if len(set(titles)) > 1 else []
    if None in networks:
        return named
    return named + [Difference(NETWORK, _("Row {name}").format(name=name), words) for name, words in differing(networks)]


def labels(runs: Sequence[Run], *, leave_out: tuple[str, ...] = ()) -> tuple[str, ...]:
    """A name for each run that no other has.

    Runs of the same name get the settings in which they differ (without `leave_out`), and their ids where that is not enough.
    """
    found = [_short(name_of(run) if run.name else f"{run.config.network} {run.id}") for run in runs]
    for name, count in Counter(found).items():
        if count == 1:
            continue
        places = [place for place, label in enumerate(found) if label == name]
        differing = [row for row in differences([runs[place].config for place in places]) if row.field not in leave_out]
        for order, place in enumerate(places):
            marks = [f"{in_sentence(row.title)} {row.values[order]}" for row in differing[:3]]
            found[place] = " · ".join([name, *marks])
    repeated = {label for label, count in Counter(found).items() if count > 1}
    return tuple(f"{label} · {run.id}" if label in repeated else label for run, label in zip(runs, found, strict=True))


def groups(runs: Sequence[Run]) -> tuple[tuple[Run, ...], ...]:
    """The runs in groups that differ only in their seed, in the order of each group's first run."""
    found: dict[str, list[Run]] = {}
    for run in runs:
        recipe = settings(run.config) | {"seed": None}
        found.setdefault(json.dumps(recipe, sort_keys=True, default=str), []).append(run)
    return tuple(tuple(members) for members in found.values())


def lines(
    runs: Sequence[Run], epochs: dict[str, Sequence[EpochDone]], quantity: Quantity, *, fold: bool, by: str | None = None
) -> tuple[Line, ...]:
    """A line for each run with a finished epoch.

    With `fold`, a line for each configuration, and with `by` for each value of that setting; up to the last epoch that all of its
    runs have finished.
    """
    trained = [run for run in runs if epochs.get(run.id)]
    return tuple(
        _line(name, members, [epochs[run.id] for run in members], quantity) for name, members in _named(trained, fold=fold, by=by)
    )


def points(runs: Sequence[Run], costs: dict[str, float | None], *, fold: bool) -> tuple[Point, ...]:
    """Best test accuracy against a cost, for each run with a result; with `fold`, for each configuration."""
    evaluated = [run for run in runs if run.best_test_accuracy is not None]
    found = []
    for name, members in _named(evaluated, fold=fold):
        reached = [run.best_test_accuracy or 0.0 for run in members]
        known = [cost for run in members if (cost := costs.get(run.id)) is not None]
        found.append(Point(name, _mean(known) if known else None, _mean(reached), _deviation(reached)))
    return tuple(found)


def pareto_front(candidates: Sequence[Point]) -> tuple[Point, ...]:
    """The points that no other point beats: none is more accurate at the same or lower cost, or as accurate at a lower one."""
    known = [point for point in candidates if point.cost is not None]
    front: list[Point] = []
    for point in sorted(known, key=lambda point: (point.cost, -point.accuracy)):
        if not front or point.accuracy > front[-1].accuracy or (point.cost, point.accuracy) == (front[-1].cost, front[-1].accuracy):
            front.append(point)
    return tuple(front)


def trade_offs(names: Sequence[str]) -> str:
    """The Pareto front in a sentence."""
    sentence = _("Best trade-offs: {names}. No other selected run is more accurate at the same or lower cost.")
    return sentence.format(names=listed(names))


def _named(runs: Sequence[Run], *, fold: bool, by: str | None = None) -> list[tuple[str, tuple[Run, ...]]]:
    """The runs in groups of one line each, with their names."""
    if by is None:
        parted = groups(runs) if fold else tuple((run,) for run in runs)
        return list(zip(_group_labels(parted, fold=fold), parted, strict=True))
    found: dict[str, list[Run]] = {}
    for run in runs:
        values = settings(run.config)
        found.setdefault(words(by, values[by]) if by in values else ABSENT, []).append(run)
    name = title(by, runs[0].config.architecture) if runs and by in settings(runs[0].config) else by.rpartition(".")[2]
    return [
        (_("{name} {value} ({runs})").format(name=name, value=value, runs=_runs(len(members))), tuple(members))
        for value, members in found.items()
    ]


def _runs(count: int) -> str:
    return ngettext("{count:,} run", "{count:,} runs", count).format(count=count)


def _group_labels(parted: Sequence[tuple[Run, ...]], *, fold: bool) -> tuple[str, ...]:
    names = labels([members[0] for members in parted], leave_out=("seed",) if fold else ())
    return tuple(
        _("{name} ({count} seeds)").format(name=name, count=len(members)) if len(members) > 1 else name
        for name, members in zip(names, parted, strict=True)
    )


def _line(label: str, runs: tuple[Run, ...], curves: Sequence[Sequence[EpochDone]], quantity: Quantity) -> Line:
    far = min(len(curve) for curve in curves)
    together = [[curve[at] for curve in curves] for at in range(far)]
    elapsed = [list(accumulate(done.seconds for done in curve)) for curve in curves]
    values = [[getattr(done, quantity) for done in epoch] for epoch in together]
    means, spreads = list(map(_mean, values)), list(map(_deviation, values))
    return Line(
        label=label,
        runs=runs,
        epochs=tuple(epoch[0].epoch for epoch in together),
        seconds=tuple(_mean([seconds[at] for seconds in elapsed]) for at in range(far)),
        values=tuple(means),
        low=tuple(mean - spread for mean, spread in zip(means, spreads, strict=True)),
        high=tuple(mean + spread for mean, spread in zip(means, spreads, strict=True)),
    )


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)


def _deviation(values: Sequence[float]) -> float:
    """Standard deviation of a sample; 0 for a single value, or where one is not finite."""
    if len(values) < 2 or not all(map(isfinite, values)):
        return 0.0
    mean = _mean(values)
    return sqrt(sum((value - mean) ** 2 for value in values) / (len(values) - 1))


def _short(name: str) -> str:
    one_line = " ".join(name.split())
    return one_line if len(one_line) <= LABEL_LENGTH else f"{one_line[: LABEL_LENGTH - 1]}…"
