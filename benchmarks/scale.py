"""How the lab scales with its record: 10, 1,000 and 10,000 runs; 10, 100 and 10,000 events a run.

Streamlit's test harness draws the Runs page, so its figures are the time of the page's script. A run's events are read as its
page reads them, and a real server draws the part of that page that changes.
"""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import streamlit as st
from streamlit.logger import set_log_level
from streamlit.testing.v1 import AppTest

from benchmarks.figures import Figure, figure, in_turns, table, text
from benchmarks.results_page import ROOT
from benchmarks.scale_fill import add_point, fill, fill_events
from benchmarks.serving import serving
from benchmarks.visitor import run as run_visits
from benchmarks.visitor import visiting
from cnnlab.lab import Lab
from cnnlab.runs.store import Store
from cnnlab.system.home import store_file
from pages._parts import shell

RUNS = (10, 1_000, 10_000)
EPOCHS = 100
EVENTS = (10, 100, 10_000)
POLLS = 4  # per run and round


def measure(small: bool, rounds: int) -> dict[str, Any]:
    rounds = 1 if small else rounds
    stores = []
    for runs in (10, 30) if small else RUNS:
        with tempfile.TemporaryDirectory() as folder:
            home = Path(folder)
            ids = fill(home, runs, 5 if small else EPOCHS)
            size = store_file(home).stat().st_size / 1e6
            stores.append({"runs": runs, "megabytes": size, "steps": pages(home, ids, rounds)})
    with tempfile.TemporaryDirectory() as folder:
        events = one_run(Path(folder) / "home", (10, 30) if small else EVENTS, rounds)
    return {"rounds": rounds, "epochs": 5 if small else EPOCHS, "stores": stores, "events": events}


def pages(home: Path, ids: list[str], rounds: int) -> dict[str, Figure]:
    """Milliseconds of each step, without the first round, which loads modules."""
    set_log_level("ERROR")  # Streamlit warns when it runs without a server
    lab, store = Lab(home), Store(home)
    enter, shell.enter = shell.enter, lambda: lab  # the gate would start the helper process, which this page does not need
    app = AppTest.from_file(os.fspath(ROOT / "app.py"), default_timeout=120).switch_page("pages/runs.py")

    def page(*chosen: str) -> Callable[[], None]:
        def draw() -> None:
            app.session_state["runs:chosen"] = tuple(chosen)
            app.run()
            if app.exception:
                raise RuntimeError(app.exception[0].value)

        return draw

    steps: dict[str, Callable[[], object]] = {
        "reading all runs": store.summaries,
        "page after a change": lambda: (store.rename(ids[0], f"renamed {time.perf_counter()}"), page()()),
        "page, nothing chosen": page(),
        "page, 2 runs chosen": page(*ids[-2:]),
        "page, 8 runs chosen": page(*ids[-8:]),
    }
    try:
        return _milliseconds(steps, rounds)
    finally:
        shell.enter = enter
        st.cache_resource.clear()
        lab.close()
        store.close()


def one_run(home: Path, counts: tuple[int, ...], rounds: int) -> list[dict[str, Any]]:
    """Reading and drawing times of a run's page by number of events, with nine points of the curve per epoch."""
    ids = fill_events(home, counts)
    store = Store(home)
    reading = {
        run: _milliseconds(
            {
                "epochs": lambda run=run: store.epochs(run),
                "points": lambda run=run: store.progress(run),
                "others": lambda run=run: store.events(run),
            },
            rounds,
        )
        for run in ids
    }
    store.close()
    with serving(home) as server:
        polls = run_visits(_polls(server.address, home, ids, rounds))
    return [
        {"events": count, **reading[run], "poll": polls[run]["poll"], "bytes": polls[run]["bytes"]}
        for count, run in zip(counts, ids, strict=True)
    ]


async def _polls(address: str, home: Path, ids: list[str], rounds: int) -> dict[str, dict[str, Figure]]:
    taken: dict[str, list[Any]] = {run: [] for run in ids}
    for _ in range(rounds):
        for run in ids:
            async with visiting(address, "train", f"run={run}") as tab:
                await tab.load()
                for _ in range(POLLS):
                    add_point(home, run)  # so that the poll has something new to draw: browsers share what was drawn before
                    while (
                        answer := await tab.poll(tab.live_fragment)
                    ) is None:  # the server may share what it read a moment before
                        pass
                    taken[run].append(answer)
    return {
        run: {
            "poll": figure([1000 * answer.seconds for answer in answers], "ms"),
            "bytes": figure([answer.bytes / 1000 for answer in answers], "kB"),
        }
        for run, answers in taken.items()
    }


def _milliseconds(steps: dict[str, Callable[[], object]], rounds: int) -> dict[str, Figure]:
    def clock(step: Callable[[], object]) -> Callable[[], float]:
        def run() -> float:
            began = time.perf_counter()
            step()
            return 1000 * (time.perf_counter() - began)

        return run

    taken = in_turns({name: clock(step) for name, step in steps.items()}, rounds + 1)
    return {name: figure(values[1:], "ms") for name, values in taken.items()}


def render(record: dict[str, Any]) -> str:
    stores, events = record["stores"], record["events"]
    titles = [f"{one['runs']:,} runs ({one['megabytes']:,.0f} MB)" for one in stores]
    steps = [(name, *(text(one["steps"][name]) for one in stores)) for name in stores[0]["steps"]]
    reads = {"epochs": "reading its epochs", "points": "reading its points", "others": "reading everything but its points"}
    rows = [(title, *(text(one[name]) for one in events)) for name, title in reads.items()]
    rows.append(("refreshing the changing part of its page, with a new point", *(text(one["poll"]) for one in events)))
    rows.append(("sent by it", *(f"{one['bytes']['median']:,.1f} kB" for one in events)))
    return "\n".join(
        [
            f"Runs of {record['epochs']} epochs in the record:\n",
            table(("", *titles), steps),
            "One run, a tenth of whose events are epochs and the rest points of its curve:\n",
            table(("", *(f"{one['events']:,} events" for one in events)), rows),
        ]
    )
