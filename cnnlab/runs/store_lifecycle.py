"""How runs change their state: by the table of moves alone. Each function works inside one transaction of its caller."""

from __future__ import annotations

import sqlite3
from typing import Any

from cnnlab.config import RunConfig
from cnnlab.errors import ConfigError, RunStateError
from cnnlab.runs import store_events, store_queue, store_rows
from cnnlab.runs.records import ACTIVE, IN_PROCESS, MOVES, State

_WANTED = frozenset({State.STARTING, State.RUNNING})  # whoever loses its process here was not asked to end


def move(connection: sqlite3.Connection, row: sqlite3.Row, to: State, now: float, **fields: Any) -> State:
    """Moves a run; `fields`: device, message, pid, pid_started. Raises RunStateError where MOVES forbids it."""
    state = State(row["state"])
    if to not in MOVES[state]:
        raise RunStateError(f"Run {row['id']} is {state} and cannot become {to}.")
    values = {name: row[name] for name in ("device", "message", "pid", "pid_started", "started", "place")} | fields
    if to is State.RUNNING:
        values["started"] = row["started"] or now
    if to not in IN_PROCESS:
        values["pid"] = values["pid_started"] = None  # a process that comes late finds that the run is no longer its own
    if to is State.QUEUED:
        values |= {"message": "", "place": store_queue.last_place(connection) + 1} | fields
    if to is State.STARTING:
        store_queue.take_turn(connection, row["owner"])
    # An interrupted run ended when it was last heard of, not when somebody noticed.
    ended = (row["last_event"] or now) if to is State.INTERRUPTED else now
    values["ended"] = None if to in ACTIVE else max(ended, row["created"])
    columns = ", ".join(f"{name} = :{name}" for name in values)
    connection.execute(
        f"UPDATE runs SET state = :to, resumable = 0, {columns} WHERE id = :id",  # noqa: S608 - names of columns, written above
        {**values, "to": to, "id": row["id"]},
    )
    return to


def own(row: sqlite3.Row, owner: str | None) -> None:
    """Raises RunStateError where the run is somebody else's; None may change every run, and everybody one without an owner."""
    if owner is not None and row["owner"] and row["owner"] != owner:
        raise RunStateError(f"This run belongs to {row['owner'][:80]}, who alone can change it.")


def stop(connection: sqlite3.Connection, row: sqlite3.Row, now: float) -> State:
    state = State(row["state"])
    if state in (State.QUEUED, State.PAUSED, State.INTERRUPTED):
        return move(connection, row, State.STOPPED, now)
    if state in MOVES and State.STOPPING in MOVES[state]:
        return move(connection, row, State.STOPPING, now)
    return state


def pause(connection: sqlite3.Connection, row: sqlite3.Row, now: float) -> State:
    state = State(row["state"])
    if state in (State.PAUSING, State.PAUSED):
        return state  # two browsers pressed at once
    if state is State.QUEUED:
        return move(connection, row, State.PAUSED, now)
    if State.PAUSING not in MOVES[state]:
        raise RunStateError(f"Run {row['id']} is {state}: only a run that waits or trains can be paused.")
    return move(connection, row, State.PAUSING, now)


def resume(connection: sqlite3.Connection, row: sqlite3.Row, now: float) -> State:
    state = State(row["state"])
    if state in (State.QUEUED, State.STARTING, State.RUNNING):
        return state  # two browsers pressed at once
    if state is State.FINISHED:
        raise RunStateError(f"Run {row['id']} has finished: continue it for more epochs instead.")
    if state in (State.PAUSING, State.STOPPING):
        raise RunStateError(f"Run {row['id']} is still {state}: wait a moment, then resume it.")
    if state is State.FAILED and not row["has_checkpoint"]:
        raise RunStateError(f"Run {row['id']} failed before its first checkpoint: clone it with other settings instead.")
    connection.execute("UPDATE runs SET resumes = 0 WHERE id = ?", (row["id"],))
    return move(connection, row, State.QUEUED, now)


def extend(connection: sqlite3.Connection, row: sqlite3.Row, epochs: int, now: float) -> State:
    state = State(row["state"])
    if state not in (State.FINISHED, State.STOPPED):
        raise RunStateError(f"Run {row['id']} is {state}: only a run that finished or was stopped gets more epochs.")
    if isinstance(epochs, bool) or not isinstance(epochs, int) or epochs < 1:
        raise ConfigError(f"epochs must be a whole number from 1 on, not {str(epochs)[:80]!r}.", "epochs")
    config = RunConfig.from_json(row["config"])
    longer = config.change(epochs=config.epochs + epochs)
    connection.execute("UPDATE runs SET config = ?, resumes = 0 WHERE id = ?", (longer.to_json(), row["id"]))
    return move(connection, row, State.QUEUED, now)


def interrupt(connection: sqlite3.Connection, row: sqlite3.Row, now: float, message: str) -> State:
    """Its process is gone. What was not asked to pause or stop may be resumed by itself."""
    move(connection, row, State.INTERRUPTED, now, message=message)
    store_events.note_interruption(connection, row, now)
    connection.execute("UPDATE runs SET resumable = ? WHERE id = ?", (State(row["state"]) in _WANTED, row["id"]))
    return State.INTERRUPTED


def resume_by_itself(connection: sqlite3.Connection, row: sqlite3.Row, most: int, now: float) -> bool:
    """Queues an interrupted run where it stood, at the head; False if it may not be, or no more than `most` times."""
    if State(row["state"]) is not State.INTERRUPTED or not row["resumable"] or row["resumes"] >= most:
        return False
    connection.execute("UPDATE runs SET resumes = resumes + 1 WHERE id = ?", (row["id"],))
    move(connection, row, State.QUEUED, now, place=store_queue.first_place(connection) - 1)
    return True


def delete(connection: sqlite3.Connection, row: sqlite3.Row) -> None:
    """Forgets the run and its events."""
    if State(row["state"]) in ACTIVE:
        raise RunStateError(f"Run {row['id']} is {row['state']}: stop it first, then delete it.")
    connection.execute("DELETE FROM events WHERE run_id = ?", (row["id"],))
    connection.execute("DELETE FROM runs WHERE id = ?", (row["id"],))


def adopt(connection: sqlite3.Connection, row: sqlite3.Row, pid: int, pid_started: str) -> None:
    """Says which process works on the run from now on."""
    if State(row["state"]) not in (State.STARTING, State.PAUSING, State.STOPPING):
        raise RunStateError(f"Run {row['id']} is {row['state']}: no process can take it over.")
    connection.execute("UPDATE runs SET pid = ?, pid_started = ? WHERE id = ?", (pid, pid_started, row["id"]))


def check_process(row: sqlite3.Row, process: store_rows.Process | None) -> None:
    """Raises RunStateError where `process` works on a run that was taken from it."""
    if process is not None and (row["pid"], row["pid_started"]) != process:
        raise RunStateError(f"Run {row['id']} is {row['state']} and no longer belongs to process {process[0]}.")
