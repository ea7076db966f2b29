"""The store's tables, as named steps from an empty file on. A step that was released is never changed; a new one follows it."""

from __future__ import annotations

import sqlite3

from cnnlab.errors import StoreError
from cnnlab.runs import summaries

Migration = tuple[str, tuple[str, ...]]

MIGRATIONS: tuple[Migration, ...] = (
    (
        "runs-and-events",
        (
            """
            CREATE TABLE runs (
                number INTEGER PRIMARY KEY,      -- the order in which runs were made
                id TEXT NOT NULL UNIQUE,
                token TEXT NOT NULL UNIQUE,      -- one a form, so that pressing twice is one run
                name TEXT NOT NULL,
                state TEXT NOT NULL,
                config TEXT NOT NULL,            -- JSON
                data TEXT,                       -- the folder of data sets that the user named
                created REAL NOT NULL,
                started REAL,
                ended REAL,
                device TEXT NOT NULL DEFAULT '',
                message TEXT NOT NULL DEFAULT '',
                pid INTEGER,
                pid_started TEXT,                -- tells the process from a later one with the same number
                last_event REAL,
                epochs_done INTEGER NOT NULL DEFAULT 0,
                train_loss REAL,
                train_accuracy REAL,
                test_accuracy REAL,
                best_test_accuracy REAL,
                parameters INTEGER
            )
            """,
            "CREATE INDEX runs_active ON runs (number) WHERE ended IS NULL",
            """
            CREATE TABLE events (
                run_id TEXT NOT NULL REFERENCES runs (id),
                seq INTEGER NOT NULL,            -- from 1 within the run
                kind TEXT NOT NULL,
                number INTEGER NOT NULL,         -- from 1 within the run and kind, so that every nth can be looked up
                time REAL NOT NULL,
                body TEXT NOT NULL,              -- JSON
                PRIMARY KEY (run_id, seq)
            ) WITHOUT ROWID
            """,
            "CREATE UNIQUE INDEX events_by_kind ON events (run_id, kind, number)",
        ),
    ),
    (
        "pause-resume-and-queue",
        (
            "ALTER TABLE runs ADD COLUMN owner TEXT NOT NULL DEFAULT ''",
            "ALTER TABLE runs ADD COLUMN note TEXT NOT NULL DEFAULT ''",
            "ALTER TABLE runs ADD COLUMN resumes INTEGER NOT NULL DEFAULT 0",  # by itself
            "ALTER TABLE runs ADD COLUMN resumable INTEGER NOT NULL DEFAULT 0",  # interrupted, though nobody wanted it to end
            "ALTER TABLE runs ADD COLUMN has_checkpoint INTEGER NOT NULL DEFAULT 0",
            "ALTER TABLE runs ADD COLUMN place INTEGER",  # in the queue: the lowest first
            "ALTER TABLE runs ADD COLUMN images_per_second REAL",
            "ALTER TABLE runs ADD COLUMN train_images INTEGER",
            "ALTER TABLE runs ADD COLUMN seconds REAL",  # trained, as its process measured: the clock may be set meanwhile
            "UPDATE runs SET place = number, has_checkpoint = epochs_done > 0,"
            " seconds = max(0, coalesce(ended, last_event) - started)",
            "CREATE INDEX runs_queued ON runs (place) WHERE state = 'queued'",
            "CREATE INDEX runs_resumable ON runs (place) WHERE resumable = 1",
            # When each owner's run was last started, as a count: a clock that is set back would give one turn after turn.
            "CREATE TABLE turns (owner TEXT PRIMARY KEY, turn INTEGER NOT NULL)",
        ),
    ),
    summaries.MIGRATION,
    summaries.CURVE_MIGRATION,
    summaries.CHANGED_MIGRATION,
)


def check(connection: sqlite3.Connection, migrations: tuple[Migration, ...] = MIGRATIONS) -> set[str]:
    """The steps that were applied. Raises StoreError for a newer file, or another program's; changes nothing."""
    tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    if not tables:
        return set()
    if "migrations" not in tables:
        raise StoreError(
            f"The record of runs is another program's database (it has a table {min(tables)!r}): choose another home folder."
        )
    done = {name for (name,) in connection.execute("SELECT name FROM migrations")}
    unknown = done - {name for name, _ in migrations}
    if unknown:
        raise StoreError(
            f"The record of runs was written by a newer CNN Lab (step {min(unknown)!r}): "
            "update CNN Lab, or choose another home folder."
        )
    return done


def migrate(connection: sqlite3.Connection, migrations: tuple[Migration, ...] = MIGRATIONS) -> None:
    """Applies what is missing, each step in one transaction with its record. Raises StoreError as `check` does."""
    done = check(connection, migrations)
    connection.execute("CREATE TABLE IF NOT EXISTS migrations (name TEXT PRIMARY KEY, applied TEXT NOT NULL)")
    for name, statements in migrations:
        if name not in done:
            _apply(connection, name, statements)


def _apply(connection: sqlite3.Connection, name: str, statements: tuple[str, ...]) -> None:
    connection.execute("BEGIN IMMEDIATE")
    try:
        # Asked again inside the transaction: another process may have been quicker.
        if not connection.execute("SELECT 1 FROM migrations WHERE name = ?", (name,)).fetchone():
            for statement in statements:
                connection.execute(statement)
            connection.execute("INSERT INTO migrations VALUES (?, datetime('now'))", (name,))
        connection.execute("COMMIT")
    except BaseException:
        connection.execute("ROLLBACK")
        raise
