"""What a person has used of what a lab allows. Needs no torch."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from cnnlab.datasets import own
from cnnlab.datasets.own import OwnSet
from cnnlab.runs import ledger
from cnnlab.runs.store import Store
from cnnlab.runs.store_queue import active
from cnnlab.system.files import folder_bytes, run_bytes


@dataclass(frozen=True, slots=True)
class Usage:
    """Minutes are of training, deleted runs included; a day and a week begin at midnight, local time, the week on Monday."""

    minutes_today: float
    gpu_minutes_week: float
    disk_bytes: int | None  # of the folders of their runs and data sets; None where it was not asked for
    parallel: int  # runs that train now
    waiting: int = 0  # runs in the queue
    gpu_places: frozenset[str] = frozenset()  # such as "at:cluster": those beyond this machine that last computed on a GPU


def usage(store: Store, owner: str | None, now: float, *, disk: bool = True) -> Usage:
    """What `owner` has used at `now` (seconds since 1970); of all owners together where it is None.

    Without `disk` no folder is read: that takes a moment where there are thousands of runs.
    """
    used = minutes(store, owner, now)
    with store.transaction() as connection:
        own = [run for run in active(connection) if owner in (None, run.owner)]
        rows = connection.execute("SELECT id FROM runs WHERE owner = coalesce(?, owner)", (owner,)) if disk else ()
        ids = [row["id"] for row in rows]
    waiting = sum(run.waits for run in own)
    taken = sum(run_bytes(store.home, run_id) for run_id in ids) + data_bytes(store.home, owner) if disk else None
    return replace(used, disk_bytes=taken, parallel=len(own) - waiting, waiting=waiting)


def data_bytes(home: Path, owner: str | None) -> int:
    """What the data sets that `owner` has brought take on the disk; those of all owners where it is None."""
    return sum(set_bytes(home, each) for each in own.sets(home) if owner in (None, each.owner))


def set_bytes(home: Path, found: OwnSet) -> int:
    """What one data set takes, with all its versions."""
    return folder_bytes(own.folder(home, found.name))


def minutes(store: Store, owner: str | None, now: float) -> Usage:
    """As `usage`, the minutes alone: processes ask for them every two seconds, and the queue for those of thirty people."""
    with store.transaction() as connection:
        today, week = ledger.seconds_today(connection, owner, now), ledger.gpu_seconds_this_week(connection, owner, now)
        places = ledger.gpu_places(connection)
    return Usage(today / 60, week / 60, None, 0, gpu_places=places)
