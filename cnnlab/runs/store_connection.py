"""Connections to the store's file: transactions, and SQLite's errors as StoreError."""

from __future__ import annotations

import logging
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from cnnlab.errors import StoreError
from cnnlab.i18n import N_, say
from cnnlab.runs.migrating import check, migrate
from cnnlab.system import disk, room
from cnnlab.text import shortened

BUSY_SECONDS = 10.0  # a write waits this long for those of other processes; each takes about a millisecond
MOST_IDLE = 8  # each holds two open files, of which the common limit is 1,024

# SQLite's primary result codes, in the lowest byte of the extended ones.
_BUSY = {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}
_CANNOT_SHARE = {sqlite3.SQLITE_IOERR, sqlite3.SQLITE_FULL, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY}


class _Connection(sqlite3.Connection):
    alone = False  # opened without the file that connections share; it locks out all others, so it is closed at once
    waits = BUSY_SECONDS  # for other programs' writes


class Connections:
    """A pool of connections that threads may share; `close` it before a fork."""

    def __init__(self, path: Path) -> None:
        self.path = path
        # Streamlit starts a thread for each click, and opening a connection costs more than most queries.
        self._idle: list[_Connection] = []
        self._lock = threading.Lock()
        self._logged = ""
        with self._converted_errors():
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            connection = self._open()
            try:
                check(connection)  # before the first write: another program's file stays as it is
                if not connection.alone:
                    connection.execute("PRAGMA journal_mode = WAL")  # readers do not wait for writers
                    migrate(connection)
            except BaseException:
                connection.close()
                raise
            self._keep_or_close(connection)

    def close(self) -> None:
        """Closes the idle connections; the next transaction opens a new one."""
        self.checkpoint()
        with self._lock:
            idle, self._idle = self._idle, []
        for connection in idle:
            connection.close()

    def checkpoint(self) -> None:
        """Copies the write-ahead log into the file, as far as no reader needs it: people copy the file without its log."""
        with self._lock:
            connection = self._idle.pop() if self._idle else None
        if connection is not None:
            with suppress(sqlite3.Error):  # a full disk: the log stays valid
                connection.execute("PRAGMA wal_checkpoint(PASSIVE)")
            self._keep_or_close(connection)

    @contextmanager
    def transaction(
        self, *, write: bool = False, urgent: bool = False, busy_seconds: float = BUSY_SECONDS
    ) -> Iterator[_Connection]:
        """All statements take effect, or none. With `write` no other process writes until the end.

        An `urgent` one may use the reserve on a full disk. `busy_seconds` is the longest wait for another program's write.
        """
        with self._converted_errors():
            if urgent:
                room.make_room(self.path.parent)
            with self._lock:
                connection = self._idle.pop() if self._idle else None
            connection = connection or self._open()
            try:
                if connection.waits != busy_seconds:
                    connection.execute(f"PRAGMA busy_timeout = {busy_seconds * 1000:.0f}")
                    connection.waits = busy_seconds
                connection.execute("BEGIN IMMEDIATE" if write else "BEGIN")
                yield connection
                connection.execute("COMMIT")
            except BaseException:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                raise
            finally:
                self._keep_or_close(connection)

    def _keep_or_close(self, connection: _Connection) -> None:
        if not connection.alone:
            with self._lock:
                if len(self._idle) < MOST_IDLE:
                    self._idle.append(connection)
                    return
        connection.close()

    def _open(self) -> _Connection:
        try:
            return self._opened(str(self.path))
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF not in _CANNOT_SHARE or not self.path.exists():
                raise
            # On a full disk the small file that connections share cannot be made. One connection on its own needs none, and
            # one that never writes needs no log either. So what was recorded can be read, and deleted to make room.
            with suppress(sqlite3.Error):
                return self._opened(str(self.path), alone=True)
            log = self.path.with_name(f"{self.path.name}-wal")
            if log.exists() and log.stat().st_size:
                raise
            return self._opened(f"{self.path.absolute().as_uri()}?immutable=1", alone=True)

    def _opened(self, address: str, *, alone: bool = False) -> _Connection:
        # Only one thread at a time uses a connection, but it may be another than the one that opened it.
        connection = sqlite3.connect(
            address,
            timeout=BUSY_SECONDS,
            isolation_level=None,
            check_same_thread=False,
            factory=_Connection,
            uri=address.startswith("file:"),
        )
        connection.alone = alone
        connection.row_factory = sqlite3.Row
        try:
            if alone:
                connection.execute("PRAGMA locking_mode = EXCLUSIVE")
            connection.execute("PRAGMA synchronous = FULL")  # else a power cut loses runs just queued; costs 0.1 ms per write
            connection.execute("PRAGMA foreign_keys = ON")
            connection.execute("SELECT 1 FROM sqlite_master LIMIT 1").fetchone()  # opens the shared file, or fails here
        except BaseException:
            connection.close()
            raise
        return connection

    @contextmanager
    def _converted_errors(self) -> Iterator[None]:
        try:
            yield
        except (sqlite3.Error, OSError, UnicodeDecodeError) as error:  # SQLite's message quotes damaged bytes
            if str(error) != self._logged:  # pages poll
                self._logged = str(error)
                logging.getLogger(__name__).warning("%s: %s", self.path, error)
            raise self._in_words(error) from error

    def _in_words(self, error: Exception) -> StoreError:
        code = getattr(error, "sqlite_errorcode", 0) & 0xFF
        if code in _BUSY:
            return StoreError(N_("The record of runs is locked by another program: try again when that has ended."), temporary=True)
        if code == sqlite3.SQLITE_FULL or (code in (0, *_CANNOT_SHARE) and disk.is_full(error, self.path.parent)):
            return StoreError(
                N_(
                    "The disk of the lab is full, so the record of runs cannot be written: "
                    "delete runs that are no longer needed, or other files, and try again."
                ),
                temporary=True,
            )
        reason = error.strerror if isinstance(error, OSError) else error
        return StoreError(
            say(
                "The record of runs, {file} in the lab's folder, cannot be read or written ({reason}): "
                "check that the folder is yours to write and the disk is not full, or choose another home folder.",
                file=self.path.name,
                reason=shortened(reason, quoted=False),
            )
        )
