"""Events of runs: stored in order, read back, and deleted where a run resumes from an earlier moment.

A run resumes at the moment of its checkpoint. The transaction that stores RunResumed deletes the training events after that moment,
which are emitted again, and inserts the epochs that only the checkpoint has. Events of the run's life (paused, interrupted,
stopped …) stay. Sequence numbers stay without gaps.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from dataclasses import asdict

from cnnlab import events
from cnnlab.events import DAMAGED, CheckpointSaved, EpochDone, Event, Progress, RunFailed, RunInterrupted, RunResumed, RunStarted
from cnnlab.runs import ledger, store_rows

_RESULTS = ("train_loss", "train_accuracy", "test_accuracy", "best_test_accuracy")
_NO_RESULT = ", ".join(f"{name} = NULL" for name in _RESULTS)
# The test accuracy of the epoch that `events.best_epoch` chooses, where images are kept aside; otherwise the row is enough.
_BEST = (
    "(SELECT json_extract(body, '$.test_accuracy') FROM events WHERE run_id = :run AND kind = 'epoch_done' AND json_valid(body)"
    " ORDER BY json_extract(body, '$.validation_accuracy') DESC, number LIMIT 1)"
)
# Kinds of event that a resumed training emits again; the others belong to the run's life.
_OF_TRAINING = ("run_started", "progress", "epoch_done", "notice", "checkpoint_saved")


def add(connection: sqlite3.Connection, row: sqlite3.Row, event: Event, now: float, history: Sequence[EpochDone]) -> None:
    """Stores an event, and its figures in the run's row. `history` holds the epochs in the checkpoint of a RunResumed."""
    if isinstance(event, RunStarted):
        _delete_after(connection, row["id"], after=0)
    if isinstance(event, RunResumed):
        _delete_after(connection, row["id"], after=_last_before(connection, row["id"], event))
        _insert_missing(connection, row["id"], history, now)
    _insert(connection, row["id"], event, max(now, row["last_event"] or now))
    connection.execute("UPDATE runs SET last_event = max(coalesce(last_event, 0), ?) WHERE id = ?", (now, row["id"]))
    if (seconds := _seconds(event)) is not None:
        ledger.count(connection, row["owner"], row["device"], seconds - (row["seconds"] or 0.0), now, gpu=row["gpu"])
    _store_figures(connection, row["id"], event)


def add_interruption(connection: sqlite3.Connection, row: sqlite3.Row, now: float) -> None:
    """Stores a RunInterrupted, but leaves the time of the run's last event: its process died before now."""
    _insert(connection, row["id"], RunInterrupted(row["epochs_done"]), now)


def all_but_progress(connection: sqlite3.Connection, run_id: str, after: int) -> tuple[tuple[int, Event], ...]:
    rows = connection.execute(
        # Two ranges instead of <>, so that the index skips the many Progress rows.
        "SELECT seq, kind, body FROM events INDEXED BY events_by_kind WHERE seq > :after AND"
        " (run_id = :run AND kind < 'progress' "
        "OR run_id = :run AND kind > 'progress') ORDER BY seq",
        {"run": run_id, "after": after},
    ).fetchall()
    return tuple(zip((row["seq"] for row in rows), store_rows.events_of(rows), strict=True))


def epochs(connection: sqlite3.Connection, run_id: str) -> tuple[EpochDone, ...]:
    rows = connection.execute(
        "SELECT kind, body FROM events WHERE run_id = ? AND kind = 'epoch_done' ORDER BY number", (run_id,)
    ).fetchall()
    return store_rows.events_of(rows)


def progress(connection: sqlite3.Connection, run_id: str, points: int) -> tuple[Progress, ...]:
    """The stride is a power of 2, so a growing curve keeps its points. Only the rows of the result are read."""
    last = connection.execute(
        "SELECT coalesce(max(number), 0) FROM events WHERE run_id = ? AND kind = 'progress'", (run_id,)
    ).fetchone()[0]
    stride = 1
    while (last - 1) // stride + 2 > max(2, points) and last > max(2, points):
        stride *= 2
    numbers = sorted({*range(1, last + 1, stride), last} - {0})
    rows = connection.execute(
        "SELECT kind, body FROM events WHERE run_id = ? AND kind = 'progress'"
        " AND number IN (SELECT value FROM json_each(?)) ORDER BY number",
        (run_id, json.dumps(numbers)),
    ).fetchall()
    return store_rows.events_of(rows)


def _insert(connection: sqlite3.Connection, run_id: str, event: Event, time: float) -> None:
    body = events.to_dict(event)
    _insert_row(connection, run_id, body.pop("event"), time, json.dumps(body))


def _insert_row(connection: sqlite3.Connection, run_id: str, kind: str, time: float, body: str) -> None:
    connection.execute(
        "INSERT INTO events (run_id, seq, kind, number, time, body) VALUES (:run, "
        "(SELECT coalesce(max(seq), 0) + 1 FROM events WHERE run_id = :run), :kind, "
        "(SELECT coalesce(max(number), 0) + 1 FROM events WHERE run_id = :run AND kind = :kind), :time, :body)",
        {"run": run_id, "kind": kind, "time": time, "body": body},
    )


def _seconds(event: Event) -> float | None:
    """How long the run has trained at this event; None where the event does not say."""
    return None if isinstance(event, EpochDone) else getattr(event, "seconds", None)


def _store_figures(connection: sqlite3.Connection, run_id: str, event: Event) -> None:
    figures: dict[str, float | int | None] = {}
    if (seconds := _seconds(event)) is not None:
        figures["seconds"] = seconds
    if isinstance(event, RunStarted):
        figures |= {"parameters": event.parameters, "train_images": event.train_images, "seconds": 0.0}
        figures |= dict.fromkeys(_RESULTS)
        figures |= {"epochs_done": 0, "has_checkpoint": 0}
    if isinstance(event, RunStarted | RunResumed) and event.computes_on:
        figures["gpu"] = event.computes_on != "cpu"
        ledger.note_place(connection, event.device, gpu=event.computes_on != "cpu")
    if isinstance(event, CheckpointSaved | RunResumed):
        figures["has_checkpoint"] = 1
    if isinstance(event, RunFailed) and event.kind == DAMAGED:
        figures["has_checkpoint"] = 0  # none to resume from
    if figures:
        columns = ", ".join(f"{name} = :{name}" for name in figures)
        connection.execute(f"UPDATE runs SET {columns} WHERE id = :id", {**figures, "id": run_id})  # noqa: S608 - names from above
    if isinstance(event, Progress) and event.phase == "training":
        # Until the first epoch is done: its own figure is more accurate.
        connection.execute(
            "UPDATE runs SET images_per_second = ? WHERE id = ? AND epochs_done = 0", (event.images_per_second, run_id)
        )
    if isinstance(event, EpochDone):
        _store_epoch(connection, run_id, event)


def _store_epoch(connection: sqlite3.Connection, run_id: str, done: EpochDone) -> None:
    best = "max(coalesce(best_test_accuracy, 0), :test_accuracy)" if done.validation_accuracy is None else _BEST
    connection.execute(
        "UPDATE runs SET epochs_done = :epoch, train_loss = :train_loss, train_accuracy = :train_accuracy,"  # noqa: S608 - from above
        f" test_accuracy = :test_accuracy, best_test_accuracy = {best},"
        " images_per_second = coalesce(train_images / nullif(:load_seconds + :compute_seconds, 0), images_per_second)"
        " WHERE id = :run",
        {**asdict(done), "run": run_id},
    )


def _last_before(connection: sqlite3.Connection, run_id: str, resumed: RunResumed) -> int:
    """The sequence number of the last event that is not later than the checkpoint.

    At an epoch's last step the order is: the step, Progress of the evaluation, EpochDone.
    """
    rows = connection.execute(
        "SELECT seq, kind, body FROM events INDEXED BY events_by_kind"
        " WHERE run_id = ? AND kind IN ('progress', 'epoch_done') ORDER BY seq DESC",
        (run_id,),
    )
    later = connection.execute("SELECT coalesce(max(seq), 0) + 1 FROM events WHERE run_id = ?", (run_id,)).fetchone()[0]
    for row in rows:
        event = store_rows.event(row)
        evaluated = isinstance(event, EpochDone) or event.phase == "evaluation"
        if event.step < resumed.step or (event.step == resumed.step and not (evaluated and event.epoch > resumed.epochs_done)):
            break
        later = row["seq"]
    return later - 1


def _delete_after(connection: sqlite3.Connection, run_id: str, after: int) -> None:
    rows = connection.execute(
        "SELECT kind, time, body FROM events WHERE run_id = ? AND seq > ? ORDER BY seq", (run_id, after)
    ).fetchall()
    connection.execute("DELETE FROM events WHERE run_id = ? AND seq > ?", (run_id, after))
    for row in rows:
        if row["kind"] not in _OF_TRAINING:
            _insert_row(connection, run_id, row["kind"], row["time"], row["body"])


def _insert_missing(connection: sqlite3.Connection, run_id: str, history: Sequence[EpochDone], now: float) -> None:
    """Inserts epochs that the store lacks: the process was killed after the checkpoint was saved, or the power failed."""
    stored = {done.epoch for done in epochs(connection, run_id)}
    for done in history:
        if done.epoch not in stored:
            _insert(connection, run_id, done, now)
    connection.execute(f"UPDATE runs SET epochs_done = 0, {_NO_RESULT} WHERE id = ?", (run_id,))  # noqa: S608 - names from above
    if history:
        # The best and then the last one: those between would be overwritten, and each would rebuild the run's small curve.
        _store_epoch(connection, run_id, events.best_epoch(history) or history[-1])
        _store_epoch(connection, run_id, history[-1])
