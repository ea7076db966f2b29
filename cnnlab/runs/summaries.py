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

POINTS = 20  # of the small curve: as many as a cell has room for, and about 130 bytes a run


def _curve(run: str, last: str, where: str = "") -> str:
    """SQL for the small curve of a run whose last epoch is `last`. A body that SQLite cannot read (no finite loss) leaves a gap."""
    stride = f"max(1, ({last} + {POINTS - 2}) / {POINTS - 1})"
    return (
        "(SELECT json_group_array(value) FROM (SELECT round(json_extract(body, '$.test_accuracy'), 3) AS value FROM events"  # noqa: S608
        f" WHERE run_id = {run} AND kind = 'epoch_done' AND ((number - 1) % {stride} = 0 OR number = {last})"
        f" AND json_valid(body){where} ORDER BY number))"
    )


_FROM_CONFIG = ", ".join(f"{name} = json_extract(config, '$.{name}')" for name in ("architecture", "dataset", "epochs"))
_SHOWN = "name, state, owner, config, device, epochs_done, parameters, curve"  # a change of these is a change of the table
_COUNT = "UPDATE changes SET count = count + 1;"
MIGRATION = (
    "summaries",
    (
        "ALTER TABLE runs ADD COLUMN architecture TEXT",
        "ALTER TABLE runs ADD COLUMN dataset TEXT",
        "ALTER TABLE runs ADD COLUMN epochs INTEGER",
        "ALTER TABLE runs ADD COLUMN curve TEXT NOT NULL DEFAULT '[]'",  # JSON: test accuracies, at most POINTS
        f"UPDATE runs SET {_FROM_CONFIG}",  # noqa: S608
        f"UPDATE runs SET curve = {_curve('runs.id', 'runs.epochs_done')} WHERE epochs_done > 0",  # noqa: S608
        "CREATE TABLE changes (count INTEGER NOT NULL)",  # tells who has read all runs whether they must be read again
        "INSERT INTO changes VALUES (0)",
        *(
            f"CREATE TRIGGER {name} AFTER {change} ON runs BEGIN"  # noqa: S608
            f" UPDATE runs SET {_FROM_CONFIG} WHERE number = new.number; {_COUNT} END"
            for name, change in (("run_made", "INSERT"), ("run_extended", "UPDATE OF config"))
        ),
        f"CREATE TRIGGER run_changed AFTER UPDATE OF {_SHOWN} ON runs BEGIN {_COUNT} END",
        f"CREATE TRIGGER run_deleted AFTER DELETE ON runs BEGIN {_COUNT} END",
        f"CREATE TRIGGER epoch_done AFTER INSERT ON events WHEN new.kind = 'epoch_done' BEGIN"  # noqa: S608
        f" UPDATE runs SET curve = {_curve('new.run_id', 'new.number')} WHERE id = new.run_id; END",
    ),
)
# A run that goes back to an older checkpoint loses epochs; the curve follows the count of epochs, whichever way it goes.
CURVE_MIGRATION = (
    "curve-follows-epochs",
    (
        "DROP TRIGGER epoch_done",
        # Not beyond the last: a run that goes back to its beginning has no curve.
        f"CREATE TRIGGER epochs_done AFTER UPDATE OF epochs_done ON runs WHEN new.epochs_done IS NOT old.epochs_done BEGIN"  # noqa: S608
        f" UPDATE runs SET curve = {_curve('new.id', 'new.epochs_done', ' AND number <= new.epochs_done')}"
        " WHERE number = new.number; END",
        f"UPDATE runs SET curve = {_curve('runs.id', 'runs.epochs_done')}"  # noqa: S608
        " WHERE id IN (SELECT run_id FROM events WHERE kind = 'run_resumed')",
    ),
)
# Each run bears the count of its last change, so that who has read all runs reads only those that have changed since.
_MARK = f"{_COUNT} UPDATE runs SET changed = (SELECT count FROM changes) WHERE number = new.number;"  # noqa: S608
CHANGED_MIGRATION = (
    "runs-bear-their-last-change",
    (
        "ALTER TABLE runs ADD COLUMN changed INTEGER NOT NULL DEFAULT 0",
        "ALTER TABLE changes ADD COLUMN deletion INTEGER NOT NULL DEFAULT 0",  # the count when a run was last deleted
        "CREATE INDEX runs_changed ON runs (changed)",
        *(f"DROP TRIGGER {name}" for name in ("run_made", "run_extended", "run_changed", "run_deleted")),
        *(
            f"CREATE TRIGGER {name} AFTER {change} ON runs BEGIN"  # noqa: S608
            f" UPDATE runs SET {_FROM_CONFIG} WHERE number = new.number; {_MARK} END"
            for name, change in (("run_made", "INSERT"), ("run_extended", "UPDATE OF config"))
        ),
        f"CREATE TRIGGER run_changed AFTER UPDATE OF {_SHOWN} ON runs BEGIN {_MARK} END",
        f"CREATE TRIGGER run_deleted AFTER DELETE ON runs BEGIN {_COUNT} UPDATE changes SET deletion = count; END",  # noqa: S608
    ),
)


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
    curve: tuple[float, ...]  # test accuracy at up to POINTS epochs, evenly spread, and at the last

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
