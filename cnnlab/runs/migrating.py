"""Brings a database to the tables of this version. Every step is applied once, in the order of `migrations.py`."""

from __future__ import annotations

import sqlite3

from cnnlab.errors import StoreError
from cnnlab.i18n import say
from cnnlab.runs.migrations import MIGRATIONS, Migration


def check(connection: sqlite3.Connection, migrations: tuple[Migration, ...] = MIGRATIONS) -> set[str]:
    """The names of the steps applied so far; reads only. Raises StoreError for a newer file, or another program's."""
    tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    if not tables:
        return set()
    if "migrations" not in tables:
        raise StoreError(
            say(
                "The record of runs is another program's database (it has a table {table!r}): choose another home folder.",
                table=min(tables),
            )
        )
    done = {name for (name,) in connection.execute("SELECT name FROM migrations")}
    unknown = done - {name for name, _ in migrations}
    if unknown:
        raise StoreError(
            say(
                "The record of runs was written by a newer CNN Lab (step {step!r}): update CNN Lab, or choose another home folder.",
                step=min(unknown),
            )
        )
    return done


def migrate(connection: sqlite3.Connection, migrations: tuple[Migration, ...] = MIGRATIONS) -> None:
    """Applies the missing steps, each in one transaction with its name. Raises StoreError as `check` does."""
    done = check(connection, migrations)
    connection.execute("CREATE TABLE IF NOT EXISTS migrations (name TEXT PRIMARY KEY, applied TEXT NOT NULL)")
    for name, statements in migrations:
        if name not in done:
            _apply(connection, name, statements)


def _apply(connection: sqlite3.Connection, name: str, statements: tuple[str, ...]) -> None:
    connection.execute("BEGIN IMMEDIATE")
    try:
        # Checked again inside the transaction: another process may have applied it.
        if not connection.execute("SELECT 1 FROM migrations WHERE name = ?", (name,)).fetchone():
            for statement in statements:
                connection.execute(statement)
            connection.execute("INSERT INTO migrations VALUES (?, datetime('now'))", (name,))
        connection.execute("COMMIT")
    except BaseException:
        connection.execute("ROLLBACK")
        raise
