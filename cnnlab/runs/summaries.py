"""All runs as short rows for a table of ten thousand, and the small curve that stands in each. Needs no torch.

A configuration is read by pydantic in 60 µs; ten thousand of them would hold up a page for most of a second. So what a table shows
stands in columns of its own, which triggers keep up to date whoever writes a run or an epoch.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from cnnlab.runs.records import ACTIVE, State

if TYPE_CHECKING:
    import sqlite3

POINTS = 20  # of the small curve: as many as a cell has room for, and about 130 bytes a run


def _curve(run: str, last: str) -> str:
    """SQL for the small curve of a run whose last epoch is `last`. A body that SQLite cannot read (no finite loss) leaves a gap."""
    stride = f"max(1, ({last} + {POINTS - 2}) / {POINTS - 1})"
    return (
        "(SELECT json_group_array(value) FROM (SELECT round(json_extract(body, '$.test_accuracy'), 3) AS value FROM events"  # noqa: S608
        f" WHERE run_id = {run} AND kind = 'epoch_done' AND ((number - 1) % {stride} = 0 OR number = {last})"
        " AND json_valid(body) ORDER BY number))"
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


@dataclass(frozen=True, slots=True)
class Summaries:
    """All runs, the newest first. The same `version` is the same runs with the same figures (`seconds` may be one epoch old)."""

    version: int
    runs: tuple[Summary, ...]


def version(connection: sqlite3.Connection) -> int:
    """A number that grows with each change of what the table shows."""
    return connection.execute("SELECT count FROM changes").fetchone()[0]


def summaries(connection: sqlite3.Connection, limit: int) -> Summaries:
    """The newest `limit` runs, the newest first, by one query."""
    cursor = connection.cursor()
    cursor.row_factory = None  # plain tuples: half the time of rows with names
    rows = cursor.execute(
        "SELECT id, name, state, owner, architecture, dataset, epochs_done, epochs, test_accuracy, best_test_accuracy, parameters,"
        " seconds, images_per_second, device, created, curve FROM runs ORDER BY number DESC LIMIT ?",
        (max(0, limit),),
    ).fetchall()
    # One document for all curves: ten thousand calls of the parser would take three times as long.
    curves = json.loads(f"[{','.join(row[-1] for row in rows)}]")
    states = {state.value: state for state in State}
    found = tuple(
        Summary(row[0], row[1], states[row[2]], *row[3:-1], tuple(curve)) for row, curve in zip(rows, curves, strict=True)
    )
    return Summaries(version(connection), found)
