"""Start-up times: from `streamlit run` to the first usable page, and from Start to the first point on the curve.

A page is usable when Design's layer table has arrived over the WebSocket. Cold: no process of the lab runs and the home is new.
Warm: the background processes of an earlier server still run, as after a restart. The operating system has the files of Python
and torch in its cache in both cases.
"""

from __future__ import annotations

import shutil
import tempfile
import time
import uuid
from pathlib import Path
from typing import Any

from benchmarks.figures import figure, in_turns, table, text
from benchmarks.from_start import SETTLE
from benchmarks.serving import starting, wait_until_healthy
from benchmarks.visitor import run as run_visits
from benchmarks.visitor import visiting
from cnnlab import presets
from cnnlab.lab import Lab

POLL = 0.005  # seconds between two polls of the store


def measure(small: bool, rounds: int) -> dict[str, Any]:
    rounds = 1 if small else rounds
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        pages: dict[str, list[tuple[float, float]]] = {"cold": []} if small else {"cold": [], "warm": []}
        for turn in range(rounds):
            pages["cold"].append(_page(place / f"cold {turn}"))
            if not small:
                pages["warm"].append(_warm_page(place / f"warm {turn}"))
        points = _points(place / "points", rounds, 0.0 if small else SETTLE)
    record: dict[str, Any] = {
        "rounds": rounds,
        "pages": {
            name: {"answers": figure([first for first, _ in times], "s"), "usable": figure([second for _, second in times], "s")}
            for name, times in pages.items()
        },
        "points": points,
    }
    if not small:
        record["targets"] = {
            "start_usable": record["pages"]["cold"]["usable"]["median"],
            "start_first_point": points["warm"]["median"],
        }
    return record


def _page(home: Path) -> tuple[float, float]:
    """Seconds from the command until the server answers, and until the first page is usable."""
    began = time.perf_counter()
    with starting(home) as server:
        wait_until_healthy(server)
        answers = time.perf_counter() - began
        run_visits(_open(server.address))
        usable = time.perf_counter() - began
    shutil.rmtree(home)
    return answers, usable


def _warm_page(home: Path) -> tuple[float, float]:
    lab = Lab(home)
    try:
        lab.device_states()  # starts the background processes and waits for the helper
        time.sleep(1.0)
        return _page(home)
    finally:
        lab.close()


async def _open(address: str) -> None:
    """Opens Design as a browser does. Raises RuntimeError if its table is missing."""
    async with visiting(address, "") as tab:
        await tab.load()
        if tab.tables == 0:
            raise RuntimeError(f"Design was drawn without its layer table: {' '.join(tab.alerts) or 'no reason given'}")


def _points(home: Path, rounds: int, settle: float) -> dict[str, Any]:
    """Seconds from `Lab.start` to the first readable Progress: LeNet on the sample, by the course's recipe."""
    lab = Lab(home)
    config = presets.preset("lenet-sample").config()

    def first_point() -> float:
        began = time.perf_counter()
        run = lab.start(config, token=uuid.uuid4().hex)
        while not lab.progress(run):
            if not lab.run(run).active:
                raise RuntimeError(f"The run ended without a point: {lab.run(run).message}")
            time.sleep(POLL)
        taken = time.perf_counter() - began
        lab.stop(run)
        while lab.run(run).active:
            time.sleep(POLL)
        return taken

    try:
        cold = first_point()
        time.sleep(settle)
        warm = in_turns({"warm": first_point}, rounds)["warm"]
    finally:
        lab.shut_down()
    return {"cold": figure([cold], "s"), "warm": figure(warm, "s")}


def render(record: dict[str, Any]) -> str:
    names = {"cold": "nothing runs, new home", "warm": "the background processes run"}
    pages = [(names[name], text(one["answers"]), text(one["usable"])) for name, one in record["pages"].items()]
    points = [(names[name], text(one)) for name, one in record["points"].items()]
    return "\n".join(
        [
            "From `streamlit run`:\n",
            table(("", "server answers", "Design with its layer table"), pages),
            "From *Start* to the first point that a page can read (LeNet on the sample):\n",
            table(("", "first point"), points),
        ]
    )
