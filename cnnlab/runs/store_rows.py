"""Rows of the database as values."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import lru_cache
from typing import Any

from cnnlab import events
from cnnlab.config import RunConfig
from cnnlab.errors import ConfigError, RunNotFound, StoreError
from cnnlab.i18n import N_, say
from cnnlab.runs.records import ActiveRun, Run, Runs, State
from cnnlab.system.processes import Process
from cnnlab.text import shortened, well_formed

LONGEST_TAG = 40  # characters
MOST_TAGS = 20  # of one run


@contextmanager
def readable(what: str, name: Any) -> Iterator[None]:
    """Raises StoreError where the row cannot be read: it was damaged on the disk, or edited by hand."""
    try:
        yield
    except (ConfigError, ValueError, TypeError, LookupError, AttributeError) as error:  # IndexError: a column has a damaged name
        raise StoreError(
            say(
                "The record of runs is damaged: {what} {name} cannot be read ({error}). Put back a copy of it, or choose another "
                "home folder.",
                what=what,
                name=shortened(name),
                error=shortened(error, quoted=False),
            )
        ) from error


def active_run(row: sqlite3.Row) -> ActiveRun:
    process = Process(row["pid"], row["pid_started"])
    with readable(N_("run"), row["id"]):
        return ActiveRun(row["id"], State(row["state"]), _config(row["config"]), row["device"], process, row["owner"])


def row_of(connection: sqlite3.Connection, run_id: str) -> sqlite3.Row:
    """The run's row. Raises RunNotFound."""
    matching = rows(connection, "SELECT * FROM runs WHERE id = ?", (well_formed(run_id),))
    if not matching:
        raise RunNotFound(say("There is no run {run}.", run=shortened(run_id)))
    return matching[0]


def rows(connection: sqlite3.Connection, query: str, values: tuple[Any, ...] = (), *, plain: bool = False) -> list[Any]:
    """All rows of a query, `plain` as tuples. A byte that is not UTF-8 is read as �, so that it does not fail the whole query."""
    cursor = connection.cursor()
    if plain:
        cursor.row_factory = None  # takes half the time of named columns
    try:
        return cursor.execute(query, values).fetchall()
    except sqlite3.OperationalError as error:
        if "decode" not in str(error):
            raise
    # Stays for the connection's lifetime: it is slower, but damaged text is rare.
    connection.text_factory = lambda raw: raw.decode(errors="replace")
    return cursor.execute(query, values).fetchall()


@lru_cache(maxsize=1_000)
def _config(text: str) -> RunConfig:
    # Pages list the same 200 runs again and again, and validating a configuration costs more than reading its row.
    return RunConfig.from_json(text)


def event(row: sqlite3.Row) -> Any:
    with readable(N_("an event of kind"), row["kind"]):
        return events.from_dict({"event": row["kind"], **json.loads(row["body"])})


def events_of(rows: Sequence[sqlite3.Row]) -> tuple[Any, ...]:
    """The rows as events. Parsed as one JSON document: a hundred epochs take half the time."""
    try:
        bodies = json.loads(f"[{','.join(row['body'] for row in rows)}]")
        return tuple(events.from_dict({"event": row["kind"], **body}) for row, body in zip(rows, bodies, strict=True))
    except (ValueError, TypeError, KeyError):
        return tuple(event(row) for row in rows)  # the error names the damaged one


_TEXTS = ("id", "name", "device", "message", "owner", "note")
_NUMBERS = (
    *("created", "started", "ended", "epochs_done", "train_loss", "train_accuracy", "test_accuracy", "best_test_accuracy"),
    *("parameters", "seconds", "resumes", "images_per_second"),
)


def run(row: sqlite3.Row, positions: Mapping[str, int]) -> Run:
    """The row as a value; `positions` holds the queue position of each run id."""
    with readable(N_("run"), row["id"]):
        _check(row, _TEXTS, str)
        _check(row, _NUMBERS, int | float | None)  # SQLite accepts text in a numeric column
        return Run(
            **{name: row[name] for name in (*_TEXTS, *_NUMBERS)},
            state=State(row["state"]),
            config=_config(row["config"]),
            tags=tuple(map(str, json.loads(row["tags"]))),
            has_checkpoint=bool(row["has_checkpoint"]),
            position=positions.get(row["id"]),
        )


def changed_tags(row: sqlite3.Row, add: Sequence[str], remove: Sequence[str]) -> str:
    """The run's tags, as the table keeps them, after a change. Raises ConfigError."""
    wanted = [tag for tag in (" ".join(well_formed(tag).replace(",", " ").split()) for tag in add) if tag]
    tags = [tag for tag in dict.fromkeys([*json.loads(row["tags"]), *wanted]) if tag not in remove]
    too_long = next((tag for tag in wanted if len(tag) > LONGEST_TAG), None)
    if too_long:
        raise ConfigError(
            say(
                "A tag has at most {most} characters, not {count}: shorten {tag}.",
                most=LONGEST_TAG,
                count=len(too_long),
                tag=shortened(too_long),
            ),
            "tags",
        )
    if len(tags) > MOST_TAGS:
        raise ConfigError(
            say("A run has at most {most} tags, not {count}: remove some first.", most=MOST_TAGS, count=len(tags)), "tags"
        )
    return json.dumps(tags, ensure_ascii=False)


def runs(rows: Iterable[sqlite3.Row], positions: Mapping[str, int]) -> Runs:
    """The readable ones; for each other one a message."""
    good, damaged = [], []
    for row in rows:
        try:
            good.append(run(row, positions))
        except StoreError as error:
            damaged.append(left_out(row["id"], error.__cause__))
    result = Runs(good)
    result.unreadable = tuple(damaged)
    return result


def left_out(run_id: object, reason: object) -> str:
    """The message about a run that a list leaves out."""
    return (
        f"Run {shortened(run_id)} is left out: its row is damaged, or from a newer version of CNN Lab "
        f"({shortened(reason, quoted=False)}). Nothing was deleted and other runs are unaffected. "
        "To recover it, restore a backup of the database, or open it with the newer version."
    )


def _check(row: sqlite3.Row, names: Iterable[str], kind: Any) -> None:
    for name in names:
        if not isinstance(row[name], kind):
            raise ValueError(f"{name} is {shortened(row[name])}")
