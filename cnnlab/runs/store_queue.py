"""The queue: which run starts next, and moving a run within it. Every function works inside its caller's transaction."""

from __future__ import annotations

import contextlib
import sqlite3
from collections import Counter
from collections.abc import Iterable

from cnnlab.errors import RunStateError, StoreError
from cnnlab.i18n import say
from cnnlab.runs.fairness import in_turn
from cnnlab.runs.records import ActiveRun, Run, may_take_the_same
from cnnlab.runs.store_rows import active_run, rows, runs

_ACTIVE = "SELECT * FROM runs WHERE ended IS NULL ORDER BY place, number"
_IN_PROCESS = "SELECT * FROM runs WHERE ended IS NULL AND state <> 'queued' ORDER BY place, number"


def positions(connection: sqlite3.Connection, known: tuple[ActiveRun, ...] | None = None) -> dict[str, int]:
    """Each queued run's position, from 1, in the order of the queue: owners take turns, and the runs of one owner keep their order.

    Runs that wait for other devices are not counted, so two runs can be the first, each for its own device. `known` are the active
    ones, where they have been read.
    """
    found = active(connection) if known is None else known
    queued, others = [run for run in found if run.waits], [run for run in found if not run.waits]
    choices = {run.id: run.config.device for run in queued}
    before: Counter[str] = Counter()  # of the choices so far; there are few, and hundreds of runs may wait
    places = {}
    for run_id in in_turn(queued, others, turns(connection)):
        choice = choices[run_id]
        places[run_id] = 1 + sum(count for other, count in before.items() if may_take_the_same(choice, other))
        before[choice] += 1
    return places


def active(connection: sqlite3.Connection, *, waiting: bool = True) -> tuple[ActiveRun, ...]:
    """Runs that wait or train, by their place in the queue; without `waiting`, the few that a process works on.

    Unreadable ones are left out and stay as they are.
    """
    return _readable(rows(connection, _ACTIVE if waiting else _IN_PROCESS))


def queue(connection: sqlite3.Connection) -> tuple[Run, ...]:
    """The queued runs, in the order in which they start."""
    found = rows(connection, _ACTIVE)
    order = positions(connection, _readable(found))
    queued = {run.id: run for run in runs((row for row in found if row["id"] in order), order)}
    return tuple(queued[run_id] for run_id in order if run_id in queued)


def _readable(found: Iterable[sqlite3.Row]) -> tuple[ActiveRun, ...]:
    readable = []
    for row in found:
        with contextlib.suppress(StoreError):  # the list of runs names it
            readable.append(active_run(row))
    return tuple(readable)


def turns(connection: sqlite3.Connection) -> dict[str, int]:
    """Each owner's last turn, as a count of starts."""
    return {row["owner"]: row["turn"] for row in connection.execute("SELECT owner, turn FROM turns")}


def take_turn(connection: sqlite3.Connection, owner: str) -> None:
    connection.execute(
        "INSERT OR REPLACE INTO turns (owner, turn) VALUES (?, (SELECT coalesce(max(turn), 0) + 1 FROM turns))", (owner,)
    )


def move_in_queue(connection: sqlite3.Connection, row: sqlite3.Row, places: int) -> None:
    """Moves a queued run `places` later (earlier if negative) among its owner's runs; other owners' runs keep their places."""
    if row["state"] != "queued":
        raise RunStateError(
            say("Run {run} is {state}: only a run that waits can be moved in the queue.", run=row["id"], state=row["state"])
        )
    own = connection.execute(
        "SELECT id, place FROM runs WHERE state = 'queued' AND owner = ? ORDER BY place, number", (row["owner"],)
    ).fetchall()
    order = [run["id"] for run in own]
    start = order.index(row["id"])
    order.insert(max(0, min(start + places, len(own) - 1)), order.pop(start))
    for run_id, place in zip(order, (run["place"] for run in own), strict=True):
        connection.execute("UPDATE runs SET place = ? WHERE id = ?", (place, run_id))


def start_next(connection: sqlite3.Connection, row: sqlite3.Row) -> None:
    """Puts a queued run before those of everyone: at the head of the queue, and its owner's turn is the oldest of all."""
    move_in_queue(connection, row, 0)  # raises where it does not wait
    connection.execute("UPDATE runs SET place = ? WHERE id = ?", (first_place(connection) - 1, row["id"]))
    connection.execute("INSERT OR REPLACE INTO turns (owner, turn) VALUES (?, -9e999)", (row["owner"],))


def first_place(connection: sqlite3.Connection) -> int:
    return connection.execute("SELECT coalesce(min(place), 1) FROM runs WHERE state = 'queued'").fetchone()[0]


def last_place(connection: sqlite3.Connection) -> int:
    return connection.execute("SELECT coalesce(max(place), 0) FROM runs WHERE state = 'queued'").fetchone()[0]
