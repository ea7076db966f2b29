"""Finds runs in the record whose process is gone. Anybody may look, at any time. Needs no torch."""

from __future__ import annotations

import os
from collections.abc import Collection, Set

from cnnlab.errors import RunNotFound, RunStateError
from cnnlab.runs.records import IN_PROCESS, State
from cnnlab.runs.store import Store
from cnnlab.system import background, processes

MESSAGE = "Its process ended unexpectedly: it was killed, ran out of memory, or the machine was restarted."
MOST_RESUMES = 3  # by itself, until somebody asks for it: what kills a run may be the run
_WATCHED = IN_PROCESS | {State.QUEUED, State.INTERRUPTED}  # what the dispatcher would look after


def look_after(store: Store, states: Set[State]) -> bool:
    """Nothing on screen may lie: True if a run in the record had to be changed. `states` are those of the runs looked at."""
    # Also while a dispatcher runs: one that has just been started loads torch for seconds before it looks.
    found = bool(states & IN_PROCESS) and mark_interrupted(store) > 0
    if states & _WATCHED and not background.running(store.home) and (State.QUEUED in states or may_resume(store)):
        background.ensure(store.home)
    return found


def mark_interrupted(store: Store, lost: Collection[str] = ()) -> int:
    """Ends the runs whose process is gone as interrupted; returns how many. `lost` are known to be gone."""
    marked = 0
    for run in store.active():
        if run.waits or (run.id not in lost and processes.alive(run.pid, run.pid_started)):
            continue
        try:
            store.interrupt(run, MESSAGE)
        except (RunStateError, RunNotFound):
            continue  # it came to its own end between our two looks
        marked += 1
    return marked


def may_resume(store: Store) -> tuple[str, ...]:
    """Interrupted runs that the lab may resume by itself; none where `CNNLAB_AUTO_RESUME` is off."""
    if os.environ.get("CNNLAB_AUTO_RESUME", "on").strip().lower() in ("off", "0", "no", "false"):
        return ()
    return store.resumable(MOST_RESUMES)


def resume_by_itself(store: Store, run_id: str) -> None:
    """Queues such a run, unless somebody was quicker."""
    try:
        store.resume_by_itself(run_id, MOST_RESUMES)
    except RunNotFound:
        return  # deleted meanwhile
