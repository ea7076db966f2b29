"""All runs as short rows for a table of ten thousand, and the small curve that stands in each. Needs no torch.

A configuration is read by pydantic in 60 µs; ten thousand of them would hold up a page for most of a second. So what a table shows
stands in columns of its own, which triggers keep up to date whoever writes a run or an epoch.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import chain
from types import NoneType
from typing import TYPE_CHECKING, Any, NamedTuple

from cnnlab import architectures, datasets
from cnnlab.runs import store_rows
from cnnlab.runs.records import ACTIVE, State
from cnnlab.text import shortened

if TYPE_CHECKING:
    import sqlite3


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
    test_accuracy: float | None  # of the last epoch
    best_test_accuracy: float | None
    parameters: int | None
    seconds: float | None  # spent on it, as `Run.seconds`
    images_per_second: float | None
    device: str
    created: float
    curve: tuple[float, ...]  # test accuracy of at most 20 epochs, evenly spread, with the last

    @property
    def active(self) -> bool:
        """True while something may still happen to it."""
        return self.state in ACTIVE


@dataclass(frozen=True)
class Summaries:
    """All runs, the newest first. The same `version` is the same runs with the same figures (`seconds` may be one epoch old).

    What is said of all together is found out once: ten thousand runs take a millisecond each time, and a page asks for five.
    """

    version: int
    runs: tuple[Summary, ...]
    unreadable: tuple[str, ...] = ()  # a sentence for each run whose row is damaged
    newest: int = 0  # the number of the newest run; a later one has a higher

    @cached_property
    def states(self) -> frozenset[State]:
        return frozenset(run.state for run in self.runs)

    @cached_property
    def active(self) -> tuple[tuple[str, State], ...]:
        """Those to which something may still happen, with what they do."""
        return tuple((run.id, run.state) for run in self.runs if run.active)

    @cached_property
    def owners(self) -> tuple[str, ...]:
        """In order, like the following; without those who gave no name."""
        return tuple(sorted({run.owner for run in self.runs} - {""}))

    @cached_property
    def architectures(self) -> tuple[str, ...]:
        return tuple(sorted({run.architecture for run in self.runs}))

    @cached_property
    def datasets(self) -> tuple[str, ...]:
        return tuple(sorted({run.dataset for run in self.runs}))


def version(connection: sqlite3.Connection) -> int:
    """A number that grows with each change of what the table shows."""
    return connection.execute("SELECT count FROM changes").fetchone()[0]


def summaries(connection: sqlite3.Connection, limit: int, known: Summaries | None = None) -> Summaries:
    """The newest `limit` runs, the newest first, by one query; of those in `known` only what has changed since is read.

    Ten thousand runs take 100 ms, one that has changed among them 3.
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
    """`known` with what has changed since; None where all must be read again: a run is gone, or a row is damaged."""
    deletion = connection.execute("SELECT deletion FROM changes").fetchone()[0]
    if deletion > known.version or known.unreadable:
        return None
    rows = store_rows.rows(connection, f"{_SELECT} WHERE changed > ? ORDER BY number DESC", (known.version,), plain=True)
    try:
        changed = _read(rows)
    except (ValueError, TypeError):
        return None
    later = [run for run, row in zip(changed, rows, strict=True) if row[-1] > known.newest]
    now = {run.id: run for run in changed}
    runs = (*later, *(now.get(run.id, run) for run in known.runs))[: max(0, limit)]
    return Summaries(version(connection), runs, newest=rows[0][-1] if later else known.newest)


_TEXT, _WHOLE, _MAYBE = {str}, {int}, {int, float, NoneType}
# The columns in the order of Summary's fields, and the types that they can have; SQLite itself keeps text in a column of numbers.
_KINDS: dict[str, set[type]] = {
    **dict.fromkeys(("id", "name", "state", "owner", "architecture", "dataset"), _TEXT),
    **dict.fromkeys(("epochs_done", "epochs"), _WHOLE),
    **dict.fromkeys(("test_accuracy", "best_test_accuracy", "parameters", "seconds", "images_per_second"), _MAYBE),
    **{"device": _TEXT, "created": {float, int}, "curve": _TEXT},
}
_SELECT = f"SELECT {', '.join(_KINDS)}, json_valid(config), number FROM runs"  # noqa: S608 - names from above


def _read(rows: Sequence[tuple[Any, ...]]) -> list[Summary]:
    """Raises ValueError where any of them is damaged; checked column by column, ten thousand rows take 10 ms."""
    states = {state.value: state for state in State}
    known = {
        "state": set(states),
        "architecture": {card.name for card in architectures.cards()},
        "dataset": {entry.name for entry in datasets.entries()},
    }
    for (name, kinds), column in zip(_KINDS.items(), zip(*rows, strict=True), strict=False):
        if not set(map(type, column)) <= kinds or (name in known and not set(column) <= known[name]):
            raise ValueError(f"{name} is {shortened(column[0])}")  # read one by one, the first is the only one
    if not all(row[-2] for row in rows):
        raise ValueError("its settings are no JSON")
    # One document for all curves: ten thousand calls of the parser would take three times as long.
    curves = json.loads(f"[{','.join(row[-3] for row in rows)}]")
    if not set(map(type, chain.from_iterable(curves))) <= _MAYBE:
        raise ValueError("its curve has values that are no numbers")
    return [Summary(row[0], row[1], states[row[2]], *row[3:-3], tuple(curve)) for row, curve in zip(rows, curves, strict=True)]


def _one_by_one(version: int, rows: Sequence[tuple[Any, ...]], newest: int) -> Summaries:
    found: list[Summary] = []
    damaged = []
    for row in rows:
        try:
            found += _read([row])
        except (ValueError, TypeError) as error:
            damaged.append(store_rows.left_out(row[0], error))
    return Summaries(version, tuple(found), tuple(damaged), newest)
