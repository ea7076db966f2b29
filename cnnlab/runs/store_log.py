"""Who did what and when: a table beside the runs, whose rows are written in the transaction of what they report.

Runs that begin are noted by the database itself, and it keeps the newest twenty thousand rows (migrations.py).
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cnnlab.errors import StoreError
from cnnlab.i18n import N_, _, translated
from cnnlab.runs import store_rows
from cnnlab.text import well_formed

if TYPE_CHECKING:
    from cnnlab.runs.store import Store

LONGEST = 200  # characters of a note
BUSY_SECONDS = 1.0  # a note of its own waits no longer for other writes

# What a row's `did` says, in words that `translated` finds.
DEEDS = {
    "start": N_("started a run"),
    "stop": N_("stopped"),
    "pause": N_("paused"),
    "resume": N_("resumed"),
    "extend": N_("trained longer"),
    "start_over": N_("started over"),
    "rename": N_("renamed"),
    "annotate": N_("wrote a note"),
    "tag": N_("changed tags"),
    "delete": N_("deleted"),
    "move": N_("moved in the queue"),
    "sweep start": N_("started a sweep"),
    "sweep stop": N_("stopped a sweep"),
    "sweep resume": N_("resumed a sweep"),
    "sweep delete": N_("deleted a sweep"),
    "sign in": N_("signed in"),
    "sign out": N_("signed out"),
    "class": N_("changed the class"),
    "assignment": N_("made an assignment"),
    "assignment delete": N_("deleted an assignment"),
    "hand in": N_("handed in"),
    "hint": N_("sent a hint"),
    "announce": N_("announced"),
    "withdraw": N_("withdrew the announcement"),
    "lab pause": N_("paused the lab"),
    "lab resume": N_("let the lab go on"),
    "archive": N_("made an archive"),
    "forget": N_("deleted the class's data"),
    "data": N_("changed a data set"),
    "data delete": N_("deleted a data set"),
    "network": N_("deleted a network"),
    "progress": N_("asked for another's progress"),
    "teach": N_("asked for what is a teacher's"),
}


@dataclass(frozen=True, slots=True)
class Entry:
    """One row. `who` is "" for the command line, for the lab itself, and for a visitor who was not let in."""

    at: float  # seconds since 1970
    who: str
    did: str  # a key of DEEDS
    what: str  # the id of a run, a sweep or an assignment, the name of a data set; "" for none
    whose: str  # the owner of it, or the person whom it concerns
    refused: bool
    note: str


def add(
    connection: sqlite3.Connection, at: float, who: str, did: str, *, what: str = "", whose: str = "", refused: bool = False,
    note: str = "",
) -> None:  # fmt: skip
    """Adds a row, within its caller's transaction."""
    texts = (well_formed(text)[:LONGEST] for text in (who, did, what, whose))
    connection.execute(
        "INSERT INTO log (at, who, did, what, whose, refused, note) VALUES (?, ?, ?, ?, ?, ?, ?)",
        (at, *texts, refused, well_formed(note)[:LONGEST]),
    )


def by(entry: Entry) -> str:
    """Who did it, in words where it was nobody of the class; `translated` finds them."""
    return entry.who or (N_("a visitor") if entry.refused or entry.did == "sign in" else N_("the command line"))


def deed(entry: Entry) -> str:
    """What was done or refused, in the reader's language."""
    if entry.refused and entry.did == "sign in":
        return _("was not let in")
    done = translated(DEEDS.get(entry.did, entry.did))
    return _("refused: {deed}").format(deed=done) if entry.refused else done


class Log:
    """The log of one lab's record."""

    def __init__(self, store: Store, clock: Callable[[], float] = time.time) -> None:
        self._transaction = store.transaction
        self._clock = clock

    def note(self, who: str, did: str, what: str = "", whose: str = "", *, refused: bool = False, note: str = "") -> None:
        """Adds a row for what is no change of a run. A full disk or a locked record loses the row, and stops nothing."""
        with suppress(StoreError), self._transaction(write=True, busy_seconds=BUSY_SECONDS) as connection:
            add(connection, self._clock(), who, did, what=what, whose=whose, refused=refused, note=note)

    def entries(self, limit: int = 200) -> tuple[Entry, ...]:
        """The newest first."""
        query = "SELECT at, who, did, what, whose, refused, note FROM log ORDER BY number DESC LIMIT ?"
        with self._transaction() as connection:
            found = store_rows.rows(connection, query, (max(0, limit),), plain=True)
        return tuple(Entry(*row[:5], bool(row[5]), row[6]) for row in found)
