"""A home with runs in its record, and how tests read it."""

from __future__ import annotations

import time
from pathlib import Path

from cnnlab.config import RunConfig
from cnnlab.events import EpochDone, Progress, RunStarted
from cnnlab.forecasts.usage import usage
from cnnlab.runs.records import State
from cnnlab.runs.store import Store

ROOT = Path(__file__).parent.parent
CONFIG = RunConfig.make(limit=50, batch_size=25, epochs=1, device="cpu")
STARTED = RunStarted("cpu", "CPU", 61_706, 50, 50, 2, 3, 10)


def record_training(run_id: str, store: Store, epochs: int = 3) -> None:
    """Stores the events of a runner up to `epochs` finished epochs."""
    store.transition(run_id, State.STARTING, device="cpu")
    store.add(run_id, STARTED, to=State.RUNNING)
    for epoch in range(1, epochs + 1):
        store.add(run_id, Progress(epoch, 1, 2, epoch * 2 - 1, 2.0, 0.25, 9_500.0, 0.1, 0.1, 4.0, 80.0))
        store.add(run_id, EpochDone(epoch, epoch * 2, 2.0, 0.25, 1.9, 0.5, 0.1, 8.0, 1.0, 6.0, 1.0))


def fill(home: Path) -> Path:
    """Adds five runs to the record of `home` and returns it; no process watches them."""
    store = Store(home)
    for number in range(5):
        record_training(store.create(CONFIG, f"token {number}", f"run {number}"), store)
    store.close()
    assert not (home / "lab.sqlite-wal").exists(), "the last connection to close merges the log into the one file"
    return home


def read_all(home: Path) -> int:
    """Reads the whole record, as pages do; returns the number of runs."""
    store = Store(home)
    try:
        runs = store.runs()
        store.summaries()
        store.active()
        store.queue()
        usage(store, None, time.time())
        for run in runs:
            store.run(run.id)
            store.events(run.id)
            store.epochs(run.id)
            store.progress(run.id)
        return len(runs)
    finally:
        store.close()


def content(home: Path) -> bytes:
    return (home / "lab.sqlite").read_bytes()


def sentence(error: BaseException) -> str:
    assert str(error).endswith(".")
    assert len(str(error)) < 700
    return str(error)
