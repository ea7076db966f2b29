"""How long the Runs page takes with ten thousand runs of a hundred epochs in the record.

    python -m benchmarks.store_scale [--runs 10000] [--epochs 100]

Fills a record in a temporary folder, then has Streamlit's own test harness run the page: opened, with two and with eight runs
chosen. No browser, no server: what is measured is the time that the page's script takes.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import sqlite3
import statistics
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import streamlit as st
from streamlit.testing.v1 import AppTest

from cnnlab.config import RunConfig
from cnnlab.events import EpochDone
from cnnlab.home import store_file
from cnnlab.lab import Lab
from cnnlab.runs.migrations import MIGRATIONS, migrate
from cnnlab.runs.store import Store
from pages._parts import shell

ROOT = Path(__file__).resolve().parent.parent
REPEATS = 5
OWNERS = ("", "ada", "grace", "alan")


def fill(home: Path, runs: int, epochs: int, seed: int = 0) -> list[str]:
    """A record of finished runs as the lab would have written it, in seconds instead of weeks; returns their ids."""
    random.seed(seed)
    configs = [
        RunConfig.make(architecture=name, dataset=data, learning_rate=rate, epochs=epochs)
        for name in ("lenet", "alexnet", "nin", "vgg", "resnet")
        for data in ("sample", "fashion-mnist")
        for rate in (0.01, 0.1, 0.5)
    ]
    home.mkdir(parents=True, exist_ok=True)
    connection = sqlite3.connect(store_file(home), isolation_level=None)
    connection.execute("PRAGMA synchronous = OFF")
    # Up to the step that makes summaries: it fills its columns for all runs at once, where its triggers would do so epoch by epoch.
    names = [name for name, _ in MIGRATIONS]
    migrate(connection, MIGRATIONS[: names.index("summaries")])
    connection.execute("BEGIN")
    ids = [f"{number:08x}" for number in range(1, runs + 1)]
    for number, run_id in enumerate(ids):
        _run(connection, run_id, number, configs[number % len(configs)].change(seed=number), epochs)
    connection.execute("COMMIT")
    connection.close()
    Store(home).close()
    return ids


def _run(connection: sqlite3.Connection, run_id: str, number: int, config: RunConfig, epochs: int) -> None:
    began, top = 1.7e9 + 600.0 * number, random.uniform(0.7, 0.99)  # noqa: S311  # made-up accuracies are no secret
    done = [
        EpochDone(epoch, epoch * 24, 2.3 / epoch, top * 0.9, 2.3 / epoch, top * (1 - 0.5 / epoch), 0.1, 5.0, 0.5, 4.0, 0.5)
        for epoch in range(1, epochs + 1)
    ]
    connection.execute(
        "INSERT INTO runs (id, token, name, state, config, created, started, ended, device, last_event, epochs_done, train_loss,"
        " train_accuracy, test_accuracy, best_test_accuracy, parameters, owner, images_per_second, seconds)"
        " VALUES (?, ?, ?, 'finished', ?, ?, ?, ?, 'cpu', ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            *(run_id, run_id, f"{config.architecture} number {number}", config.to_json(), began, began, began + 5.0 * epochs),
            *(began + 5.0 * epochs, epochs, done[-1].train_loss, done[-1].train_accuracy, done[-1].test_accuracy),
            *(done[-1].test_accuracy, 61_706 + number, OWNERS[number % len(OWNERS)], 12_000.0, 5.0 * epochs),
        ),
    )
    connection.executemany(
        "INSERT INTO events (run_id, seq, kind, number, time, body) VALUES (?, ?, 'epoch_done', ?, ?, ?)",
        [(run_id, each.epoch, each.epoch, began + 5.0 * each.epoch, json.dumps(asdict(each))) for each in done],
    )


def measure(home: Path, ids: list[str]) -> dict[str, float]:
    """Median milliseconds of each step over REPEATS, the first left out; it loads modules."""
    lab, store = Lab(home), Store(home)
    shell.enter = lambda: lab  # the gate starts the helper process, which this page does not need
    app = AppTest.from_file(os.fspath(ROOT / "app.py"), default_timeout=120).switch_page("pages/runs.py")

    def page(*chosen: str) -> Callable[[], None]:
        def draw() -> None:
            app.session_state["runs:chosen"] = tuple(chosen)
            app.run()
            if app.exception:
                raise RuntimeError(app.exception[0].value)

        return draw

    steps: dict[str, Callable[[], object]] = {
        "all runs, read anew": store.summaries,
        "page after a change": lambda: (store.rename(ids[0], f"renamed {time.perf_counter()}"), page()()),
        "page, nothing chosen": page(),
        "page, 2 runs chosen": page(*ids[-2:]),
        "page, 8 runs chosen": page(*ids[-8:]),
    }
    found = {name: _median(step) for name, step in steps.items()}
    st.cache_resource.clear()
    lab.close()
    store.close()
    return found


def _median(step: Callable[[], object]) -> float:
    taken = []
    for _ in range(REPEATS + 1):
        began = time.perf_counter()
        step()
        taken.append(1000 * (time.perf_counter() - began))
    return statistics.median(taken[1:])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=10_000)
    parser.add_argument("--epochs", type=int, default=100)
    parser.add_argument("--home", type=Path, help="fill this (empty) folder and leave it there")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        home = given.home or Path(folder)
        began = time.perf_counter()
        ids = fill(home, given.runs, given.epochs)
        size = store_file(home).stat().st_size / 1e6
        print(f"{given.runs:,} runs of {given.epochs} epochs: {size:,.0f} MB, written in {time.perf_counter() - began:.0f} s")
        for name, milliseconds in measure(home, ids).items():
            print(f"{name:>24}: {milliseconds:6.0f} ms (median of {REPEATS})")


if __name__ == "__main__":
    main()
