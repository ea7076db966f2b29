"""The record of runs: one SQLite file that every process of a lab reads and writes. Each call is one transaction."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from cnnlab.config import RunConfig
from cnnlab.events import EpochDone, Event, Progress
from cnnlab.runs import store_events, store_lifecycle, store_queue, store_rows, summaries
from cnnlab.runs.records import Run, State
from cnnlab.runs.store_connection import Connections
from cnnlab.runs.store_rows import ActiveRun, Process, Runs
from cnnlab.system.home import store_file
from cnnlab.text import well_formed

# Is told how many other runs of the owner wait or train. What it raises undoes the transaction, in which nobody else can queue one.
Admit = Callable[[int], None]


class Store:
    """The store in `home`. Safe to share between threads; not to be carried through a fork (`close` first).

    A method that changes a run takes the `owner` who asks; None is whoever sits at the command line, who may change every run.
    """

    def __init__(self, home: Path, *, clock: Callable[[], float] = time.time) -> None:
        self.home = home
        self.path = store_file(home)
        self._clock = clock
        self._connections = Connections(self.path)
        self._transaction = self._connections.transaction

    def close(self) -> None:
        """Closes the idle connections; the next call opens a new one."""
        self._connections.close()

    # Runs

    def create(
        self,
        config: RunConfig,
        token: str,
        name: str = "",
        state: State = State.QUEUED,
        *,
        owner: str = "",
        note: str = "",
        data: Path | None = None,
        pid: int | None = None,
        pid_started: str | None = None,
        admit: Admit | None = None,
    ) -> str:
        """A new run's id; the id of the run that has this `token` already, if one has."""
        values = (
            token,
            *map(well_formed, (name, state, config.to_json(), owner, note)),
            data and str(data),
            self._clock(),
            pid,
            pid_started,
        )
        with self._transaction(write=True) as connection:
            while True:
                found = connection.execute("SELECT id FROM runs WHERE token = ?", (token,)).fetchone()
                if found:
                    return found["id"]
                self._admit(admit, connection, well_formed(owner))
                # Two ids alike, one chance in four thousand million a run, are ignored and drawn again.
                connection.execute(
                    "INSERT OR IGNORE INTO runs"
                    " (id, place, token, name, state, config, owner, note, data, created, pid, pid_started)"
                    " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                    (secrets.token_hex(4), store_queue.last_place(connection) + 1, *values),
                )

    def made_with(self, token: str) -> str | None:
        """The id of the run that was made with this `token`."""
        with self._transaction() as connection:
            found = connection.execute("SELECT id FROM runs WHERE token = ?", (token,)).fetchone()
        return found["id"] if found else None

    def run(self, run_id: str) -> Run:
        """Raises RunNotFound."""
        with self._transaction() as connection:
            row = store_rows.row_of(connection, run_id)
            return store_rows.run(row, store_queue.positions(connection) if row["state"] == State.QUEUED else {})

    def runs(self, limit: int = 200) -> Runs:
        """Newest first."""
        with self._transaction() as connection:
            rows = store_rows.rows(connection, "SELECT * FROM runs ORDER BY number DESC LIMIT ?", (max(0, limit),))
            return store_rows.runs(rows, store_queue.positions(connection))

    def summaries(self, limit: int = 10_000, known: summaries.Summaries | None = None) -> summaries.Summaries:
        """The newest runs in short, for a table; `known` itself where nothing has changed since."""
        with self._transaction() as connection:
            if known and known.version == summaries.version(connection):
                return known
            return summaries.summaries(connection, limit, known)

    def active(self) -> tuple[ActiveRun, ...]:
        """Runs that wait or train, by their place in the queue."""
        with self._transaction() as connection:
            return store_queue.active(connection)

    def data_folder(self, run_id: str) -> Path | None:
        """The folder of data sets that the user had named when the run was made."""
        with self._transaction() as connection:
            named = store_rows.row_of(connection, run_id)["data"]
        return Path(named) if named else None

    # What people ask for

    def stop(self, run_id: str, *, owner: str | None = None) -> State:
        """Asks a run to end: at once where no process works on it, else as soon as that looks. No effect on one that has ended."""
        with self._transaction(write=True) as connection:
            return store_lifecycle.stop(connection, self._own(connection, run_id, owner), self._clock())

    def pause(self, run_id: str, *, owner: str | None = None) -> State:
        """Asks a run to pause: at once while it is queued, else as soon as its process looks."""
        with self._transaction(write=True) as connection:
            return store_lifecycle.pause(connection, self._own(connection, run_id, owner), self._clock())

    def resume(self, run_id: str, *, owner: str | None = None, admit: Admit | None = None) -> State:
        """Queues a run again that was paused, interrupted or stopped, or failed after a checkpoint."""
        with self._transaction(write=True) as connection:
            row = self._own(connection, run_id, owner)
            state = store_lifecycle.resume(connection, row, self._clock())
            if row["ended"] is not None:  # else two browsers pressed at once, and it is counted already
                self._admit(admit, connection, row["owner"], but=run_id)
            return state

    def extend(self, run_id: str, epochs: int, *, owner: str | None = None, admit: Admit | None = None) -> State:
        """Queues a run that finished or was stopped for `epochs` more."""
        with self._transaction(write=True) as connection:
            row = self._own(connection, run_id, owner)
            state = store_lifecycle.extend(connection, row, epochs, self._clock())
            if row["ended"] is not None:  # else two browsers pressed at once, and it is counted already
                self._admit(admit, connection, row["owner"], but=run_id)
            return state

    def rename(self, run_id: str, name: str, *, owner: str | None = None) -> None:
        with self._transaction(write=True) as connection:
            self._own(connection, run_id, owner)
            connection.execute("UPDATE runs SET name = ? WHERE id = ?", (well_formed(name), run_id))

    def annotate(self, run_id: str, note: str, *, owner: str | None = None) -> None:
        with self._transaction(write=True) as connection:
            self._own(connection, run_id, owner)
            connection.execute("UPDATE runs SET note = ? WHERE id = ?", (well_formed(note), run_id))

    def delete(self, run_id: str, *, owner: str | None = None) -> None:
        """Forgets a run that has ended, with its events; its folder is the caller's."""
        with self._transaction(write=True) as connection:
            store_lifecycle.delete(connection, self._own(connection, run_id, owner))

    # The queue

    def queue(self) -> tuple[Run, ...]:
        """The runs that wait, the one that starts next first."""
        with self._transaction() as connection:
            rows = store_rows.rows(connection, "SELECT * FROM runs WHERE state = 'queued'")
            found = store_rows.runs(rows, store_queue.positions(connection))
        return tuple(sorted(found, key=lambda run: run.position or 0))

    def move_in_queue(self, run_id: str, places: int, *, owner: str | None = None) -> None:
        """Moves a queued run `places` later (earlier if negative) among its owner's; those of others keep theirs."""
        with self._transaction(write=True) as connection:
            store_queue.move(connection, self._own(connection, run_id, owner), places)

    def turns(self) -> dict[str, int]:
        """When each owner's run was last started, as a count."""
        with self._transaction() as connection:
            return store_queue.turns(connection)

    # What processes do

    def move(self, run_id: str, to: State, **fields: Any) -> None:
        """Moves a run to another state; `fields`: device, message, pid, pid_started. Raises RunStateError if MOVES forbids it."""
        with self._transaction(write=True) as connection:
            store_lifecycle.move(connection, store_rows.row_of(connection, run_id), to, self._clock(), **fields)

    def adopt(self, run_id: str, pid: int, pid_started: str) -> None:
        """Says which process runs it from now on. Raises RunStateError if the run has ended or waits in the queue."""
        with self._transaction(write=True) as connection:
            store_lifecycle.adopt(connection, store_rows.row_of(connection, run_id), pid, pid_started)

    def interrupt(self, run: ActiveRun, message: str) -> None:
        """Ends a run whose process is gone. Raises RunStateError if it has gone on since `run` was read."""
        with self._transaction(write=True) as connection:
            row = store_rows.row_of(connection, run.id)
            store_lifecycle.check_process(row, (run.pid, run.pid_started))
            store_lifecycle.interrupt(connection, row, self._clock(), message)

    def resumable(self, most: int) -> tuple[str, ...]:
        """Runs that were interrupted though nobody wanted them to end, and resumed by themselves fewer than `most` times."""
        with self._transaction() as connection:
            rows = store_rows.rows(
                connection,
                "SELECT * FROM runs WHERE resumable = 1 AND state = 'interrupted' AND resumes < ? ORDER BY place DESC",
                (most,),
            )
        return tuple(run.id for run in store_rows.runs(rows, {}))

    def resume_by_itself(self, run_id: str, most: int) -> bool:
        """Queues such a run again, at the head of the queue; False if somebody was quicker."""
        with self._transaction(write=True) as connection:
            return store_lifecycle.resume_by_itself(connection, store_rows.row_of(connection, run_id), most, self._clock())

    def add(
        self,
        run_id: str,
        event: Event,
        *,
        to: State | None = None,
        process: Process | None = None,
        history: Sequence[EpochDone] = (),
        **fields: Any,
    ) -> State:
        """Keeps an event, its figures in the run's own row and a move that follows from it, all in one transaction.

        Returns the run's state, so that who adds events learns that a stop was asked for. Raises RunStateError where the run
        is no longer that `process`'s. A RunResumed comes with the `history` that its checkpoint knows.
        """
        with self._transaction(write=True) as connection:
            row = store_rows.row_of(connection, run_id)
            store_lifecycle.check_process(row, process)
            store_events.add(connection, row, event, self._clock(), history)
            if to is None:
                return State(row["state"])
            return store_lifecycle.move(connection, store_rows.row_of(connection, run_id), to, self._clock(), **fields)

    # What was told

    def events(self, run_id: str, after: int = 0) -> tuple[tuple[int, Event], ...]:
        """All events but Progress with a sequence number above `after`, with their numbers."""
        with self._transaction() as connection:
            store_rows.row_of(connection, run_id)
            return store_events.all_but_progress(connection, run_id, after)

    def epochs(self, run_id: str) -> tuple[EpochDone, ...]:
        with self._transaction() as connection:
            store_rows.row_of(connection, run_id)
            return store_events.epochs(connection, run_id)

    def progress(self, run_id: str, points: int = 500) -> tuple[Progress, ...]:
        """At most `points` (from 2 on) Progress events, evenly spread, the first and the last among them."""
        with self._transaction() as connection:
            store_rows.row_of(connection, run_id)
            return store_events.progress(connection, run_id, points)

    # Inside

    def _admit(self, admit: Admit | None, connection: Any, owner: str, but: str = "") -> None:
        if admit is not None:
            admit(sum(run.owner == owner and run.id != but for run in store_queue.active(connection)))

    def _own(self, connection: Any, run_id: str, owner: str | None) -> Any:
        row = store_rows.row_of(connection, run_id)
        store_rows.run(row, {})  # a row that cannot be read is left as it is
        store_lifecycle.own(row, owner)
        return row
