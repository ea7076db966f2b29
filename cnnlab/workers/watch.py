"""Finds runs whose process has died. Any process may look, at any time."""

from __future__ import annotations

import os
import time
from collections.abc import Collection, Set
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TypeVar

from cnnlab.errors import RunNotFound, RunStateError, StoreError
from cnnlab.i18n import N_, nsay
from cnnlab.runs.records import IN_PROCESS, MAY_GO_ON, ActiveRun, Run, Runs, State
from cnnlab.runs.store import Store
from cnnlab.runs.store_connection import BUSY_SECONDS
from cnnlab.runs.summaries import Summaries
from cnnlab.system import background, files, processes

NAMED_FOLDERS = 5
RESUME_SECONDS = 2.0  # during which pages show a run as interrupted before it is resumed automatically
MESSAGE = N_("Its process ended unexpectedly: it was killed, ran out of memory, or the machine was restarted.")


NOT_RECORDED = N_("The record of runs does not say so yet, because it cannot be written at the moment.")
READER_WAITS = 0.1  # seconds for another program's write: whoever reads needs no write

Read = TypeVar("Read", Run, Runs, Summaries)


@dataclass(frozen=True, slots=True)
class Check:
    """What a look at the processes of runs has found."""

    changed: bool = False  # the record
    lost: frozenset[str] = frozenset()  # ids of runs without a process that the record still calls active: it cannot be written

    def corrected(self, read: Read) -> Read:
        """What was read of the record, with the lost runs as the interrupted ones that they are."""
        return read.interrupted(self.lost, f"{MESSAGE} {NOT_RECORDED}") if self.lost else read


def check_processes(store: Store, states: Set[State]) -> Check:
    """Looks for lost runs, and starts the dispatcher if a run waits for it. `states` are those of the runs that were read."""
    check = look_for_lost_runs(store) if states & IN_PROCESS else Check()  # also while a dispatcher loads torch, for seconds
    if states & MAY_GO_ON and not background.running(store.home) and (State.QUEUED in states or auto_resumable(store)):
        background.ensure(store.home)
    return check


class Looks:
    """`check_processes` for one who reads all the time: what a look has found holds for `seconds`, while the states stay."""

    def __init__(self, store: Store, seconds: float) -> None:
        self._store, self._seconds = store, seconds
        self._last: tuple[float, Set[State], Check] = (-seconds, frozenset(), Check())

    def check(self, states: Set[State]) -> Check:
        at, of, found = self._last
        known, now = states & MAY_GO_ON, time.monotonic()
        if known == of and now - at < self._seconds:
            return replace(found, changed=False)
        found = check_processes(self._store, states)
        self._last = now, known, found
        return found


def look_for_lost_runs(store: Store) -> Check:
    """Interrupts lost runs where the record can be written at once, and names them where it cannot: reading needs no writing."""
    try:
        return Check(interrupt_lost_runs(store, busy_seconds=READER_WAITS) > 0)
    except StoreError:
        return Check(changed=True, lost=frozenset(run.id for run in lost_runs(store)))  # some may have been interrupted


def interrupt_lost_runs(store: Store, lost: Collection[str] = (), *, busy_seconds: float = BUSY_SECONDS) -> int:
    """Interrupts the runs whose process has died, and returns their number. `lost` are known to have none. Raises StoreError."""
    interrupted = 0
    for run in lost_runs(store, lost):
        with suppress(RunStateError, RunNotFound):  # it ended since the list was read
            store.interrupt(run, MESSAGE, busy_seconds=busy_seconds)
            interrupted += 1
    return interrupted


def lost_runs(store: Store, lost: Collection[str] = ()) -> tuple[ActiveRun, ...]:
    """The runs that the record calls active and that no process works on."""
    return tuple(run for run in store.active(waiting=False) if run.id in lost or not processes.alive(*run.process))


def auto_resumable(store: Store) -> tuple[str, ...]:
    """Interrupted runs that the lab may resume automatically; none where `CNNLAB_AUTO_RESUME` is off."""
    if os.environ.get("CNNLAB_AUTO_RESUME", "on").strip().lower() in ("off", "0", "no", "false"):
        return ()
    return store.auto_resumable()


def folders_without_record(store: Store) -> str:
    """Which folders of runs the record does not have, as a sentence: it was lost, or replaced by an older copy; "" for none."""
    lost = store.without_record(files.run_folders(store.home))
    if not lost:
        return ""
    names = ", ".join(lost[:NAMED_FOLDERS]) + (" …" if len(lost) > NAMED_FOLDERS else "")
    what = nsay(
        "{count:,} run has a folder with weights but no entry in the record of runs ({names}): the record was lost, or replaced "
        "by an older copy.",
        "{count:,} runs have folders with weights but no entry in the record of runs ({names}): the record was lost, or "
        "replaced by an older copy.",
        len(lost), count=len(lost), names=names,
    )  # fmt: skip
    remedy = N_(
        "Put back lab.sqlite from a copy, with lab.sqlite-wal if there is one, or delete these folders in the lab's folder runs."
    )
    return f"{what} {remedy}"


class AutoResume:
    """Queues interrupted runs once pages have shown them as such."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._since: dict[str, float] = {}  # resumable runs, and when each was noticed

    def turn(self, now: float) -> bool:
        """Looks once, at the time `now` in seconds; True while there are such runs."""
        waiting = auto_resumable(self._store)
        self._since = {run_id: self._since.get(run_id, now) for run_id in waiting}
        for run_id, since in self._since.items():
            if now - since >= RESUME_SECONDS:
                self._store.auto_resume(run_id)
        return bool(waiting)
