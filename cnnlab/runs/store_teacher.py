"""What only a teacher asks of the record: a run that starts next, a copy of the whole, and names that are to be forgotten."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Iterable
from contextlib import closing
from pathlib import Path

from cnnlab.errors import StoreError
from cnnlab.i18n import say
from cnnlab.runs import store_lifecycle, store_queue
from cnnlab.runs.store import Store


class TeacherRecord:
    """Who may ask is checked by its callers."""

    def __init__(self, store: Store, clock: Callable[[], float] = time.time) -> None:
        self._transaction = store.transaction
        self._clock = clock

    def start_next(self, run_id: str, *, who: str) -> None:
        """Puts a queued run before those of everyone. Raises RunNotFound, RunStateError."""
        with self._transaction(write=True) as connection:
            row = store_lifecycle.own(connection, run_id, None, "move", self._clock(), who=who)
            store_queue.start_next(connection, row)

    def copy(self, path: Path) -> None:
        """Writes the record as it is now into a new file. Raises StoreError."""
        with self._transaction() as connection, closing(sqlite3.connect(path)) as target:
            try:
                connection.backup(target)
            except sqlite3.Error as error:
                raise StoreError(say("The record cannot be copied ({reason}): free some space.", reason=str(error))) from error

    def forget(self, names: Iterable[str]) -> None:
        """Deletes what the record keeps of people beside their runs: their turns in the queue, their minutes, and the log."""
        with self._transaction(write=True, urgent=True) as connection:
            gone = [(name,) for name in names]
            connection.executemany("DELETE FROM turns WHERE owner = ?", gone)
            connection.executemany("DELETE FROM trained WHERE owner = ?", gone)
            connection.execute("DELETE FROM log")


def runs_in(path: Path) -> dict[str, tuple[str, int]]:
    """The state and the epochs done of each run in a copy, after a check of the whole file. Raises StoreError."""
    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as connection:
            (answer,) = connection.execute("PRAGMA integrity_check").fetchone()
            if answer != "ok":
                raise StoreError(say("The copy of the record is damaged ({reason}): make another one.", reason=answer))
            return {row[0]: (row[1], row[2]) for row in connection.execute("SELECT id, state, epochs_done FROM runs")}
    except sqlite3.Error as error:
        raise StoreError(say("The copy of the record is damaged ({reason}): make another one.", reason=str(error))) from error
