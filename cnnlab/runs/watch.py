"""Finds runs in the record whose process is gone. Anybody may look, at any time. Needs no torch."""

from __future__ import annotations

from cnnlab import processes
from cnnlab.errors import RunStateError
from cnnlab.runs.records import State
from cnnlab.runs.store import Store

MESSAGE = "Its process ended unexpectedly: it was killed, ran out of memory, or the machine was restarted."


def mark_interrupted(store: Store) -> int:
    """Ends the runs whose process is gone as interrupted; returns how many."""
    marked = 0
    for run in store.active():
        if run.state is State.QUEUED or processes.alive(run.pid, run.pid_started):
            continue
        try:
            store.move(run.id, State.INTERRUPTED, message=MESSAGE)
        except RunStateError:
            continue  # it came to its own end between our two looks
        marked += 1
    return marked
