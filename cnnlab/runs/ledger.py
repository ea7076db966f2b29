"""How long each owner has trained, day by day. Deleting a run takes nothing from it: its minutes were used.

Every function works inside its caller's transaction.
"""

from __future__ import annotations

import sqlite3
from datetime import date, datetime, timedelta


def count(connection: sqlite3.Connection, owner: str, device: str, seconds: float, now: float, *, gpu: int | None = None) -> None:
    """Adds `seconds` of training on `device` to the local day of `now`. Nothing where they are not above 0.

    At a place beyond this machine, `gpu` is what its node reported. A run that goes back to an older checkpoint, or starts over,
    trains some epochs again: these count again.
    """
    if seconds > 0:
        connection.execute(
            "INSERT INTO trained (owner, day, gpu, seconds) VALUES (?, ?, ?, ?)"
            " ON CONFLICT (owner, day, gpu) DO UPDATE SET seconds = seconds + excluded.seconds",
            (owner, _day(now).isoformat(), device != "cpu" if gpu is None else bool(gpu), seconds),
        )


def note_place(connection: sqlite3.Connection, device: str, *, gpu: bool) -> None:
    """Keeps what a run at the place `device` computes on: the minutes of those who have used theirs up are asked for by it."""
    connection.execute("INSERT OR REPLACE INTO places (device, gpu) VALUES (?, ?)", (device, gpu))


def gpu_places(connection: sqlite3.Connection) -> frozenset[str]:
    """The places, such as "at:cluster", whose last run computed on a GPU."""
    return frozenset(row[0] for row in connection.execute("SELECT device FROM places WHERE gpu"))


def seconds_today(connection: sqlite3.Connection, owner: str | None, now: float) -> float:
    """Seconds that `owner` (None: all owners together) has trained since midnight, local time."""
    return _sum(connection, owner, _day(now), gpu=False)


def gpu_seconds_this_week(connection: sqlite3.Connection, owner: str | None, now: float) -> float:
    """Seconds on a GPU since Monday, as `seconds_today`."""
    today = _day(now)
    return _sum(connection, owner, today - timedelta(days=today.weekday()), gpu=True)


def _sum(connection: sqlite3.Connection, owner: str | None, since: date, *, gpu: bool) -> float:
    # A day after today is no mistake: the clock was set back since.
    row = connection.execute(
        "SELECT coalesce(sum(seconds), 0) FROM trained WHERE day >= :since AND gpu >= :gpu AND owner = coalesce(:owner, owner)",
        {"since": since.isoformat(), "gpu": gpu, "owner": owner},
    ).fetchone()
    return float(row[0])


def _day(now: float) -> date:
    return datetime.fromtimestamp(now).date()
