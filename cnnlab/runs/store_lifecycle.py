"""State transitions of runs, each allowed by the table in records.py. Every function works inside its caller's transaction."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from typing import Any

from cnnlab.config import RunConfig
from cnnlab.errors import ConfigError, RunStateError
from cnnlab.i18n import say
from cnnlab.runs import store_events, store_log, store_queue, store_rows
from cnnlab.runs.records import ACTIVE, ASKED_TO_END, IN_PROCESS, TRANSITIONS, State
from cnnlab.system.processes import Process

MOST_AUTO_RESUMES = 3  # until a user resumes the run: the cause of the crash may be the run itself


def transition(
    connection: sqlite3.Connection, row: sqlite3.Row, to: State, now: float, *, process: Process | None = None, **changes: Any
) -> State:
    """Changes a run's state. `changes`: device, message, place. Raises RunStateError where TRANSITIONS forbids it."""
    state = State(row["state"])
    if to not in TRANSITIONS[state]:
        raise RunStateError(say("Run {run} is {state} and cannot become {to}.", run=row["id"], state=state, to=to))
    if to not in IN_PROCESS:
        changes |= {"pid": None, "pid_started": None}  # later writes of its old process are refused
    elif process:
        changes |= {"pid": process.pid, "pid_started": process.started}
    if to is State.RUNNING:
        changes["started"] = row["started"] or now
    if state in (State.QUEUED, State.STARTING):
        changes = {"message": ""} | changes  # why it waited
    if to is State.QUEUED:
        changes = {"message": "", "place": store_queue.last_place(connection) + 1} | changes
    if to is State.STARTING:
        store_queue.take_turn(connection, row["owner"])
    # An interrupted run ended at its last event, not when the interruption was detected.
    ended = (row["last_event"] or now) if to is State.INTERRUPTED else now
    changes |= {"state": to, "resumable": 0, "ended": None if to in ACTIVE else max(ended, row["created"])}
    columns = ", ".join(f"{name} = :{name}" for name in changes)
    connection.execute(f"UPDATE runs SET {columns} WHERE id = :id", {**changes, "id": row["id"]})  # noqa: S608 - names from above
    return to


def own(connection: sqlite3.Connection, run_id: str, owner: str | None, did: str, now: float, *, who: str) -> sqlite3.Row:
    """The row of a run that `owner` may change. The log gets a row, which stays where the change does. Raises as `check_owner`."""
    row = store_rows.row_of(connection, run_id)
    store_rows.run(row, {})  # raises for an unreadable row, which stays as it is
    check_owner(row, owner)
    store_log.add(connection, now, who, did, what=row["id"], whose=row["owner"])
    return row


def check_owner(row: sqlite3.Row, owner: str | None) -> None:
    """Raises RunStateError where the run has another owner. None may change every run; anyone may change a run without an owner."""
    if owner is not None and row["owner"] and row["owner"] != owner:
        raise RunStateError(say("This run belongs to {owner}, who alone can change it.", owner=row["owner"][:80]))


def check_process(row: sqlite3.Row, process: Process | None) -> None:
    """Raises RunStateError where the run no longer belongs to `process`."""
    if process is not None and (row["pid"], row["pid_started"]) != process:
        raise RunStateError(
            say("Run {run} is {state} and no longer belongs to process {pid}.", run=row["id"], state=row["state"], pid=process.pid)
        )


def stop(connection: sqlite3.Connection, row: sqlite3.Row, now: float) -> State:
    state = State(row["state"])
    if state in (State.QUEUED, State.PAUSED, State.INTERRUPTED):
        return transition(connection, row, State.STOPPED, now)
    if State.STOPPING in TRANSITIONS[state]:
        return transition(connection, row, State.STOPPING, now)
    return state


def pause(connection: sqlite3.Connection, row: sqlite3.Row, now: float) -> State:
    state = State(row["state"])
    if state in (State.PAUSING, State.PAUSED):
        return state  # a second browser asked at the same time
    if state is State.QUEUED:
        return transition(connection, row, State.PAUSED, now)
    if State.PAUSING not in TRANSITIONS[state]:
        raise RunStateError(say("Run {run} is {state}: only a run that waits or trains can be paused.", run=row["id"], state=state))
    return transition(connection, row, State.PAUSING, now)


def resume(connection: sqlite3.Connection, row: sqlite3.Row, now: float) -> State:
    state = State(row["state"])
    if state in (State.QUEUED, State.STARTING, State.RUNNING):
        return state  # a second browser asked at the same time
    if state is State.FINISHED:
        raise RunStateError(say("Run {run} has finished: continue it for more epochs instead.", run=row["id"]))
    if state in ASKED_TO_END:
        raise RunStateError(say("Run {run} is still {state}: wait a moment, then resume it.", run=row["id"], state=state))
    if state is State.FAILED and not row["has_checkpoint"]:
        raise RunStateError(
            say("Run {run} failed before its first checkpoint, or none can be read: start it over, or clone it.", run=row["id"])
        )
    connection.execute("UPDATE runs SET resumes = 0 WHERE id = ?", (row["id"],))
    return transition(connection, row, State.QUEUED, now)


def extend(connection: sqlite3.Connection, row: sqlite3.Row, epochs: int, now: float) -> State:
    state = State(row["state"])
    if state not in (State.FINISHED, State.STOPPED):
        raise RunStateError(
            say("Run {run} is {state}: only a run that finished or was stopped gets more epochs.", run=row["id"], state=state)
        )
    if isinstance(epochs, bool) or not isinstance(epochs, int) or epochs < 1:
        raise ConfigError(say("epochs must be a whole number from 1 on, not {epochs!r}.", epochs=str(epochs)[:80]), "epochs")
    config = RunConfig.from_json(row["config"])
    longer = config.change(epochs=config.epochs + epochs)
    connection.execute("UPDATE runs SET config = ?, resumes = 0 WHERE id = ?", (longer.to_json(), row["id"]))
    return transition(connection, row, State.QUEUED, now)


def interrupt(connection: sqlite3.Connection, row: sqlite3.Row, now: float, message: str) -> State:
    """Its process has died. The lab may resume the run unless it was asked to pause or stop."""
    transition(connection, row, State.INTERRUPTED, now, message=message)
    store_events.add_interruption(connection, row, now)
    connection.execute("UPDATE runs SET resumable = ? WHERE id = ?", (State(row["state"]) not in ASKED_TO_END, row["id"]))
    return State.INTERRUPTED


def auto_resume(connection: sqlite3.Connection, row: sqlite3.Row, now: float) -> bool:
    """Queues an interrupted run at the head of the queue; False where it may not, or was resumed too often."""
    if State(row["state"]) is not State.INTERRUPTED or not row["resumable"] or row["resumes"] >= MOST_AUTO_RESUMES:
        return False
    connection.execute("UPDATE runs SET resumes = resumes + 1 WHERE id = ?", (row["id"],))
    transition(connection, row, State.QUEUED, now, place=store_queue.first_place(connection) - 1)
    return True


def put_back(connection: sqlite3.Connection, row: sqlite3.Row, now: float, message: str) -> State:
    """Its process cannot train it now: it waits at the head of the queue, or pauses or stops if it was asked to."""
    state = State(row["state"])
    if state is State.QUEUED:
        connection.execute("UPDATE runs SET message = ? WHERE id = ?", (message, row["id"]))
        return state
    if state not in IN_PROCESS:
        raise RunStateError(say("Run {run} is {state} and does not wait.", run=row["id"], state=state))
    to = {State.PAUSING: State.PAUSED, State.STOPPING: State.STOPPED}.get(state, State.QUEUED)
    store_events.add_interruption(connection, row, now)
    place = {"place": store_queue.first_place(connection) - 1} if to is State.QUEUED else {}
    return transition(connection, row, to, now, message=message, **place)


def start_over(connection: sqlite3.Connection, row: sqlite3.Row, first: Callable[[], None], now: float) -> State:
    """Queues a failed run without a checkpoint; its RunStarted deletes what was recorded of the training before."""
    state = State(row["state"])
    if state in (State.QUEUED, State.STARTING, State.RUNNING):
        return state  # a second browser asked at the same time
    if state is not State.FAILED:
        raise RunStateError(
            say("Run {run} is {state}: only a run that failed starts over from the beginning.", run=row["id"], state=state)
        )
    if row["has_checkpoint"]:
        raise RunStateError(say("Run {run} has a checkpoint: resume it instead.", run=row["id"]))
    first()
    connection.execute("UPDATE runs SET resumes = 0 WHERE id = ?", (row["id"],))
    return transition(connection, row, State.QUEUED, now)


def check_ended(row: sqlite3.Row) -> None:
    if State(row["state"]) in ACTIVE:
        raise RunStateError(say("Run {run} is {state}: stop it first, then delete it.", run=row["id"], state=row["state"]))


def delete(connection: sqlite3.Connection, row: sqlite3.Row) -> None:
    """Deletes the run and its events."""
    check_ended(row)
    connection.execute("DELETE FROM events WHERE run_id = ?", (row["id"],))
    connection.execute("DELETE FROM runs WHERE id = ?", (row["id"],))


def adopt(connection: sqlite3.Connection, row: sqlite3.Row, process: Process, message: str) -> None:
    """Records the process that works on the run from now on, and what it waits for."""
    if State(row["state"]) not in {State.STARTING} | ASKED_TO_END:
        raise RunStateError(say("Run {run} is {state}: no process can take it over.", run=row["id"], state=row["state"]))
    connection.execute("UPDATE runs SET pid = ?, pid_started = ?, message = ? WHERE id = ?", (*process, message, row["id"]))
