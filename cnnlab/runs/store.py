"""The record of runs: one SQLite file that every process of a lab reads and writes. Each call is one transaction."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from cnnlab.architectures.own_code import check_not_own
from cnnlab.config import RunConfig
from cnnlab.errors import RunNotFound
from cnnlab.events import EpochDone, Event, Progress
from cnnlab.runs import store_events, store_lifecycle, store_queue, store_rows, summaries
from cnnlab.runs.records import ACTIVE, ActiveRun, Run, Runs, State
from cnnlab.runs.store_connection import BUSY_SECONDS, Connections
from cnnlab.system import working_home
from cnnlab.system.home import new_run_id, store_file
from cnnlab.system.processes import Process
from cnnlab.text import well_formed

# Receives the owner and all other queued or training runs, inside the transaction that queues one. An exception undoes it.
Admit = Callable[[str, Sequence[ActiveRun]], None]
Within = Callable[[sqlite3.Connection], None]  # called in the middle of a transaction


class Store:
    """The store in `home`. Threads may share it; `close` it before a fork.

    A method that changes a run takes the `owner` who asks. None is the command line, which may change every run.
    """

    def __init__(self, home: Path, *, clock: Callable[[], float] = time.time) -> None:
        self.home = working_home.look_in(home)  # settings of runs name sets of this home
        self.path, self._clock = store_file(home), clock
        self._connections = Connections(self.path)
        self.transaction = self._connections.transaction

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
        process: Process | None = None,
        admit: Admit | None = None,
        own_code: bool = False,
    ) -> str:
        """The new run's id, or the id of the run that was already created with this `token`. Raises NotAllowed for own code."""
        if not own_code:  # the command line alone passes it
            check_not_own(config.architecture)
        texts = map(well_formed, (name, state, config.to_json(), owner, note))
        values = (token, *texts, data and str(data), self._clock(), *(process or (None, None)))
        with self.transaction(write=True) as connection:
            while True:
                if run_id := self._created_with(connection, token):
                    return run_id
                self._admit(admit, connection, well_formed(owner))
                # An id that is taken (one chance in eight hundred million per run) is ignored, and another one drawn.
                connection.execute(
                    "INSERT OR IGNORE INTO runs"
                    " (id, place, token, name, state, config, owner, note, data, created, pid, pid_started)"
                    " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                    (new_run_id(), store_queue.last_place(connection) + 1, *values),
                )

    def made_with(self, token: str) -> str | None:
        """The id of the run that was created with this `token`."""
        with self.transaction() as connection:
            return self._created_with(connection, token)

    def token(self, run_id: str) -> str:
        with self.transaction() as connection:
            return store_rows.row_of(connection, run_id)["token"]

    def run(self, run_id: str) -> Run:
        """Raises RunNotFound."""
        with self.transaction() as connection:
            row = store_rows.row_of(connection, run_id)
            return store_rows.run(row, store_queue.positions(connection) if row["state"] == State.QUEUED else {})

    def runs(self, limit: int = 200) -> Runs:
        """Newest first."""
        with self.transaction() as connection:
            rows = store_rows.rows(connection, "SELECT * FROM runs ORDER BY number DESC LIMIT ?", (max(0, limit),))
            return store_rows.runs(rows, store_queue.positions(connection))

    def summaries(self, limit: int = 10_000, known: summaries.Summaries | None = None) -> summaries.Summaries:
        """The newest runs in short, for a table; `known` itself where nothing has changed since."""
        with self.transaction() as connection:
            if known and known.version == summaries.version(connection):
                return known
            return summaries.summaries(connection, limit, known)

    def active(self, *, waiting: bool = True) -> tuple[ActiveRun, ...]:
        """Runs that wait or train, by their place in the queue; without `waiting`, those that a process works on."""
        with self.transaction() as connection:
            return store_queue.active(connection, waiting=waiting)

    def without_record(self, run_ids: Iterable[str]) -> tuple[str, ...]:
        """Those of `run_ids` that the record does not have."""
        with self.transaction() as connection:
            known = {row["id"] for row in connection.execute("SELECT id FROM runs")}
        return tuple(run_id for run_id in run_ids if run_id not in known)

    def data_folder(self, run_id: str) -> Path | None:
        """The user's own folder of data sets, as it was when the run was created."""
        with self.transaction() as connection:
            folder = store_rows.row_of(connection, run_id)["data"]
        return Path(folder) if folder else None

    # Requests of users

    def stop(self, run_id: str, *, owner: str | None = None) -> State:
        """Asks a run to stop: at once where no process works on it, else at its process's next event. An ended one stays so."""
        with self.transaction(write=True, urgent=True) as connection:
            return store_lifecycle.stop(connection, self._own(connection, run_id, owner, "stop"), self._clock())

    def pause(self, run_id: str, *, owner: str | None = None) -> State:
        """Asks a run to pause: at once while it is queued, else at its process's next event."""
        with self.transaction(write=True, urgent=True) as connection:
            return store_lifecycle.pause(connection, self._own(connection, run_id, owner, "pause"), self._clock())

    def resume(self, run_id: str, *, owner: str | None = None, admit: Admit | None = None) -> State:
        """Queues a run again that was paused, interrupted or stopped, or that failed after a checkpoint."""
        return self._queue_again(store_lifecycle.resume, run_id, owner=owner, admit=admit)

    def extend(self, run_id: str, epochs: int, *, owner: str | None = None, admit: Admit | None = None) -> State:
        """Queues a finished or stopped run for `epochs` more."""
        return self._queue_again(store_lifecycle.extend, run_id, epochs, owner=owner, admit=admit)

    def rename(self, run_id: str, name: str, *, owner: str | None = None) -> None:
        with self.transaction(write=True) as connection:
            self._own(connection, run_id, owner, "rename")
            connection.execute("UPDATE runs SET name = ? WHERE id = ?", (well_formed(name), run_id))

    def annotate(self, run_id: str, note: str, *, owner: str | None = None) -> None:
        with self.transaction(write=True) as connection:
            self._own(connection, run_id, owner, "annotate")
            connection.execute("UPDATE runs SET note = ? WHERE id = ?", (well_formed(note), run_id))

    def tag(self, run_id: str, *, add: Sequence[str] = (), remove: Sequence[str] = (), owner: str | None = None) -> None:
        """Adds tags to a run and removes others. Raises ConfigError where a tag is too long, or there would be too many."""
        with self.transaction(write=True) as connection:
            tags = store_rows.changed_tags(self._own(connection, run_id, owner, "tag"), add, remove)
            connection.execute("UPDATE runs SET tags = ? WHERE id = ?", (tags, run_id))

    def start_over(self, run_id: str, *, owner: str | None = None, admit: Admit | None = None, first: Callable[[], None]) -> State:
        """Queues a failed run again that has no checkpoint to read. `first` deletes those that cannot be read."""
        return self._queue_again(store_lifecycle.start_over, run_id, first, owner=owner, admit=admit)

    def delete(self, run_id: str, *, owner: str | None = None, first: Within = lambda _: None) -> None:
        """Deletes an ended run with its events. `first` deletes its files: on a full disk that makes the room for the rest."""
        with self.transaction(write=True, urgent=True) as connection:
            row = self._own(connection, run_id, owner, "delete")
            store_lifecycle.check_ended(row)
            first(connection)  # inside the transaction, so that nobody resumes the run meanwhile
            store_lifecycle.delete(connection, row)

    # The queue

    def queue(self) -> tuple[Run, ...]:
        """The queued runs, in the order in which they start."""
        with self.transaction() as connection:
            return store_queue.queue(connection)

    def move_in_queue(self, run_id: str, places: int, *, owner: str | None = None) -> None:
        """Moves a queued run `places` later (earlier if negative) among its owner's runs; other owners' runs keep their places."""
        with self.transaction(write=True) as connection:
            store_queue.move_in_queue(connection, self._own(connection, run_id, owner, "move"), places)

    def turns(self) -> dict[str, int]:
        """Each owner's last turn, as a count of starts."""
        with self.transaction() as connection:
            return store_queue.turns(connection)

    # Requests of processes

    def transition(self, run_id: str, to: State, **changes: Any) -> None:
        """Changes a run's state. `changes`: device, message, process. Raises RunStateError where TRANSITIONS forbids it."""
        with self.transaction(write=True, urgent=True) as connection:
            store_lifecycle.transition(connection, store_rows.row_of(connection, run_id), to, self._clock(), **changes)

    def adopt(self, run_id: str, process: Process, message: str = "") -> None:
        """Records a run's process, and what it waits for. Raises RunStateError if the run is queued or has ended."""
        with self.transaction(write=True, urgent=True) as connection:
            store_lifecycle.adopt(connection, store_rows.row_of(connection, run_id), process, message)

    def put_back(self, run_id: str, process: Process | None, message: str) -> State:
        """Queues a run that `process` cannot train now, at the head; pauses or stops it if that was asked. A waiting one stays."""
        with self.transaction(write=True, urgent=True) as connection:
            row = store_rows.row_of(connection, run_id)
            store_lifecycle.check_process(row, process)
            return store_lifecycle.put_back(connection, row, self._clock(), message)

    def interrupt(self, run: ActiveRun, message: str, *, busy_seconds: float = BUSY_SECONDS) -> None:
        """Ends a run whose process has died. Raises RunStateError if another process has taken it since `run` was read."""
        with self.transaction(write=True, urgent=True, busy_seconds=busy_seconds) as connection:
            row = store_rows.row_of(connection, run.id)
            store_lifecycle.check_process(row, run.process)
            store_lifecycle.interrupt(connection, row, self._clock(), message)

    def auto_resumable(self) -> tuple[str, ...]:
        """Interrupted runs that were not asked to end and may be resumed automatically once more."""
        with self.transaction() as connection:
            rows = store_rows.rows(
                connection,
                "SELECT * FROM runs WHERE resumable = 1 AND state = 'interrupted' AND resumes < ? ORDER BY place DESC",
                (store_lifecycle.MOST_AUTO_RESUMES,),
            )
        return tuple(run.id for run in store_rows.runs(rows, {}))

    def auto_resume(self, run_id: str) -> bool:
        """Queues such a run again, at the head of the queue; False if it was resumed or deleted in the meantime."""
        with suppress(RunNotFound), self.transaction(write=True, urgent=True) as connection:
            return store_lifecycle.auto_resume(connection, store_rows.row_of(connection, run_id), self._clock())
        return False

    def add(
        self,
        run_id: str,
        event: Event,
        *,
        to: State | None = None,
        process: Process | None = None,
        history: Sequence[EpochDone] = (),
        busy_seconds: float = BUSY_SECONDS,
        **changes: Any,
    ) -> State:
        """Stores an event, its figures in the run's row and the transition that follows from it, in one transaction.

        Returns the run's state, so that the caller notices a requested stop. Raises RunStateError where the run no longer belongs
        to `process`. A RunResumed comes with the `history` in its checkpoint.
        """
        with self.transaction(write=True, urgent=to is not None, busy_seconds=busy_seconds) as connection:
            row = store_rows.row_of(connection, run_id)
            store_lifecycle.check_process(row, process)
            store_events.add(connection, row, event, self._clock(), history)
            if to is None:
                return State(row["state"])
            state = store_lifecycle.transition(connection, store_rows.row_of(connection, run_id), to, self._clock(), **changes)
        if state not in ACTIVE:
            self._connections.checkpoint()
        return state

    # Events

    def events(self, run_id: str, after: int = 0) -> tuple[tuple[int, Event], ...]:
        """All events but Progress with a sequence number above `after`, with their numbers."""
        with self.transaction() as connection:
            store_rows.row_of(connection, run_id)
            return store_events.all_but_progress(connection, run_id, after)

    def epochs(self, run_id: str) -> tuple[EpochDone, ...]:
        with self.transaction() as connection:
            store_rows.row_of(connection, run_id)
            return store_events.epochs(connection, run_id)

    def progress(self, run_id: str, points: int = 500) -> tuple[Progress, ...]:
        """At most `points` (from 2 on) Progress events, evenly spread, with the first and the last."""
        with self.transaction() as connection:
            store_rows.row_of(connection, run_id)
            return store_events.progress(connection, run_id, points)

    # Inside

    def _created_with(self, connection: sqlite3.Connection, token: str) -> str | None:
        row = connection.execute("SELECT id FROM runs WHERE token = ?", (token,)).fetchone()
        return row["id"] if row else None

    def _queue_again(
        self, change: Callable[..., State], run_id: str, *arguments: Any, owner: str | None, admit: Admit | None
    ) -> State:
        with self.transaction(write=True) as connection:
            row = self._own(connection, run_id, owner, change.__name__)
            state = change(connection, row, *arguments, self._clock())
            if row["ended"] is not None:  # else a second browser asked at the same time, and the run is already counted
                self._admit(admit, connection, row["owner"], but=run_id)
            return state

    def _admit(self, admit: Admit | None, connection: sqlite3.Connection, owner: str, but: str = "") -> None:
        if admit is not None:
            admit(owner, [run for run in store_queue.active(connection) if run.id != but])

    def _own(self, connection: sqlite3.Connection, run_id: str, owner: str | None, did: str) -> sqlite3.Row:
        return store_lifecycle.own(connection, run_id, owner, did, self._clock(), who=owner or "")
