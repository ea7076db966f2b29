"""The record of runs: one SQLite file that every process of a lab reads and writes. The only module that speaks SQL."""

from __future__ import annotations

import json
import secrets
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from cnnlab import events
from cnnlab.config import RunConfig
from cnnlab.errors import RunStateError, StoreError
from cnnlab.events import EpochDone, Event, Progress, RunStarted
from cnnlab.home import store_file
from cnnlab.runs import store_rows
from cnnlab.runs.migrations import migrate
from cnnlab.runs.records import ACTIVE, MOVES, Run, State
from cnnlab.runs.store_rows import ActiveRun

BUSY_SECONDS = 10.0  # how long a write waits for another process's; each takes about a millisecond


class Store:
    """The store in `home`. Safe to share between threads; not to be carried through a fork (`close` first)."""

    def __init__(self, home: Path, *, clock: Callable[[], float] = time.time) -> None:
        self.home = home
        self.path = store_file(home)
        self._clock = clock
        # Idle connections: Streamlit makes a thread a click, and opening a connection costs more than most queries.
        self._idle: list[sqlite3.Connection] = []
        self._lock = threading.Lock()
        with self._converted_errors():
            home.mkdir(parents=True, exist_ok=True)
            connection = self._open()
            try:
                connection.execute("PRAGMA journal_mode = WAL")  # readers do not wait for writers
                migrate(connection)
            except BaseException:
                connection.close()
                raise
            self._idle.append(connection)

    def close(self) -> None:
        """Closes the idle connections; the next call opens a new one."""
        with self._lock:
            idle, self._idle = self._idle, []
        for connection in idle:
            connection.close()

    # Runs

    def create(
        self,
        config: RunConfig,
        token: str,
        name: str = "",
        state: State = State.QUEUED,
        *,
        data: Path | None = None,
        pid: int | None = None,
        pid_started: str | None = None,
    ) -> str:
        """A new run's id; the id of the run that has this `token` already, if one has."""
        row = (secrets.token_hex(4), token, name, state, config.to_json(), data and str(data), self._clock(), pid, pid_started)
        with self._transaction(write=True) as connection:
            connection.execute(
                "INSERT OR IGNORE INTO runs (id, token, name, state, config, data, created, pid, pid_started)"
                " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                row,
            )
            found = connection.execute("SELECT id FROM runs WHERE token = ?", (token,)).fetchone()
        if not found:  # two ids alike: one chance in four thousand million a run
            return self.create(config, token, name, state, data=data, pid=pid, pid_started=pid_started)
        return found["id"]

    def run(self, run_id: str) -> Run:
        """Raises RunNotFound."""
        with self._transaction() as connection:
            return store_rows.run(store_rows.row_of(connection, run_id))

    def runs(self, limit: int = 200) -> tuple[Run, ...]:
        """Newest first."""
        with self._transaction() as connection:
            rows = connection.execute("SELECT * FROM runs ORDER BY number DESC LIMIT ?", (max(0, limit),)).fetchall()
        return tuple(store_rows.run(row) for row in rows)

    def active(self) -> tuple[ActiveRun, ...]:
        """Runs that have not ended, the oldest first."""
        with self._transaction() as connection:
            rows = connection.execute("SELECT * FROM runs WHERE ended IS NULL ORDER BY number").fetchall()
        return tuple(store_rows.active_run(row) for row in rows)

    def data_folder(self, run_id: str) -> Path | None:
        """The folder of data sets that the user had named when the run was made."""
        with self._transaction() as connection:
            named = store_rows.row_of(connection, run_id)["data"]
        return Path(named) if named else None

    def move(self, run_id: str, to: State, **fields: Any) -> None:
        """Moves a run to another state; `fields`: device, message, pid, pid_started. Raises RunStateError if MOVES forbids it."""
        with self._transaction(write=True) as connection:
            self._move(connection, store_rows.row_of(connection, run_id), to, fields)

    def stop(self, run_id: str) -> State:
        """Asks a run to end: at once while it is queued, else as soon as its process looks. No effect on one that has ended."""
        with self._transaction(write=True) as connection:
            row = store_rows.row_of(connection, run_id)
            state = State(row["state"])
            to = State.STOPPED if state is State.QUEUED else State.STOPPING
            if state not in ACTIVE or state is State.STOPPING:
                return state
            self._move(connection, row, to, {})
            return to

    def adopt(self, run_id: str, pid: int, pid_started: str) -> None:
        """Says which process runs it from now on. Raises RunStateError if the run has ended or waits in the queue."""
        with self._transaction(write=True) as connection:
            row = store_rows.row_of(connection, run_id)
            if row["state"] not in (State.STARTING, State.STOPPING):
                raise RunStateError(f"Run {row['id']} is {row['state']}: no process can take it over.")
            connection.execute("UPDATE runs SET pid = ?, pid_started = ? WHERE id = ?", (pid, pid_started, run_id))

    # Events

    def add(self, run_id: str, event: Event, *, to: State | None = None, **fields: Any) -> State:
        """Keeps an event, its figures in the run's own row and a move that follows from it, all in one transaction.

        Returns the run's state, so that who adds events learns that a stop was asked for.
        """
        now = self._clock()
        body = events.to_dict(event)
        kind = body.pop("event")
        with self._transaction(write=True) as connection:
            row = store_rows.row_of(connection, run_id)
            connection.execute(
                "INSERT INTO events (run_id, seq, kind, number, time, body) VALUES (:run, "
                "(SELECT coalesce(max(seq), 0) + 1 FROM events WHERE run_id = :run), :kind, "
                "(SELECT coalesce(max(number), 0) + 1 FROM events WHERE run_id = :run AND kind = :kind), :time, :body)",
                {"run": run_id, "kind": kind, "time": now, "body": json.dumps(body)},
            )
            connection.execute("UPDATE runs SET last_event = ? WHERE id = ?", (now, run_id))
            if isinstance(event, RunStarted):
                connection.execute("UPDATE runs SET parameters = ? WHERE id = ?", (event.parameters, run_id))
            if isinstance(event, EpochDone):
                connection.execute(
                    "UPDATE runs SET epochs_done = ?, train_loss = ?, train_accuracy = ?, test_accuracy = ?,"
                    " best_test_accuracy = max(coalesce(best_test_accuracy, 0), ?) WHERE id = ?",
                    (event.epoch, event.train_loss, event.train_accuracy, event.test_accuracy, event.test_accuracy, run_id),
                )
            if to is not None:
                self._move(connection, row, to, fields)
                return to
        return State(row["state"])

    def events(self, run_id: str, after: int = 0) -> tuple[tuple[int, Event], ...]:
        """All events but Progress with a sequence number above `after`, with their numbers."""
        with self._transaction() as connection:
            store_rows.row_of(connection, run_id)
            rows = connection.execute(
                # Two ranges, not <>: so the index skips the many Progress rows.
                "SELECT seq, kind, body FROM events INDEXED BY events_by_kind WHERE seq > :after AND"
                " (run_id = :run AND kind < 'progress' "
                "OR run_id = :run AND kind > 'progress') ORDER BY seq",
                {"run": run_id, "after": after},
            ).fetchall()
        return tuple((row["seq"], store_rows.event(row)) for row in rows)

    def epochs(self, run_id: str) -> tuple[EpochDone, ...]:
        with self._transaction() as connection:
            store_rows.row_of(connection, run_id)
            rows = connection.execute(
                "SELECT kind, body FROM events WHERE run_id = ? AND kind = 'epoch_done' ORDER BY number", (run_id,)
            ).fetchall()
        return tuple(store_rows.event(row) for row in rows)

    def progress(self, run_id: str, points: int = 500) -> tuple[Progress, ...]:
        """At most `points` (from 2 on) Progress events, evenly spread, the first and the last among them.

        The distance between two is a power of 2, so a curve that grows keeps the points it has shown. No other rows are read.
        """
        with self._transaction() as connection:
            store_rows.row_of(connection, run_id)
            last = connection.execute(
                "SELECT coalesce(max(number), 0) FROM events WHERE run_id = ? AND kind = 'progress'", (run_id,)
            ).fetchone()[0]
            stride = 1
            while (last - 1) // stride + 2 > max(2, points) and last > max(2, points):
                stride *= 2
            numbers = sorted({*range(1, last + 1, stride), last} - {0})
            rows = connection.execute(
                "SELECT kind, body FROM events WHERE run_id = ? AND kind = 'progress'"
                " AND number IN (SELECT value FROM json_each(?)) ORDER BY number",
                (run_id, json.dumps(numbers)),
            ).fetchall()
        return tuple(store_rows.event(row) for row in rows)

    # Inside

    def _move(self, connection: sqlite3.Connection, row: sqlite3.Row, to: State, fields: dict[str, Any]) -> None:
        state = State(row["state"])
        if to not in MOVES[state]:
            raise RunStateError(f"Run {row['id']} is {state} and cannot become {to}.")
        now = self._clock()
        # An interrupted run ended when it was last heard of, not when somebody noticed.
        ended = (row["last_event"] or now) if to is State.INTERRUPTED else now
        values = {"device": None, "message": None, "pid": None, "pid_started": None} | fields
        connection.execute(
            "UPDATE runs SET state = :to, device = coalesce(:device, device), message = coalesce(:message, message),"
            " pid = coalesce(:pid, pid), pid_started = coalesce(:pid_started, pid_started),"
            " started = coalesce(started, :started), ended = :ended WHERE id = :id",
            {
                **values,
                "to": to,
                "started": now if to is State.RUNNING else None,
                "ended": None if to in ACTIVE else ended,
                "id": row["id"],
            },
        )

    def _open(self) -> sqlite3.Connection:
        # One thread at a time uses a connection, but not always the one that opened it.
        connection = sqlite3.connect(self.path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False)
        connection.row_factory = sqlite3.Row
        connection.execute("PRAGMA synchronous = NORMAL")  # with WAL a power cut may lose the last events, never the file
        connection.execute("PRAGMA foreign_keys = ON")
        return connection

    @contextmanager
    def _transaction(self, *, write: bool = False) -> Iterator[sqlite3.Connection]:
        with self._converted_errors():
            with self._lock:
                connection = self._idle.pop() if self._idle else None
            connection = connection or self._open()
            try:
                connection.execute("BEGIN IMMEDIATE" if write else "BEGIN")
                yield connection
                connection.execute("COMMIT")
            except BaseException:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                raise
            finally:
                with self._lock:
                    self._idle.append(connection)

    @contextmanager
    def _converted_errors(self) -> Iterator[None]:
        try:
            yield
        except (sqlite3.Error, OSError) as error:
            raise StoreError(
                f"The record of runs, {self.path}, cannot be read or written ({error}): "
                "check that the folder is yours to write and the disk is not full, or choose another home folder."
            ) from error
