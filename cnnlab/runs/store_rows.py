"""Rows of the store as values. Needs no torch."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Mapping
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


@contextmanager
def readable(what: str) -> Iterator[None]:
    """A row that was damaged on the disk, or by hand, is a sentence."""
    try:
        yield
    except (ConfigError, ValueError, TypeError, KeyError, AttributeError) as error:
        said = shortened(error, quoted=False)
        raise StoreError(
            f"The record of runs is damaged: {what} cannot be read ({said}). Put back a copy of it, or choose another home folder."
        ) from error


def active_run(row: sqlite3.Row) -> ActiveRun:
    plain = (row[name] for name in ("device", "pid", "pid_started", "owner"))
    with readable(f"run {shortened(row['id'])}"):
        return ActiveRun(row["id"], State(row["state"]), _config(row["config"]), *plain)


def row_of(connection: sqlite3.Connection, run_id: str) -> sqlite3.Row:
    """The run's row. Raises RunNotFound."""
    found = connection.execute("SELECT * FROM runs WHERE id = ?", (well_formed(run_id),)).fetchone()
    if found is None:
        raise RunNotFound(f"There is no run {shortened(run_id)}.")
    return found


@lru_cache(maxsize=1_000)
def _config(text: str) -> RunConfig:
    # A list of 200 runs is asked for again and again; checking a configuration costs more than reading its row.
    return RunConfig.from_json(text)


def event(row: sqlite3.Row) -> Any:
    with readable(f"an event of kind {shortened(row['kind'])}"):
        return events.from_dict({"event": row["kind"], **json.loads(row["body"])})


_SAME = (
    *("id", "name", "created", "started", "ended", "device", "message", "epochs_done", "train_loss", "train_accuracy"),
    *("test_accuracy", "best_test_accuracy", "parameters", "seconds", "owner", "note", "resumes", "images_per_second"),
)


def run(row: sqlite3.Row, positions: Mapping[str, int]) -> Run:
    """The row as a value, with its place among `positions` of the queue."""
    with readable(f"run {shortened(row['id'])}"):
        return Run(
            **{name: row[name] for name in _SAME},
            state=State(row["state"]),
            config=_config(row["config"]),
            has_checkpoint=bool(row["has_checkpoint"]),
            position=positions.get(row["id"]),
        )
