"""The first visit in a real browser: until Design and the form of Train can be used, and from *Start training* to the first point.

A visit is cold: the server listens, no background process runs, home and browser context are new. Python's and torch's files are in
the operating system's cache, as after a first look at the lab. The browser itself runs already, and shares the processors.
"""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

from playwright.sync_api import sync_playwright

from benchmarks.figures import figure, in_turns, table, text
from benchmarks.serving import Server, processor_seconds, serving
from cnnlab.lab import Lab
from cnnlab.system import background
from tests.browser.chromium import CHROMIUM_FLAGS, VIEWPORT, chromium

SETTLE = 6.0  # seconds until the form has measured its forecasts
START = 'button:has-text("Start training"):enabled'
VISITS = {"design": ("/", ".cnn-layers tbody tr"), "train": ("/train", START)}  # address, and what then can be used
# The curve's points, as Plotly has drawn them: its arrays, since a line of one point has no length.
POINT = "[...document.querySelectorAll('.cnn-plot')].some((plot) => plot.calcdata?.some(([first]) => first?.x !== undefined))"
PATIENCE = 60_000.0  # milliseconds
BACKGROUND = 30.0  # seconds within which the background process has started


def measure(small: bool, rounds: int) -> dict[str, Any]:
    rounds = 1 if small else rounds
    spent: dict[str, list[float]] = {name: [] for name in VISITS}
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium(), args=list(CHROMIUM_FLAGS))

        def visitor(name: str) -> Callable[[], float]:
            return lambda: _visit(browser, Path(folder) / "lab", *VISITS[name], spent[name])

        visits = in_turns({name: visitor(name) for name in VISITS}, rounds)
        with serving(Path(folder) / "home") as server:
            _first_point(browser, server)  # warms the dispatcher, and measures the forecasts of the form
            points = [_first_point(browser, server) for _ in range(rounds)]
        browser.close()
    record: dict[str, Any] = {
        "rounds": rounds,
        "visits": {name: figure(taken, "s") for name, taken in visits.items()},
        "server": {name: figure(seconds, "s") for name, seconds in spent.items()},
        "point": figure(points, "s"),
    }
    if not small:
        medians = {name: record["visits"][name]["median"] for name in VISITS}
        record["targets"] = {f"visit_{name}": seconds for name, seconds in medians.items()}
        record["targets"]["visit_point"] = record["point"]["median"]
    return record


def _visit(browser: Any, folder: Path, path: str, usable: str, spent: list[float]) -> float:
    """Seconds until `usable` is on a page of a new lab; adds the web process's processor seconds to `spent`."""
    with serving(folder / "home") as server:
        before = processor_seconds(server.process)
        context = browser.new_context(viewport=VIEWPORT)
        page = context.new_page()
        began = time.perf_counter()
        page.goto(server.address + path, wait_until="commit")
        page.locator(usable).first.wait_for(timeout=PATIENCE)
        taken = time.perf_counter() - began
        spent.append(processor_seconds(server.process) - before)
        context.close()
        until = time.monotonic() + BACKGROUND
        while not background.running(folder / "home") and time.monotonic() < until:
            time.sleep(0.05)  # or its background process would load torch beside the next visit, since it cannot be ended before
    shutil.rmtree(folder)
    return taken


def _first_point(browser: Any, server: Server) -> float:
    """Seconds from the click to the first point that Plotly has drawn; the run is ended then."""
    context = browser.new_context(viewport=VIEWPORT)
    page = context.new_page()
    page.goto(f"{server.address}/train?recipe=lenet-sample")
    page.locator(START).wait_for(timeout=PATIENCE)
    page.wait_for_timeout(1000 * SETTLE)
    began = time.perf_counter()
    page.locator(START).click()
    page.wait_for_function(POINT, polling=20, timeout=PATIENCE)
    taken = time.perf_counter() - began
    run_id = page.url.partition("run=")[2][:8]
    context.close()
    with closing(Lab(server.home)) as lab:
        lab.stop(run_id)
        while lab.run(run_id).active:
            time.sleep(0.05)
    return taken


def render(record: dict[str, Any]) -> str:
    names = {"design": "Design with its layer table", "train": "*Start training* can be pressed, Train opened directly"}
    rows = [(names[name], text(record["visits"][name]), text(record["server"][name])) for name in VISITS]
    point = ("a warm lab: from *Start training* to the first point of the curve", text(record["point"]), "")
    return table(("from a browser's first visit to a cold server", "seconds", "processor time of the web process"), [*rows, point])
