"""Rows of the store as values. Needs no torch."""

from __future__ import annotations

import json
import sqlite3
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from cnnlab import events
from cnnlab.config import RunConfig
from cnnlab.errors import RunNotFound
from cnnlab.runs.records import Run, State


@dataclass(frozen=True, slots=True)
class ActiveRun:
    """What the dispatcher needs to know of a run that has not ended."""

    id: str
    state: State
    config: RunConfig
    device: str
    pid: int | None
    pid_started: str | None


def active_run(row: sqlite3.Row) -> ActiveRun:
    return ActiveRun(row["id"], State(row["state"]), _config(row["config"]), row["device"], row["pid"], row["pid_started"])


def row_of(connection: sqlite3.Connection, run_id: str) -> sqlite3.Row:
    """The run's row. Raises RunNotFound."""
    found = connection.execute("SELECT * FROM runs WHERE id = ?", (run_id,)).fetchone()
    if found is None:
        raise RunNotFound(f"There is no run {str(run_id)[:80]!r}.")
    return found


@lru_cache(maxsize=1_000)
def _config(text: str) -> RunConfig:
    # A list of 200 runs is asked for again and again; checking a configuration costs more than reading its row.
    return RunConfig.from_json(text)


def event(row: sqlite3.Row) -> Any:
    return events.from_dict({"event": row["kind"], **json.loads(row["body"])})


def run(row: sqlite3.Row) -> Run:
    until = row["ended"] or row["last_event"]
    return Run(
        id=row["id"],
        name=row["name"],
        state=State(row["state"]),
        config=_config(row["config"]),
        created=row["created"],
        started=row["started"],
        ended=row["ended"],
        device=row["device"],
        message=row["message"],
        epochs_done=row["epochs_done"],
        train_loss=row["train_loss"],
        train_accuracy=row["train_accuracy"],
        test_accuracy=row["test_accuracy"],
        best_test_accuracy=row["best_test_accuracy"],
        parameters=row["parameters"],
        seconds=until - row["started"] if until and row["started"] else None,
    )
