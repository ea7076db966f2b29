"""The page: what the server needs for each load, each control of Design and each poll, alone and with up to 30 browsers.

Server time is from sending a request over a real WebSocket to a real `streamlit run` until the message that the script has
finished; bytes are what came back in between. Streamlit's own scripts, which a browser fetches once, are not counted.
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
WARM_UP = 40.0  # seconds that the run trains before it is watched: the first epochs may be slower
WINDOW = 5.0  # seconds that a run is watched for, and left alone before and after
WINDOWS = 3  # for each number of browsers in each round
HAMMER = 150.0  # seconds of polling without a pause
QUIET = 20.0  # seconds after the first page, until the dispatcher has loaded what it will need
SLOWEST = 8  # controls that are listed by name


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
    found: dict[str, Any] = {"rounds": rounds}
    async with visiting(server.address, "") as tab:
        await tab.load()
        await asyncio.sleep(0.5 if small else QUIET)
        found["idle"] = _idle(server)
    done = _start(lab, presets.preset("lenet-sample").config(epochs=1))
    while lab.run(done).active:
        await asyncio.sleep(0.1)
    found["loads"] = await first_loads(server.address, done, rounds)
    _say("first loads")
    found["controls"] = await design_controls(server.address, names, rounds)
    _say("controls of Design")
    course = presets.preset("lenet-fashion-mnist").config(epochs=10_000)
    config = course.change(dataset="sample") if small else course
    live = _start(lab, config)
    triples: dict[str, list[Triple]] = {str(count): [] for count in ((2,) if small else BROWSERS)}
    times, length, every = (1, 1.0, None) if small else (WINDOWS, WINDOW, 1.0)
    await asyncio.sleep(0.0 if small else WARM_UP)
    for turn in range(rounds):
        for count, threes in triples.items():
            threes.extend(await by_turns(server, lab, live, int(count), windows=times, seconds=length, every=every))
        _say(f"watching, round {turn + 1}")
    found |= triples_to_figures(triples)
    # Also of a run that trains: there is something new to draw for all, as there would be in an hour of watching one.
    found["memory"] = await memory_of_polling(
        server, live, 2 if small else 10, seconds=1.5 if small else HAMMER, every=0.25 if small else 2.0
    )
    found["epochs_watched"] = lab.run(live).epochs_done
    lab.stop(live)
    if not small:
        found["targets"] = _targets(found)
    return found


def _start(lab: Lab, config: RunConfig) -> str:
    return lab.start(config, token=uuid.uuid4().hex)


def _say(what: str) -> None:
    print(f"  {time.strftime('%H:%M:%S')} {what}: done", file=sys.stderr, flush=True)


def _idle(server: Server) -> dict[str, float]:
    """Megabytes of the lab that has drawn one page and does nothing; {} where the system does not tell."""
    if sys.platform != "linux":
        return {}
    background = server.background()
    return {
        "web": proportional_megabytes([server.process]),
        "web_private": private_megabytes(server.process),
        "background": proportional_megabytes(background),
        "processes": 1 + len(background),
    }


def _targets(found: dict[str, Any]) -> dict[str, float]:
    most = str(max(BROWSERS))
    values = {
        "poll_median": found["watched"][most]["poll"]["median"],
        "poll_p95": found["watched"][most]["poll"]["p95"],
        "poll_training_loses": found["lost"][most]["median"],
        "design_control_p95": _times(found["controls"], "new")["p95"],
        "web_memory_hour": found["memory"]["hour"],
    }
    if found["idle"]:
        values["idle_memory"] = found["idle"]["web"] + found["idle"]["background"]
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
        "Each control of Design, changed to a value that the lab was never asked for, and back to one that it remembers:\n",
        table(("network", "controls", "new", "back", "sent"), rows),
        f"The slowest: {worst}.\n",
    ]


def _share(changes: list[dict[str, Any]], change: str) -> str:
    found = _times(changes, change)
    return text(found) + (f", p95 {number(found['p95'])}" if "p95" in found else "")


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
        "drawn anew",
        "an epoch",
        "training loses",
        "processor: clients / web / training",
    )
    left_out, of = (sum(pair[place] for pair in record["left_out"].values()) for place in (0, 1))
    return [
        "Browsers that look at a run once a second each, as the page has so many look on two cores, while it trains "
        f"(LeNet, batch 256; at the end it had {record['epochs_watched']} epochs). A poll fetches the curves and the progress; "
        "where the table of epochs has a row more, a browser has the script draw that part anew, the less often the more "
        "browsers there are. Processor time is in per cent of one core; the clients ran on the same machine. "
        f"Left out are windows in which, or right before or after which, the host of this virtual machine gave more than "
        f"{100 * CALM:.0f} % of its processors to others: {left_out} of {of}.\n",
        table(titles, rows),
    ]


def _memory(record: dict[str, Any]) -> list[str]:
    one, idle = record["memory"], record["idle"]
    lines = []
    if idle:
        together = idle["web"] + idle["background"]
        lines.append(
            f"Idle lab, one page drawn: {together:,.0f} MB in {idle['processes']:.0f} processes, shared pages counted once "
            f"(web {idle['web']:,.0f} MB, {idle['web_private']:,.0f} MB of it its own; "
            f"dispatcher and helper {idle['background']:,.0f} MB)."
        )
    sure = f"± {one['error']:,.0f} MB" if one["error"] != float("inf") else "too short to say how surely"
    lines.append(
        f"Web process, {one['browsers']} browsers polling without a pause: {one['begin']:,.0f} MB of its own at the beginning, "
        f"{one['end']:,.0f} MB after {one['polls']:,} polls, in the second half {one['per_thousand']:+.2f} MB per thousand. "
        f"An hour of ten browsers at 1 Hz is {HOUR_OF_POLLS:,} polls: {one['hour']:,.0f} MB "
        f"({sure}, two standard errors of the line)."
    )
    return [" ".join(lines) + "\n"]
