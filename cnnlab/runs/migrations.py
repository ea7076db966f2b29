"""The store's tables, as named steps from an empty file on. A step that was released is never changed; a new one follows it."""

from __future__ import annotations

import sqlite3

from cnnlab.errors import StoreError

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
)


def migrate(connection: sqlite3.Connection, migrations: tuple[Migration, ...] = MIGRATIONS) -> None:
    """Applies what is missing, each step in one transaction with its record. Raises StoreError for a newer file."""
    connection.execute("CREATE TABLE IF NOT EXISTS migrations (name TEXT PRIMARY KEY, applied TEXT NOT NULL)")
    done = {name for (name,) in connection.execute("SELECT name FROM migrations")}
    unknown = done - {name for name, _ in migrations}
    if unknown:
        raise StoreError(
            f"The record of runs was written by a newer CNN Lab (step {min(unknown)!r}): "
            "update CNN Lab, or choose another home folder."
        )
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
