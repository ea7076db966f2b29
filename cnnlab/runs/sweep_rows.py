"""Rows of sweeps and trials as values.

A trial is "open" until its run has ended, "withdrawn" where the sweep took its run back, and then finished, pruned or failed.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from cnnlab.errors import SweepNotFound
from cnnlab.i18n import N_, say
from cnnlab.runs import store_rows
from cnnlab.runs.records import State
from cnnlab.sweeps.values import Sweep, SweepConfig, Trial, TrialState
from cnnlab.system.processes import Process
from cnnlab.text import shortened, well_formed

UNFINISHED = ("open", "withdrawn")
TAKEN_BACK = N_("The sweep was stopped before it ended.")
DELETED = N_("Its run was deleted.")
ENDED_BY_USER = {State.PAUSED: N_("Its run was paused by a user."), State.STOPPED: N_("Its run was stopped by a user.")}


@dataclass(frozen=True, slots=True)
class TrialRecord:
    """A trial as the sweep's process needs it."""

    number: int  # Optuna's, from 0
    run_id: str | None  # None before its run is made
    values: Mapping[str, Any]
    state: str  # as the module says
    message: str
    accuracy: float | None
    run_state: State | None  # None where there is no run, or no more
    epochs_done: int
    epochs: int
    seconds: float | None

    @property
    def unfinished(self) -> bool:
        return self.state in UNFINISHED

    @property
    def lost(self) -> bool:
        """Whether its run was deleted."""
        return self.run_id is not None and self.run_state is None

    @property
    def left(self) -> str:
        """Why its run will not end by itself: a user deleted, paused or stopped it; "" otherwise."""
        if self.lost:
            return DELETED
        return ENDED_BY_USER.get(self.run_state, "") if self.run_state else ""


def row_of(connection: sqlite3.Connection, sweep_id: str) -> sqlite3.Row:
    found = store_rows.rows(connection, "SELECT * FROM sweeps WHERE id = ?", (well_formed(sweep_id),))
    if not found:
        raise SweepNotFound(say("There is no sweep {name}.", name=shortened(sweep_id)))
    return found[0]


@lru_cache(maxsize=200)
def config_of(text: str) -> SweepConfig:
    return SweepConfig.from_json(text)  # checks all combinations, which costs more than reading the row


def records(connection: sqlite3.Connection, row: sqlite3.Row) -> tuple[TrialRecord, ...]:
    found = store_rows.rows(
        connection,
        "SELECT trials.*, runs.state AS run_state, runs.epochs_done, runs.epochs, runs.seconds FROM trials"
        " LEFT JOIN runs ON runs.id = trials.run_id WHERE sweep_id = ? ORDER BY trials.number",
        (row["id"],),
    )
    with store_rows.readable("a trial of sweep", row["id"]):
        return tuple(
            TrialRecord(
                number=each["number"],
                run_id=each["run_id"],
                values=_values(each["settings"]),
                state=each["state"],
                message=each["message"],
                accuracy=each["accuracy"],
                run_state=State(each["run_state"]) if each["run_state"] else None,
                epochs_done=each["epochs_done"] or 0,
                epochs=each["epochs"] or 0,
                seconds=each["seconds"],
            )
            for each in found
        )


def _values(text: str) -> dict[str, Any]:
    return {name: tuple(value) if isinstance(value, list) else value for name, value in json.loads(text).items()}


def sweep(connection: sqlite3.Connection, row: sqlite3.Row) -> Sweep:
    tried = records(connection, row)
    with store_rows.readable("sweep", row["id"]):
        config = config_of(row["config"])
        return Sweep(
            **{name: row[name] for name in ("id", "name", "owner", "created", "ended", "state", "message", "seconds")},
            config=config,
            trials=tuple(_trial(place, record, config, row) for place, record in enumerate(tried, start=1)),
            process=Process(row["pid"], row["pid_started"]),
        )


def _trial(place: int, record: TrialRecord, config: SweepConfig, row: sqlite3.Row) -> Trial:
    state, message = _state(record, running=row["state"] == "running")
    return Trial(
        number=place,
        run_id=(record.run_id or "") if record.run_state else "",
        values=record.values,
        state=state,
        message=message,
        epochs_done=record.epochs_done,
        epochs=record.epochs or int(record.values.get("epochs", config.base.epochs)),
        accuracy=record.accuracy,
        seconds=record.seconds,
    )


def _state(record: TrialRecord, *, running: bool) -> tuple[TrialState, str]:
    """A trial's state for pages, and why."""
    if not record.unfinished:
        return record.state, record.message  # type: ignore[return-value]
    if record.state == "withdrawn" or record.run_id is None:
        return ("waiting", "") if running else ("stopped", record.message or TAKEN_BACK)
    if record.left:
        return "failed", record.left  # its process is about to store it
    return ("waiting" if record.run_state is State.QUEUED else "training"), ""
