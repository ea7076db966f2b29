"""All runs as short rows, each with a small curve, for a table of ten thousand.

Pydantic needs 60 µs to read a configuration, so ten thousand would delay a page by more than half a second. The table's values
therefore have columns of their own, which triggers in the database keep up to date.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from itertools import chain
from types import NoneType
from typing import TYPE_CHECKING, Any, NamedTuple

from cnnlab import architectures
from cnnlab.architectures import own_code
from cnnlab.config import RunConfig
from cnnlab.datasets import known as known_data
from cnnlab.runs import store_rows
from cnnlab.runs.records import ACTIVE, State
from cnnlab.text import shortened

if TYPE_CHECKING:
    import sqlite3


MOST_RUNS = 10_000  # in a table


class Summary(NamedTuple):
    """One run in a row of a table. Times are seconds since 1970 (UTC)."""

    id: str
    name: str
    state: State
    owner: str
    architecture: str
    dataset: str
    epochs_done: int
    epochs: int
    train_loss: float | None  # of the last epoch
    test_accuracy: float | None  # of the last epoch
    best_test_accuracy: float | None
    parameters: int | None
    seconds: float | None  # of training, as `Run.seconds`
    images_per_second: float | None
    device: str
    created: float
    config_json: str  # `settings` reads it
    tags: tuple[str, ...]
    curve: tuple[float, ...]  # test accuracy of at most 20 epochs, evenly spread, with the last

    @property
    def active(self) -> bool:
        """As `Run.active`."""
        return self.state in ACTIVE

    @property
    def settings(self) -> Mapping[str, Any]:
        """All settings by name, as `config_words.settings`; shared, so not to be changed. Raises ConfigError."""
        return _settings(self.config_json)


@dataclass(frozen=True)
class Summaries:
    """All runs, newest first. The same `version` means the same runs and figures (`seconds` may be one epoch old).

    Values over all runs are cached: each takes a millisecond for ten thousand runs, and a page reads five of them.
    """

    version: int
    runs: tuple[Summary, ...]
    unreadable: tuple[str, ...] = ()  # a message for each run whose row is damaged
    newest: int = 0  # the highest run number among them

    def interrupted(self, ids: Set[str], message: str) -> Summaries:
        """Those among `ids` as interrupted ones; rows have no message."""
        runs = tuple(run._replace(state=State.INTERRUPTED) if run.id in ids else run for run in self.runs)
        # No record has this version; and dead processes only become more until the record changes.
        return replace(self, runs=runs, version=-(MOST_RUNS * self.version + len(ids)))

    @cached_property
    def states(self) -> frozenset[State]:
        return frozenset(run.state for run in self.runs)

    @cached_property
    def active(self) -> tuple[Summary, ...]:
        """The active runs, newest first."""
        return tuple(run for run in self.runs if run.active)

    @cached_property
    def owners(self) -> tuple[str, ...]:
        """The owners' names, sorted; runs without an owner count for none."""
        return tuple(sorted({run.owner for run in self.runs} - {""}))

    @cached_property
    def architectures(self) -> tuple[str, ...]:
        return tuple(sorted({run.architecture for run in self.runs}))

    @cached_property
    def datasets(self) -> tuple[str, ...]:
        return tuple(sorted({run.dataset for run in self.runs}))

    @cached_property
    def tags(self) -> tuple[str, ...]:
        return tuple(sorted(set(chain.from_iterable(run.tags for run in self.runs))))


def version(connection: sqlite3.Connection) -> int:
    """A number that grows with every change of a value in the table."""
    return connection.execute("SELECT count FROM changes").fetchone()[0]


def summaries(connection: sqlite3.Connection, limit: int, known: Summaries | None = None) -> Summaries:
    """The newest `limit` runs, newest first. With `known`, only runs that changed since are read.

    Ten thousand runs take 100 ms, and one changed run among them 3 ms.
    """
    if known and (updated := _updated(connection, limit, known)):
        return updated
    rows = store_rows.rows(connection, f"{_SELECT} ORDER BY number DESC LIMIT ?", (max(0, limit),), plain=True)
    newest = rows[0][-1] if rows else 0
    try:
        return Summaries(version(connection), tuple(_read(rows)), newest=newest)
    except (ValueError, TypeError):
        return _one_by_one(version(connection), rows, newest)


def _updated(connection: sqlite3.Connection, limit: int, known: Summaries) -> Summaries | None:
    """`known` with the changes since; None where all must be read again: a run was deleted, or a row is damaged."""
    deletion = connection.execute("SELECT deletion FROM changes").fetchone()[0]
    if deletion > known.version or known.unreadable:
        return None
    rows = store_rows.rows(connection, f"{_SELECT} WHERE changed > ? ORDER BY number DESC", (known.version,), plain=True)
    try:
        changed = _read(rows)
    except (ValueError, TypeError):
        return None
    later = [run for run, row in zip(changed, rows, strict=True) if row[-1] > known.newest]
    latest = {run.id: run for run in changed}
    runs = (*later, *(latest.get(run.id, run) for run in known.runs))[: max(0, limit)]
    return Summaries(version(connection), runs, newest=rows[0][-1] if later else known.newest)


_TEXT, _WHOLE, _MAYBE = {str}, {int}, {int, float, NoneType}
# The columns in the order of Summary's fields, with their types: SQLite itself accepts text in a numeric column.
_KINDS: dict[str, set[type]] = {
    **dict.fromkeys(("id", "name", "state", "owner", "architecture", "dataset"), _TEXT),
    **dict.fromkeys(("epochs_done", "epochs"), _WHOLE),
    **dict.fromkeys(("train_loss", "test_accuracy", "best_test_accuracy", "parameters", "seconds", "images_per_second"), _MAYBE),
    **{"device": _TEXT, "created": {float, int}, "config": _TEXT, "tags": _TEXT, "curve": _TEXT},
}
_DATASET = list(_KINDS).index("dataset")
_SELECT = f"SELECT {', '.join(_KINDS)}, json_valid(config), number FROM runs"  # noqa: S608 - names from above


def _read(rows: Sequence[tuple[Any, ...]]) -> list[Summary]:
    """Raises ValueError where a row is damaged. The check goes column by column: ten thousand rows take 10 ms."""
    states = {state.value: state for state in State}
    known = {
        "state": set(states),
        "architecture": {card.name for card in architectures.every_card()} | {own_code.NAME},
        "dataset": {name for name in {row[_DATASET] for row in rows} if known_data.exists(name)},
    }
    for (name, kinds), column in zip(_KINDS.items(), zip(*rows, strict=True), strict=False):
        if not set(map(type, column)) <= kinds or (name in known and not set(column) <= known[name]):
            raise ValueError(f"{name} is {shortened(column[0])}")  # `_one_by_one` passes a single row
    if not all(row[-2] for row in rows):
        raise ValueError("its settings are not JSON")
    # Parsed as one JSON document: ten thousand calls of the parser take three times as long.
    curves = json.loads(f"[{','.join(row[-3] for row in rows)}]")
    tags = json.loads(f"[{','.join(row[-4] for row in rows)}]")
    if not set(map(type, chain.from_iterable(curves))) <= _MAYBE:
        raise ValueError("its curve has values that are not numbers")
    if not set(map(type, chain.from_iterable(tags))) <= _TEXT:
        raise ValueError("its tags are not words")
    return [
        Summary(row[0], row[1], states[row[2]], *row[3:-4], tuple(words), tuple(curve))
        for row, words, curve in zip(rows, tags, curves, strict=True)
    ]


@lru_cache(maxsize=MOST_RUNS)
def _settings(config: str) -> Mapping[str, Any]:
    # Pydantic needs 60 µs, and a table shows the same thousand runs again and again.
    values = RunConfig.from_json(config)
    return {name: value for name, value in values if name != "options"} | {
        f"options.{name}": value for name, value in values.options.items()
    }


def _one_by_one(version: int, rows: Sequence[tuple[Any, ...]], newest: int) -> Summaries:
    readable: list[Summary] = []
    damaged = []
    for row in rows:
        try:
            readable += _read([row])
        except (ValueError, TypeError) as error:
            damaged.append(store_rows.left_out(row[0], error))
    return Summaries(version, tuple(readable), tuple(damaged), newest)
