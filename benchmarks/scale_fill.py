"""Fills a record with finished runs as the lab would have written them, in seconds instead of weeks."""

from __future__ import annotations

import json
import random
import sqlite3
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

from cnnlab.config import RunConfig
from cnnlab.events import EpochDone, Progress
from cnnlab.runs.migrating import migrate
from cnnlab.runs.migrations import MIGRATIONS
from cnnlab.runs.store import Store
from cnnlab.system.home import store_file

OWNERS = ("", "ada", "grace", "alan")
BATCHES = 24  # per epoch
SECONDS = 5.0  # per epoch


def fill(home: Path, runs: int, epochs: int, seed: int = 0) -> list[str]:
    """A record of `runs` finished runs of several networks and owners; returns their ids, oldest first."""
    random.seed(seed)
    configs = [
        RunConfig.make(architecture=name, dataset=data, learning_rate=rate, epochs=epochs)
        for name in ("lenet", "alexnet", "nin", "vgg", "resnet")
        for data in ("sample", "fashion-mnist")
        for rate in (0.01, 0.1, 0.5)
    ]
    ids = _ids(runs)
    with _filling(home) as connection:
        for number, run_id in enumerate(ids):
            _run(connection, run_id, number, configs[number % len(configs)].change(seed=number), _epochs(epochs))
    return ids


def fill_events(home: Path, counts: Sequence[int]) -> list[str]:
    """A record of one finished LeNet for each of `counts`, its number of events: nine Progress per EpochDone."""
    random.seed(0)
    ids = _ids(len(counts))
    with _filling(home) as connection:
        for number, (run_id, count) in enumerate(zip(ids, counts, strict=True)):
            done = _epochs(max(1, count // 10))
            points = _points(count - len(done), len(done))
            # In the order of training, in which they are also read.
            events = sorted([*done, *points], key=lambda event: event.step)
            _run(connection, run_id, number, RunConfig.make(epochs=len(done), seed=number), events)
    return ids


def add_point(home: Path, run_id: str) -> None:
    """Appends a Progress to a run's events as a runner would, so that its page changes."""
    connection = sqlite3.connect(store_file(home), isolation_level=None)
    seq, number, body = connection.execute(
        "SELECT (SELECT max(seq) FROM events WHERE run_id = :run), number, body FROM events"
        " WHERE run_id = :run AND kind = 'progress' ORDER BY number DESC LIMIT 1",
        {"run": run_id},
    ).fetchone()
    last = json.loads(body)
    body = json.dumps(last | {"step": last["step"] + 1, "seconds": last["seconds"] + 0.5})
    connection.execute(
        "INSERT INTO events (run_id, seq, kind, number, time, body) VALUES (?, ?, 'progress', ?, ?, ?)",
        (run_id, seq + 1, number + 1, time.time(), body),
    )
    connection.close()


def _ids(count: int) -> list[str]:
    return [f"{number:08x}" for number in range(1, count + 1)]


@contextmanager
def _filling(home: Path) -> Iterator[sqlite3.Connection]:
    home.mkdir(parents=True, exist_ok=True)
    connection = sqlite3.connect(store_file(home), isolation_level=None)
    connection.execute("PRAGMA synchronous = OFF")
    # Only up to the migration that adds summaries: it fills its columns once for all runs, its triggers would once per epoch.
    names = [name for name, _ in MIGRATIONS]
    migrate(connection, MIGRATIONS[: names.index("summaries")])
    connection.execute("BEGIN")
    yield connection
    connection.execute("COMMIT")
    connection.close()
    Store(home).close()


def _epochs(count: int) -> list[EpochDone]:
    top = random.uniform(0.7, 0.99)  # noqa: S311  # made-up accuracies are no secret
    return [
        EpochDone(each, each * BATCHES, 2.3 / each, top * 0.9, 2.3 / each, top * (1 - 0.5 / each), 0.1, SECONDS, 0.5, 4.0, 0.5)
        for each in range(1, count + 1)
    ]


def _points(count: int, epochs: int) -> list[Progress]:
    """Points spread evenly over all epochs."""
    points = []
    for number in range(1, count + 1):
        share = number / count
        epoch, batch = min(epochs, 1 + int(share * epochs)), 1 + int(share * epochs % 1 * BATCHES)
        loss, accuracy = 2.6 - 2.3 * share + random.gauss(0, 0.02), 0.1 + 0.8 * share + random.gauss(0, 0.02)
        step, seconds = int(share * epochs * BATCHES), share * epochs * SECONDS
        left = epochs * SECONDS - seconds
        points.append(Progress(epoch, batch, BATCHES, step, loss, accuracy, 12_000.0, 0.1, share, seconds, left))
    return points


def _run(
    connection: sqlite3.Connection, run_id: str, number: int, config: RunConfig, events: Sequence[EpochDone | Progress]
) -> None:
    began, done = 1.7e9 + 600.0 * number, [event for event in events if isinstance(event, EpochDone)]
    ended, last = began + SECONDS * len(done), done[-1]
    connection.execute(
        "INSERT INTO runs (id, token, name, state, config, created, started, ended, device, last_event, epochs_done, train_loss,"
        " train_accuracy, test_accuracy, best_test_accuracy, parameters, owner, images_per_second, seconds)"
        " VALUES (?, ?, ?, 'finished', ?, ?, ?, ?, 'cpu', ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            *(run_id, run_id, f"{config.architecture} number {number}", config.to_json(), began, began, ended, ended),
            *(len(done), last.train_loss, last.train_accuracy, last.test_accuracy, last.test_accuracy),
            *(61_706 + number, OWNERS[number % len(OWNERS)], 12_000.0, SECONDS * len(done)),
        ),
    )
    rows, numbers = [], Counter[str]()
    for seq, event in enumerate(events, 1):
        kind = "epoch_done" if isinstance(event, EpochDone) else "progress"
        numbers[kind] += 1
        since = SECONDS * event.epoch if isinstance(event, EpochDone) else event.seconds
        rows.append((run_id, seq, kind, numbers[kind], began + since, json.dumps(asdict(event))))
    connection.executemany("INSERT INTO events (run_id, seq, kind, number, time, body) VALUES (?, ?, ?, ?, ?, ?)", rows)
