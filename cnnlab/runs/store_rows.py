"""Rows of the store as values. Needs no torch."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from cnnlab import events
from cnnlab.config import RunConfig
from cnnlab.errors import ConfigError, RunNotFound, StoreError
from cnnlab.runs.records import Run, State
from cnnlab.text import shortened, well_formed

Process = tuple[int | None, str | None]  # number, and what tells it from a later one with the same number


@dataclass(frozen=True, slots=True)
class ActiveRun:
    """What the dispatcher needs to know of a run that waits or trains."""

    id: str
    state: State
    config: RunConfig
    device: str
    pid: int | None
    pid_started: str | None
    owner: str

    @property
    def waits(self) -> bool:
        return self.state is State.QUEUED


class Runs(tuple[Run, ...]):
    """Runs that could be read, and a sentence for each that could not: one damaged row must not hide the others."""

    unreadable: tuple[str, ...] = ()


@contextmanager
def readable(what: str, name: Any) -> Iterator[None]:
    """A row that was damaged on the disk, or by hand, is a sentence about `what`, called `name`."""
    try:
        yield
    except (ConfigError, ValueError, TypeError, KeyError, AttributeError) as error:
        said = shortened(error, quoted=False)
        raise StoreError(
            f"The record of runs is damaged: {what} {shortened(name)} cannot be read ({said}). "
            "Put back a copy of it, or choose another home folder."
        ) from error


def active_run(row: sqlite3.Row) -> ActiveRun:
    plain = (row[name] for name in ("device", "pid", "pid_started", "owner"))
    with readable("run", row["id"]):
        return ActiveRun(row["id"], State(row["state"]), _config(row["config"]), *plain)


def row_of(connection: sqlite3.Connection, run_id: str) -> sqlite3.Row:
    """The run's row. Raises RunNotFound."""
    found = rows(connection, "SELECT * FROM runs WHERE id = ?", (well_formed(run_id),))
    if not found:
        raise RunNotFound(f"There is no run {shortened(run_id)}.")
    return found[0]


def rows(connection: sqlite3.Connection, query: str, values: tuple[Any, ...] = (), *, plain: bool = False) -> list[Any]:
    """All rows of a query, `plain` as tuples; a letter that a disk has damaged is a � where it would fail the whole query."""
    cursor = connection.cursor()
    if plain:
        cursor.row_factory = None  # half the time of rows with names
    try:
        return cursor.execute(query, values).fetchall()
    except sqlite3.OperationalError as error:
        if "decode" not in str(error):
            raise
    # For the rest of the connection's life: slower, but such a record is rare.
    connection.text_factory = lambda raw: raw.decode(errors="replace")
    return cursor.execute(query, values).fetchall()


@lru_cache(maxsize=1_000)
def _config(text: str) -> RunConfig:
    # A list of 200 runs is asked for again and again; checking a configuration costs more than reading its row.
    return RunConfig.from_json(text)


def event(row: sqlite3.Row) -> Any:
    with readable("an event of kind", row["kind"]):
        return events.from_dict({"event": row["kind"], **json.loads(row["body"])})


def events_of(rows: Sequence[sqlite3.Row]) -> tuple[Any, ...]:
    """What all these rows tell; read as one document, a hundred epochs take half the time."""
    try:
        bodies = json.loads(f"[{','.join(row['body'] for row in rows)}]")
        return tuple(events.from_dict({"event": row["kind"], **body}) for row, body in zip(rows, bodies, strict=True))
    except (ValueError, TypeError, KeyError):
        return tuple(event(row) for row in rows)  # says which of them is damaged


_TEXTS = ("id", "name", "device", "message", "owner", "note")
_NUMBERS = (
    *("created", "started", "ended", "epochs_done", "train_loss", "train_accuracy", "test_accuracy", "best_test_accuracy"),
    *("parameters", "seconds", "resumes", "images_per_second"),
)


def run(row: sqlite3.Row, positions: Mapping[str, int]) -> Run:
    """The row as a value, with its place among `positions` of the queue."""
    with readable("run", row["id"]):
        _check(row, _TEXTS, str)
        _check(row, _NUMBERS, int | float | None)  # SQLite keeps text in a column of numbers
        return Run(
            **{name: row[name] for name in (*_TEXTS, *_NUMBERS)},
            state=State(row["state"]),
            config=_config(row["config"]),
            has_checkpoint=bool(row["has_checkpoint"]),
            position=positions.get(row["id"]),
        )


def runs(found: Iterable[sqlite3.Row], positions: Mapping[str, int]) -> Runs:
    """Those that can be read; for each other one a sentence."""
    good, damaged = [], []
    for row in found:
        try:
            good.append(run(row, positions))
        except StoreError as error:
            damaged.append(left_out(row["id"], error.__cause__))
    made = Runs(good)
    made.unreadable = tuple(damaged)
    return made


def left_out(run_id: object, why: object) -> str:
    """What is said of a run that a list goes on without."""
    return (
        f"Run {shortened(run_id)} is left out: its part of the record is damaged, or from a newer version of CNN Lab "
        f"({shortened(why, quoted=False)}). It is kept as it is, and the other runs go on; to have it back, put back a copy of the "
        "record from before, or start that version."
    )


def _check(row: sqlite3.Row, names: Iterable[str], kind: Any) -> None:
    for name in names:
        if not isinstance(row[name], kind):
            raise ValueError(f"{name} is {shortened(row[name])}")
