"""Connections to the store's file: transactions, and SQLite's errors as StoreError."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from cnnlab.errors import StoreError
from cnnlab.runs.migrations import check, migrate
from cnnlab.text import shortened

BUSY_SECONDS = 10.0  # a write waits this long for those of other processes; each takes about a millisecond
MOST_IDLE = 8  # each holds two open files, of which the common limit is 1,024


class Connections:
    """A pool of connections that threads may share; `close` it before a fork."""

    def __init__(self, path: Path) -> None:
        self.path = path
        # Streamlit starts a thread for each click, and opening a connection costs more than most queries.
        self._idle: list[sqlite3.Connection] = []
        self._lock = threading.Lock()
        with self._converted_errors():
            path.parent.mkdir(parents=True, exist_ok=True)
            connection = self._open()
            try:
                check(connection)  # before the first write: another program's file stays as it is
                connection.execute("PRAGMA journal_mode = WAL")  # readers do not wait for writers
                migrate(connection)
            except BaseException:
                connection.close()
                raise
            self._idle.append(connection)

    def close(self) -> None:
        """Closes the idle connections; the next transaction opens a new one."""
        with self._lock:
            idle, self._idle = self._idle, []
        for connection in idle:
            connection.close()

    @contextmanager
    def transaction(self, *, write: bool = False) -> Iterator[sqlite3.Connection]:
        """All statements take effect, or none. With `write` no other process writes until the end."""
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
                self._keep_or_close(connection)

    def _keep_or_close(self, connection: sqlite3.Connection) -> None:
        with self._lock:
            if len(self._idle) < MOST_IDLE:
                self._idle.append(connection)
                return
        connection.close()

    def _open(self) -> sqlite3.Connection:
        # Only one thread at a time uses a connection, but it may be another than the one that opened it.
        connection = sqlite3.connect(self.path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False)
        connection.row_factory = sqlite3.Row
        try:
            connection.execute("PRAGMA synchronous = FULL")  # else a power cut loses runs just queued; costs 0.1 ms per write
            connection.execute("PRAGMA foreign_keys = ON")
        except BaseException:
            connection.close()
            raise
        return connection

    @contextmanager
    def _converted_errors(self) -> Iterator[None]:
        try:
            yield
        except (sqlite3.Error, OSError, UnicodeDecodeError) as error:  # SQLite's message quotes damaged bytes
            raise StoreError(
                f"The record of runs, {self.path}, cannot be read or written ({shortened(error, quoted=False)}): "
                "check that the folder is yours to write and the disk is not full, or choose another home folder."
            ) from error
