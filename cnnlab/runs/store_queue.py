"""The queue: which run starts next, and moving one's own runs in it. Works inside a transaction of its caller."""

from __future__ import annotations

import contextlib
import sqlite3

from cnnlab.errors import RunStateError, StoreError
from cnnlab.runs.fairness import in_turn
from cnnlab.runs.store_rows import ActiveRun, active_run, rows


def positions(connection: sqlite3.Connection) -> dict[str, int]:
    """The queued runs' places as people count them, 1 starts next: owners take turns, each one's own runs in their order."""
    runs = active(connection)
    queued, others = [run for run in runs if run.waits], [run for run in runs if not run.waits]
    return {run_id: position for position, run_id in enumerate(in_turn(queued, others, turns(connection)), 1)}


def active(connection: sqlite3.Connection) -> tuple[ActiveRun, ...]:
    """Runs that wait or train, by their place in the queue. One that cannot be read is nobody's: it stays as it is."""
    found = []
    for row in rows(connection, "SELECT * FROM runs WHERE ended IS NULL ORDER BY place, number"):
        with contextlib.suppress(StoreError):  # the lists of runs say which it is
            found.append(active_run(row))
    return tuple(found)


def turns(connection: sqlite3.Connection) -> dict[str, int]:
    """When each owner's run was last started, as a count."""
    return {row["owner"]: row["turn"] for row in connection.execute("SELECT owner, turn FROM turns")}


def take_turn(connection: sqlite3.Connection, owner: str) -> None:
    connection.execute(
        "INSERT OR REPLACE INTO turns (owner, turn) VALUES (?, (SELECT coalesce(max(turn), 0) + 1 FROM turns))", (owner,)
    )


def move(connection: sqlite3.Connection, row: sqlite3.Row, places: int) -> None:
    """Moves a queued run `places` later (earlier if negative) among its owner's; those of others keep their places."""
    if row["state"] != "queued":
        raise RunStateError(f"Run {row['id']} is {row['state']}: only a run that waits can be moved in the queue.")
    own = connection.execute(
        "SELECT id, place FROM runs WHERE state = 'queued' AND owner = ? ORDER BY place, number", (row["owner"],)
    ).fetchall()
    order = [one["id"] for one in own]
    start = order.index(row["id"])
    order.insert(max(0, min(start + places, len(own) - 1)), order.pop(start))
    for run_id, place in zip(order, (one["place"] for one in own), strict=True):
        connection.execute("UPDATE runs SET place = ? WHERE id = ?", (place, run_id))


def first_place(connection: sqlite3.Connection) -> int:
    return connection.execute("SELECT coalesce(min(place), 1) FROM runs WHERE state = 'queued'").fetchone()[0]


def last_place(connection: sqlite3.Connection) -> int:
    return connection.execute("SELECT coalesce(max(place), 0) FROM runs WHERE state = 'queued'").fetchone()[0]
