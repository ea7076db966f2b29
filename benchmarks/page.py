"""The pages: server time of each page load, each control of Design and each poll, with up to 30 browsers.

Server time runs from sending a request over a WebSocket to a real `streamlit run` until the message that the script has
finished; bytes are what arrives in between. Streamlit's own scripts, which a browser fetches once, are not counted.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
import time
import uuid
from pathlib import Path
from typing import Any

from benchmarks.figures import Figure, figure, number, table, text
from benchmarks.page_loads import design_controls, first_loads
from benchmarks.page_watching import (
    HOUR_OF_POLLS,
    Triple,
    by_turns,
    memory_of_polling,
    private_megabytes,
    proportional_megabytes,
    triples_to_figures,
)
from benchmarks.serving import Server, made_up_fashion, serving
from benchmarks.stolen import CALM
from benchmarks.visitor import run as run_visits
from benchmarks.visitor import visiting
from cnnlab import architectures, presets
from cnnlab.config import RunConfig
from cnnlab.lab import Lab

BROWSERS = (1, 10, 30)
WARM_UP = 40.0  # seconds of training before the browsers connect: the first epochs may be slower
WINDOW = 5.0  # seconds of polling, with as many without polling before and after
WINDOWS = 3  # per number of browsers and round
HAMMER = 150.0  # seconds of continuous polling
QUIET = 20.0  # seconds after the first page until the dispatcher has loaded everything
SLOWEST = 8  # number of controls listed by name


def measure(small: bool, rounds: int) -> dict[str, Any]:
    rounds = 1 if small else rounds
    names = ["lenet"] if small else [card.name for card in architectures.cards()]
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder) / "home"
        data = None if small else made_up_fashion(Path(folder) / "data")
        with serving(home, data) as server:
            lab = Lab(home, data=data)
            try:
                return run_visits(_measure(server, lab, names, rounds, small))
            finally:
                lab.close()


async def _measure(server: Server, lab: Lab, names: list[str], rounds: int, small: bool) -> dict[str, Any]:
    record: dict[str, Any] = {"rounds": rounds}
    async with visiting(server.address, "") as tab:
        await tab.load()
        await asyncio.sleep(0.5 if small else QUIET)
        record["idle"] = _idle(server)
    done = _start(lab, presets.preset("lenet-sample").config(epochs=1))
    while lab.run(done).active:
        await asyncio.sleep(0.1)
    record["loads"] = await first_loads(server.address, done, rounds)
    _report("first loads")
    record["controls"] = await design_controls(server.address, names, rounds)
    _report("controls of Design")
    course = presets.preset("lenet-fashion-mnist").config(epochs=10_000)
    config = course.change(dataset="sample") if small else course
    live = _start(lab, config)
    triples: dict[str, list[Triple]] = {str(count): [] for count in ((2,) if small else BROWSERS)}
    times, length, every = (1, 1.0, None) if small else (WINDOWS, WINDOW, 1.0)
    await asyncio.sleep(0.0 if small else WARM_UP)
    for turn in range(rounds):
        for count, threes in triples.items():
            threes.extend(await by_turns(server, lab, live, int(count), windows=times, seconds=length, every=every))
        _report(f"watching, round {turn + 1}")
    record |= triples_to_figures(triples)
    # During training as well, so that each poll has something new to draw, as in an hour of watching a run.
    record["memory"] = await memory_of_polling(
        server, live, 2 if small else 10, seconds=1.5 if small else HAMMER, every=0.25 if small else 2.0
    )
    record["epochs_watched"] = lab.run(live).epochs_done
    lab.stop(live)
    if not small:
        record["targets"] = _targets(record)
    return record


def _start(lab: Lab, config: RunConfig) -> str:
    return lab.start(config, token=uuid.uuid4().hex)


def _report(step: str) -> None:
    print(f"  {time.strftime('%H:%M:%S')} {step}: done", file=sys.stderr, flush=True)


def _idle(server: Server) -> dict[str, float]:
    """Megabytes of an idle lab that has drawn one page; {} where the system does not report them."""
    if sys.platform != "linux":
        return {}
    background = server.background()
    return {
        "web": proportional_megabytes([server.process]),
        "web_private": private_megabytes(server.process),
        "background": proportional_megabytes(background),
        "processes": 1 + len(background),
    }


def _targets(record: dict[str, Any]) -> dict[str, float]:
    most = str(max(BROWSERS))
    values = {
        "poll_median": record["watched"][most]["poll"]["median"],
        "poll_p95": record["watched"][most]["poll"]["p95"],
        "poll_training_loses": record["lost"][most]["median"],
        "design_control_p95": _times(record["controls"], "new")["p95"],
        "web_memory_hour": record["memory"]["hour"],
    }
    if record["idle"]:
        values["idle_memory"] = record["idle"]["web"] + record["idle"]["background"]
    return values


def render(record: dict[str, Any]) -> str:
    parts = ["First load of a page in a new tab:\n", _loads(record), *_controls(record), *_watched(record), *_memory(record)]
    return "\n".join(parts)


def _loads(record: dict[str, Any]) -> str:
    rows = [(title, text(one["time"]), f"{one['bytes']['median']:,.0f} kB") for title, one in record["loads"].items()]
    return table(("page", "server time", "sent"), rows)


def _controls(record: dict[str, Any]) -> list[str]:
    changes = record["controls"]
    titles = {card.name: card.title for card in architectures.cards()}
    rows = []
    for family in dict.fromkeys(one["family"] for one in changes):
        mine = [one for one in changes if one["family"] == family]
        cells = [_share(mine, change) for change in ("new", "back")]
        kilobytes = figure([size / 1000 for one in mine for size in one["bytes"]], "kB")["median"]
        rows.append((titles[family], str(len({one["control"] for one in mine})), *cells, f"{kilobytes:,.0f} kB"))
    rows.append(("all", "", _share(changes, "new"), _share(changes, "back"), ""))
    new = [one | {"figure": figure(one["ms"], "ms")} for one in changes if one["change"] == "new"]
    slow = sorted(new, key=lambda one: -one["figure"]["median"])[:SLOWEST]
    worst = "; ".join(f"{titles[one['family']]}, {one['control']}: {text(one['figure'])}" for one in slow)
    return [
        "Each control of Design, changed to a value that is not cached yet, and back to a cached one:\n",
        table(("network", "controls", "new", "back", "sent"), rows),
        f"The slowest: {worst}.\n",
    ]


def _share(changes: list[dict[str, Any]], change: str) -> str:
    times = _times(changes, change)
    return text(times) + (f", p95 {number(times['p95'])}" if "p95" in times else "")


def _times(changes: list[dict[str, Any]], change: str) -> Figure:
    return figure([ms for one in changes if one["change"] == change for ms in one["ms"]], "ms")


def _watched(record: dict[str, Any]) -> list[str]:
    rows = []
    for count, one in record["watched"].items():
        poll = one.get("poll")
        rows.append(
            (
                count,
                text(poll) if poll else "–",
                f"{number(poll['p95'])} ms" if poll and "p95" in poll else "–",
                f"{one['bytes']['median']:,.1f} kB" if poll else "–",
                str(one["late"]),
                text(one["drawn"]) if "drawn" in one else "–",
                text(one["epoch"]),
                text(record["lost"][count]) if count in record["lost"] else "–",
                " / ".join(f"{100 * one['processor'][name]:.0f} %" for name in ("clients", "web", "training")),
            )
        )
    titles = (
        "browsers",
        "a poll",
        "p95",
        "sent",
        "late",
        "a refresh",
        "an epoch",
        "training loses",
        "processor: clients / web / training",
    )
    left_out, of = (sum(pair[place] for pair in record["left_out"].values()) for place in (0, 1))
    return [
        "Browsers that poll a training run once a second each, the rate that the page chooses for so many on two cores (LeNet, "
        f"batch 256; {record['epochs_watched']} epochs at the end). A poll fetches the curves and the progress. When the table of "
        "epochs grows, the browser refreshes that part through the script, less often the more browsers there are. *late*: polls "
        "that were due before the previous one was answered. Processor time is in per cent of one core; the clients ran on the "
        f"same machine. {left_out} of {of} windows are left out, because the host of this virtual machine gave more than "
        f"{100 * CALM:.0f} % of its processors to others during them or right before or after.\n",
        table(titles, rows),
    ]


def _memory(record: dict[str, Any]) -> list[str]:
    web, idle = record["memory"], record["idle"]
    lines = []
    if idle:
        together = idle["web"] + idle["background"]
        lines.append(
            f"Idle lab, one page drawn: {together:,.0f} MB in {idle['processes']:.0f} processes, shared pages counted once "
            f"(web {idle['web']:,.0f} MB, of which {idle['web_private']:,.0f} MB private; "
            f"dispatcher and helper {idle['background']:,.0f} MB)."
        )
    error = f"± {web['error']:,.0f} MB" if web["error"] != float("inf") else "too short for an error"
    lines.append(
        f"Web process, {web['browsers']} browsers polling continuously: {web['begin']:,.0f} MB private at the beginning, "
        f"{web['end']:,.0f} MB after {web['polls']:,} polls, {web['per_thousand']:+.2f} MB per thousand in the second half. "
        f"An hour of ten browsers at 1 Hz is {HOUR_OF_POLLS:,} polls: {web['hour']:,.0f} MB "
        f"({error}, two standard errors of the line)."
    )
    return [" ".join(lines) + "\n"]
