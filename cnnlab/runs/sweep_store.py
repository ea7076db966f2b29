"""The record of sweeps and their trials, in the same file as the runs. Each call is one transaction."""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from cnnlab.errors import RunStateError, StoreError
from cnnlab.i18n import N_, say
from cnnlab.runs import store_lifecycle, store_log, store_rows, sweep_rows
from cnnlab.runs.records import IN_PROCESS, State
from cnnlab.runs.store import Store
from cnnlab.runs.sweep_rows import TAKEN_BACK, TrialRecord
from cnnlab.sweeps.values import Sweep, SweepConfig
from cnnlab.system.home import new_run_id
from cnnlab.system.processes import Process
from cnnlab.text import well_formed

WAITING = frozenset({State.QUEUED, State.INTERRUPTED})  # runs that a sweep can take back at once


class SweepStore:
    """The sweeps in a store. An `owner` of None is the command line, which may change every sweep."""

    def __init__(self, store: Store, *, clock: Callable[[], float] = time.time) -> None:
        self._transaction = store.transaction
        self._clock = clock

    def create(self, config: SweepConfig, token: str, name: str, *, owner: str = "", data: Path | None = None) -> str:
        """The new sweep's id, or the id of the one that was already created with this `token`."""
        values = (token, *map(well_formed, (name, owner, config.to_json())), data and str(data), self._clock())
        with self._transaction(write=True) as connection:
            while True:
                row = connection.execute("SELECT id FROM sweeps WHERE token = ?", (token,)).fetchone()
                if row:
                    return str(row["id"])
                connection.execute(
                    "INSERT OR IGNORE INTO sweeps (id, token, name, owner, config, data, created, state)"
                    " VALUES (?, ?, ?, ?, ?, ?, ?, 'running')",
                    (new_run_id(), *values),
                )

    def check_may_create(self) -> None:
        """Raises NotAllowed in the record of a person who starts nothing."""

    def made_with(self, token: str) -> bool:
        """Whether a sweep was created with this `token`."""
        with self._transaction() as connection:
            return connection.execute("SELECT 1 FROM sweeps WHERE token = ?", (token,)).fetchone() is not None

    def sweep(self, sweep_id: str) -> Sweep:
        """Raises SweepNotFound."""
        with self._transaction() as connection:
            return sweep_rows.sweep(connection, sweep_rows.row_of(connection, sweep_id))

    def sweeps(self, limit: int = 200) -> tuple[Sweep, ...]:
        """Newest first. One that cannot be read is left out and stays as it is."""
        found = []
        with self._transaction() as connection:
            for row in store_rows.rows(connection, "SELECT * FROM sweeps ORDER BY number DESC LIMIT ?", (limit,)):
                try:
                    found.append(sweep_rows.sweep(connection, row))
                except StoreError:
                    continue
        return tuple(found)

    def active(self) -> tuple[tuple[str, Process], ...]:
        """The sweeps that a process has to work on, with the last one that did."""
        with self._transaction() as connection:
            rows = connection.execute("SELECT id, pid, pid_started FROM sweeps WHERE ended IS NULL ORDER BY number").fetchall()
        return tuple((row["id"], Process(row["pid"], row["pid_started"])) for row in rows)

    def data_folder(self, sweep_id: str) -> Path | None:
        """The user's own folder of data sets, as it was when the sweep was created."""
        with self._transaction() as connection:
            folder = sweep_rows.row_of(connection, sweep_id)["data"]
        return Path(folder) if folder else None

    def look(self, sweep_id: str) -> tuple[Sweep, tuple[TrialRecord, ...]]:
        """A sweep and its trials as its process needs them, in the order in which they were made."""
        with self._transaction() as connection:
            row = sweep_rows.row_of(connection, sweep_id)
            return sweep_rows.sweep(connection, row), sweep_rows.records(connection, row)

    # Requests of users

    def stop(self, sweep_id: str, *, owner: str | None = None, now: bool = False) -> None:
        """Ends the making of runs and takes back those that wait; with `now` also those that train. An ended one stays so."""
        with self._transaction(write=True, urgent=True) as connection:
            row = self._own(connection, sweep_id, owner, "sweep stop")
            if row["ended"] is not None:
                return
            _set(connection, sweep_id, state="stopped", message="")
            self._withdraw(connection, row, WAITING | (IN_PROCESS if now else frozenset()))

    def resume(self, sweep_id: str, *, owner: str | None = None) -> None:
        """Goes on with a sweep that has something left to try; its minutes count from 0 again. Raises RunStateError."""
        with self._transaction(write=True) as connection:
            row = self._own(connection, sweep_id, owner, "sweep resume")
            if row["state"] == "running":
                return  # a second browser asked at the same time
            tried, total = sweep_rows.records(connection, row), sweep_rows.config_of(row["config"]).total
            if sum(not record.unfinished for record in tried) >= total:
                raise RunStateError(say("This sweep has tried all of its {total:,} runs: start another one for more.", total=total))
            _set(connection, sweep_id, state="running", message="", ended=None, seconds=0.0)

    def delete(self, sweep_id: str, *, owner: str | None = None, first: Callable[[], None] = lambda: None) -> None:
        """Deletes an ended sweep; its runs stay. `first` deletes its files."""
        with self._transaction(write=True, urgent=True) as connection:
            self._ended(connection, sweep_id, owner, "sweep delete")
            first()
            connection.execute("DELETE FROM trials WHERE sweep_id = ?", (sweep_id,))
            connection.execute("DELETE FROM sweeps WHERE id = ?", (sweep_id,))

    def check_may_delete(self, sweep_id: str, *, owner: str | None = None) -> None:
        """Raises as `delete` does."""
        with self._transaction() as connection:
            self._ended(connection, sweep_id, owner)

    # Requests of its process

    def adopt(self, sweep_id: str, process: Process) -> None:
        """Records the process that works on the sweep from now on."""
        self._update(sweep_id, pid=process.pid, pid_started=process.started)

    def end(self, sweep_id: str, message: str = "", *, failed: bool = False) -> None:
        """No process is needed any more. One that was stopped stays so."""
        with self._transaction(write=True, urgent=True) as connection:
            row = sweep_rows.row_of(connection, sweep_id)
            state = "failed" if failed else "finished" if row["state"] == "running" else row["state"]
            _set(connection, sweep_id, state=state, message=well_formed(message), ended=self._clock(), pid=None, pid_started=None)

    def report(self, sweep_id: str, *, message: str | None = None, seconds: float | None = None) -> None:
        """Stores why the sweep waits, and how long it has worked."""
        changes = {"message": message, "seconds": seconds}
        self._update(sweep_id, **{name: value for name, value in changes.items() if value is not None})

    def add_trial(self, sweep_id: str, number: int, values: Mapping[str, Any]) -> None:
        """No effect where there is one with this number."""
        with self._transaction(write=True) as connection:
            connection.execute(
                "INSERT OR IGNORE INTO trials (sweep_id, number, settings) VALUES (?, ?, ?)",
                (sweep_id, number, json.dumps(dict(values))),
            )

    def change_trial(self, sweep_id: str, number: int, **changes: Any) -> None:
        """`changes`: run_id, state, message, accuracy."""
        with self._transaction(write=True, urgent=True) as connection:
            _set_trial(connection, sweep_id, number, **changes)

    def prune(self, sweep_id: str, number: int, message: str) -> None:
        """Stops the run of a hopeless trial, and says why in both records at once: so a crash cannot mistake it for a user's."""
        with self._transaction(write=True, urgent=True) as connection:
            record = next(
                record
                for record in sweep_rows.records(connection, sweep_rows.row_of(connection, sweep_id))
                if record.number == number
            )
            if record.state != "open" or record.run_state not in IN_PROCESS:
                return
            _set_trial(connection, sweep_id, number, state="pruned", message=message)
            _stop_run(connection, record.run_id, self._clock(), message)

    def withdraw(self, sweep_id: str) -> None:
        """Takes back the runs that wait."""
        with self._transaction(write=True, urgent=True) as connection:
            self._withdraw(connection, sweep_rows.row_of(connection, sweep_id), WAITING)

    # Inside

    def _own(self, connection: sqlite3.Connection, sweep_id: str, owner: str | None, did: str, *, who: str = "") -> sqlite3.Row:
        """The row of a sweep that `owner` may change. With `did`, the log gets a row."""
        row = sweep_rows.row_of(connection, sweep_id)
        if owner is not None and row["owner"] and row["owner"] != owner:
            raise RunStateError(say("This sweep belongs to {owner}, who alone can change it.", owner=row["owner"][:80]))
        if did:
            store_log.add(connection, self._clock(), who or owner or "", did, what=row["id"], whose=row["owner"])
        return row

    def _ended(self, connection: sqlite3.Connection, sweep_id: str, owner: str | None, did: str = "") -> None:
        """Raises RunStateError where the sweep goes on, or has another owner."""
        if self._own(connection, sweep_id, owner, did)["ended"] is None:
            raise RunStateError(N_("This sweep has not ended: stop it first, and wait until its last run has ended."))

    def _withdraw(self, connection: sqlite3.Connection, row: sqlite3.Row, states: frozenset[State]) -> None:
        for record in sweep_rows.records(connection, row):
            if record.unfinished and record.run_state in states:
                _set_trial(connection, row["id"], record.number, state="withdrawn", message=TAKEN_BACK)
                _stop_run(connection, record.run_id, self._clock(), TAKEN_BACK)

    def _update(self, sweep_id: str, **changes: Any) -> None:
        with self._transaction(write=True, urgent=True) as connection:
            sweep_rows.row_of(connection, sweep_id)
            _set(connection, sweep_id, **changes)


def _set(connection: sqlite3.Connection, sweep_id: str, **changes: Any) -> None:
    columns = ", ".join(f"{name} = :{name}" for name in changes)
    if changes:
        connection.execute(f"UPDATE sweeps SET {columns} WHERE id = :id", changes | {"id": sweep_id})  # noqa: S608 - names from above


def _set_trial(connection: sqlite3.Connection, sweep_id: str, number: int, **changes: Any) -> None:
    columns = ", ".join(f"{name} = :{name}" for name in changes)
    connection.execute(
        f"UPDATE trials SET {columns} WHERE sweep_id = :sweep AND number = :trial",  # noqa: S608 - names from above
        changes | {"sweep": sweep_id, "trial": number},
    )


def _stop_run(connection: sqlite3.Connection, run_id: str | None, now: float, message: str) -> None:
    store_lifecycle.stop(connection, store_rows.row_of(connection, run_id or ""), now)
    connection.execute("UPDATE runs SET message = ? WHERE id = ?", (message, run_id))
