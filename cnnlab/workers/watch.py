"""Finds runs whose process has died. Any process may look, at any time."""

from __future__ import annotations

import os
from collections.abc import Collection, Set
from contextlib import suppress

from cnnlab.errors import RunNotFound, RunStateError, StoreError
from cnnlab.runs.records import IN_PROCESS, MAY_GO_ON, State
from cnnlab.runs.store import Store
from cnnlab.system import background, files, processes

NAMED_FOLDERS = 5
MESSAGE = "Its process ended unexpectedly: it was killed, ran out of memory, or the machine was restarted."


def check_processes(store: Store, states: Set[State]) -> bool:
    """Interrupts lost runs, and starts the dispatcher if a run waits for it. True if a run changed. `states` are the runs'."""
    changed = False
    # Also while a dispatcher runs: a new one loads torch for seconds before it checks.
    if states & IN_PROCESS:
        # On a full disk pages show what is recorded; the runs are interrupted once the record can be written.
        with suppress(StoreError):
            changed = interrupt_lost_runs(store) > 0
    if states & MAY_GO_ON and not background.running(store.home) and (State.QUEUED in states or auto_resumable(store)):
        background.ensure(store.home)
    return changed


def interrupt_lost_runs(store: Store, lost: Collection[str] = ()) -> int:
    """Interrupts the runs whose process has died, and returns their number. `lost` are known to have none."""
    interrupted = 0
    for run in store.active():
        if run.waits or (run.id not in lost and processes.alive(*run.process)):
            continue
        try:
            store.interrupt(run, MESSAGE)
        except (RunStateError, RunNotFound):
            continue  # it ended since the list was read
        interrupted += 1
    return interrupted


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
    what = "1 run has a folder" if len(lost) == 1 else f"{len(lost):,} runs have folders"
    return (
        f"{what} with weights but no entry in the record of runs ({names}): the record was lost, or replaced by an older copy. "
        "Put back lab.sqlite from a copy, with lab.sqlite-wal if there is one, or delete these folders in the lab's folder runs."
    )
