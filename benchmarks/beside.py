"""The page beside the training: the recipe *First try* with its page closed, open, and open in three tabs of a real browser.

The browser, the server and the training share the processors, as on a student's laptop. Headless Chromium draws without a graphics
card, which costs more than on most laptops.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

import psutil
from playwright.sync_api import sync_playwright

from benchmarks.figures import figure, in_turns, table, text
from benchmarks.serving import Server, serving
from cnnlab.lab import Lab
from tests.browser.chromium import CHROMIUM_FLAGS, VIEWPORT, chromium

RECIPE = "lenet-sample"
SETTLE = 6.0  # seconds until the form has measured its forecasts
TABS = {"closed": 0, "open": 1, "three": 3}


def measure(small: bool, rounds: int) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder, serving(Path(folder) / "home") as server, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium(), args=list(CHROMIUM_FLAGS))
        _train(browser, server, 0, [])  # measures the forecasts of all recipes on the form, and warms the dispatcher
        spent: dict[str, list[float]] = {name: [] for name in TABS}

        def contestant(name: str) -> Callable[[], float]:
            return partial(_train, browser, server, TABS[name], spent[name])

        taken = in_turns({name: contestant(name) for name in (("closed", "open") if small else TABS)}, 1 if small else rounds)
        browser.close()
    ratios = {name: [one / closed for one, closed in zip(taken[name], taken["closed"], strict=True)] for name in taken}
    record: dict[str, Any] = {
        "rounds": len(taken["closed"]),
        "seconds": {name: figure(values, "s") for name, values in taken.items()},
        "ratios": {name: figure(values, "×") for name, values in ratios.items()},
        "browser": {name: figure(spent[name], "s") for name in taken},
    }
    if not small:
        record["targets"] = {"beside_open": record["ratios"]["open"]["median"]}
    return record


def _train(browser: Any, server: Server, tabs: int, spent: list[float]) -> float:
    """Seconds that the run says it has trained. It is started by a click in the form; then `tabs` tabs show its page.

    Adds the browser's processor seconds from the click to the run's end to `spent`.
    """
    context = browser.new_context(viewport=VIEWPORT)
    page = context.new_page()
    page.goto(f"{server.address}/train?recipe={RECIPE}")
    page.get_by_role("button", name="Start training").wait_for()
    page.wait_for_timeout(1000 * SETTLE)
    before = _of_the_browser()
    page.get_by_role("button", name="Start training").click()
    page.wait_for_url("**run=*")
    address, run_id = page.url, page.url.partition("run=")[2][:8]
    if not tabs:
        context.close()
    for _ in range(tabs - 1):
        context.new_page().goto(address, wait_until="commit")
    with closing(Lab(server.home)) as lab:
        while lab.run(run_id).active:
            time.sleep(0.1)
        spent.append(_of_the_browser() - before)
        seconds = lab.run(run_id).seconds or 0.0
    if tabs:
        context.close()
    time.sleep(1.0)
    return seconds


def _of_the_browser() -> float:
    """Processor seconds of all its processes that live."""
    total = 0.0
    for process in psutil.process_iter(["name", "cpu_times"]):
        if "chrom" in (process.info["name"] or "") and process.info["cpu_times"]:
            total += process.info["cpu_times"].user + process.info["cpu_times"].system
    return total


def render(record: dict[str, Any]) -> str:
    names = {"closed": "closed", "open": "open", "three": "open in three tabs"}
    rows = []
    for name, seconds in record["seconds"].items():
        spent = text(record["browser"][name]) if name != "closed" else ""
        rows.append((names[name], text(seconds), text(record["ratios"][name]), spent))
    return "\n".join(
        [
            "Twenty epochs of *First try* (LeNet on the sample), started by a click, with the run's page:\n",
            table(("page", "training", "of the closed page's", "processor time of the browser, from the click"), rows),
        ]
    )
