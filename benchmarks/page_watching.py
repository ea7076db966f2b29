"""Browsers that watch a run which trains at the same time: what a poll takes, what the training loses, and the web's memory.

All tabs live in one process and one thread, whose share of the processor is measured and stated: on a machine of their own
they would cost the lab nothing.
"""

from __future__ import annotations

import asyncio
import random
import statistics
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from itertools import chain
from typing import Any

import psutil

from benchmarks.figures import figure
from benchmarks.serving import Server, processor_seconds
from benchmarks.stolen import Stolen, is_calm
from benchmarks.visitor import Answer, Visitor, visiting
from cnnlab.lab import Lab
from cnnlab.runs.store import Store

LOOK = 0.1  # seconds between two looks at the run
HOUR_OF_POLLS = 10 * 3600  # ten browsers, one poll a second

Window = dict[str, Any]  # what `watched` answers
Triple = tuple[Window, Window, Window]  # one in which browsers look, between the two beside it


@asynccontextmanager
async def watchers(address: str, run_id: str, count: int) -> AsyncIterator[list[Visitor]]:
    """`count` tabs on the run's page, loaded."""
    async with AsyncExitStack() as stack:
        tabs = [await stack.enter_async_context(visiting(address, "train", f"run={run_id}")) for _ in range(count)]
        for tab in tabs:
            await tab.load()
        yield tabs


async def by_turns(
    server: Server, lab: Lab, run_id: str, browsers: int, *, windows: int, seconds: float, every: float | None
) -> list[Triple]:
    """Windows with `browsers` that look, each with the two beside it in which none does: alone, seen, alone, seen, …, alone.

    They are short, because what else a machine does changes within a minute and would be taken for what the browsers cost.
    Each browser looks `every` so many seconds; with None as often as the page has it look.
    """
    triples = []
    async with watchers(server.address, run_id, browsers) as tabs:
        await asyncio.sleep(seconds)  # what loading them has left to do
        before = await watched(server, lab, run_id, [], seconds)
        for _ in range(windows):
            seen = await watched(server, lab, run_id, tabs, seconds, every=every)
            began = time.perf_counter()
            after = await watched(server, lab, run_id, [], seconds)
            for tab in tabs:
                tab.rested(time.perf_counter() - began)
            triples.append((before, seen, after))
            before = after
    return triples


async def watched(
    server: Server, lab: Lab, run_id: str, tabs: list[Visitor], seconds: float, *, every: float | None = 1.0
) -> Window:
    """One window of about `seconds` in which the loaded `tabs` look.

    "epoch": seconds that one would take at the pace of these seconds, "polls": milliseconds and "bytes" of each, "late": polls
    that were due while the one before was not answered, "drawn": milliseconds of each time that a browser had more drawn than the
    curves, "processor": shares of one core for clients, web and training, "stolen": share of all cores that the machine's host
    gave to others.
    """
    seen = _Seen()
    jobs = [asyncio.create_task(_look_on(tab, seen, every)) for tab in tabs]
    try:
        parts = {"web": server.process, "training": _runner(server, run_id)}
        spent, stolen = _spent(parts), Stolen()
        began = time.perf_counter()
        epoch = await _watching(jobs, _epoch_seconds(lab, run_id, seconds))
        took = time.perf_counter() - began
        used, share = _spent(parts), stolen.share()
    finally:
        seen.over = True  # each ends by itself: an answer that nobody waits for would be taken for that to the next request
        await asyncio.gather(*jobs)
    return {
        "epoch": epoch,
        "polls": [1000 * answer.seconds for answer in seen.polls],
        "bytes": [answer.bytes for answer in seen.polls],
        "drawn": [1000 * answer.seconds for answer in seen.drawn],
        "late": seen.late,
        "processor": {name: (used[name] - spent[name]) / took for name in used},
        "stolen": share,
    }


def _spent(parts: dict[str, psutil.Process]) -> dict[str, float]:
    """Seconds of a processor that each of `parts`, and the clients in this process, have taken since their beginning."""
    return {name: processor_seconds(process) for name, process in parts.items()} | {"clients": time.process_time()}


async def _epoch_seconds(lab: Lab, run_id: str, seconds: float) -> float:
    """What an epoch would take at the pace between the first and the last Progress of the next `seconds`."""
    epochs, until = lab.run(run_id).config.epochs, time.perf_counter() + seconds
    told: list[tuple[float, float]] = []
    while time.perf_counter() < until or len(told) < 2:
        latest = next(reversed(lab.progress(run_id, points=2)), None)
        if latest is not None and (not told or latest.share_done > told[-1][1]):
            told.append((time.perf_counter(), latest.share_done))
        elif not (run := lab.run(run_id)).active:
            raise RuntimeError(f"The run that is watched came to an end: {run.state}. {run.message}")
        await asyncio.sleep(LOOK)
    (began, before), (ended, after) = told[0], told[-1]
    return (ended - began) / ((after - before) * epochs)


@dataclass
class _Seen:
    """Of all tabs."""

    polls: list[Answer] = field(default_factory=list)
    drawn: list[Answer] = field(default_factory=list)
    late: int = 0
    over: bool = False


async def _look_on(tab: Visitor, seen: _Seen, every: float | None) -> None:
    """As the browser does it: fetches the news from a moment of its own on, and asks for a drawing where it must."""
    news = time.perf_counter() + (every or tab.every) * random.random()  # noqa: S311
    timers: dict[str, float] = {}
    while not seen.over:
        for fragment, interval in tab.fragments.items():  # a page that is drawn as a whole has others
            timers.setdefault(fragment, time.perf_counter() + interval * random.random())  # noqa: S311
        timers = {fragment: due for fragment, due in timers.items() if fragment in tab.fragments}
        timer = min(timers, key=timers.__getitem__, default=None)
        if timer is not None and timers[timer] < news:
            await asyncio.sleep(max(0.0, timers[timer] - time.perf_counter()))
            if seen.over:
                return
            timers[timer] += tab.fragments[timer]
            seen.drawn.append(await tab.poll(timer))
            continue
        await asyncio.sleep(max(0.0, news - time.perf_counter()))
        if seen.over:
            return
        answer, draw = await tab.look()
        seen.polls.append(answer)
        if draw:
            seen.drawn.append(await tab.poll(tab.live_fragment))
        interval = every or tab.every
        news += interval
        while news < time.perf_counter():
            news += interval
            seen.late += 1


async def _watching(jobs: list[asyncio.Task[None]], wait: Any) -> Any:
    """Waits, unless a tab fails meanwhile."""
    waiting = asyncio.ensure_future(wait)
    await asyncio.wait([waiting, *jobs], return_when=asyncio.FIRST_COMPLETED)
    for job in jobs:
        if job.done():
            waiting.cancel()
            job.result()
    return await waiting


def _runner(server: Server, run_id: str) -> psutil.Process:
    """The process that trains the run."""
    store = Store(server.home)
    try:
        return psutil.Process(next(run.pid for run in store.active() if run.id == run_id))
    finally:
        store.close()


def triples_to_figures(triples: dict[str, list[Triple]]) -> dict[str, Any]:
    """What the windows that nobody disturbed say, by number of browsers, and how many of each are left out."""
    kept = {name: calm(every) for name, every in triples.items()}
    # One that lies between two others counts once.
    alone = {id(window): window for three in chain.from_iterable(kept.values()) for window in three[::2]}
    windows = {"0": list(alone.values())} | {name: [seen for _, seen, _ in threes] for name, threes in kept.items()}
    return {
        "watched": {name: windows_to_figures(each) for name, each in windows.items()},
        "lost": {name: figure([lost(*three) for three in threes], "%") for name, threes in kept.items()},
        "left_out": {name: [len(every) - len(kept[name]), len(every)] for name, every in triples.items()},
    }


def calm(triples: list[Triple]) -> list[Triple]:
    """Those in which nothing was stolen; all if there is none."""
    return [three for three in triples if all(map(is_calm, three))] or triples


def windows_to_figures(windows: list[Window]) -> dict[str, Any]:
    """One row of the table from the windows of all rounds; the polls' figures are there where somebody watched."""
    polls = [value for one in windows for value in one["polls"]]
    shares = {name: statistics.median([one["processor"][name] for one in windows]) for name in windows[0]["processor"]}
    found: dict[str, Any] = {
        "epoch": figure([one["epoch"] for one in windows], "s"),
        "late": sum(one["late"] for one in windows),
        "processor": shares,
    }
    if polls:
        found |= {"poll": figure(polls, "ms"), "bytes": figure([size / 1000 for one in windows for size in one["bytes"]], "kB")}
    if drawn := [value for one in windows for value in one["drawn"]]:
        found["drawn"] = figure(drawn, "ms")
    return found


def lost(before: Window, seen: Window, after: Window) -> float:
    """Per cent of its images a second that the training loses while it is watched, against the unwatched windows around it."""
    alone = statistics.mean(1 / one["epoch"] for one in (before, after))
    return 100 * (1 - 1 / seen["epoch"] / alone)


async def memory_of_polling(server: Server, run_id: str, browsers: int, *, seconds: float, every: float) -> dict[str, Any]:
    """Has `browsers` poll a run that trains as fast as they are answered, and looks at the web process's memory meanwhile.

    An hour of polling is extrapolated from the straight line through the second half of what was seen, by number of polls;
    "error" is twice that line's standard error there. Megabytes (millions of bytes).
    """
    polls = [0]
    seen: list[tuple[int, float]] = []

    async def hammer(tab: Visitor) -> None:
        while True:
            await tab.poll(tab.quickest)
            polls[0] += 1

    async with watchers(server.address, run_id, browsers) as tabs:
        jobs = [asyncio.create_task(hammer(tab)) for tab in tabs]
        try:
            until = time.monotonic() + seconds
            while time.monotonic() < until:
                await _watching(jobs, asyncio.sleep(every))
                seen.append((polls[0], private_megabytes(server.process)))
        finally:
            for job in jobs:
                job.cancel()
            await asyncio.gather(*jobs, return_exceptions=True)
    slope, error = _line(seen[len(seen) // 2 :])
    ahead = max(0, HOUR_OF_POLLS - seen[-1][0])
    return {
        "browsers": browsers,
        "polls": seen[-1][0],
        "begin": seen[0][1],
        "end": seen[-1][1],
        "per_thousand": 1000 * slope,
        "hour": seen[-1][1] + ahead * slope,
        "error": ahead * 2 * error,
        "seen": seen,
    }


def private_megabytes(process: psutil.Process) -> float:
    """What would be free if the process ended, in millions of bytes."""
    return process.memory_full_info().uss / 1e6


def proportional_megabytes(processes: list[psutil.Process]) -> float:
    """All of them together with what they share counted once, in millions of bytes. Linux only."""
    return sum(process.memory_full_info().pss for process in processes) / 1e6


def _line(points: list[tuple[int, float]]) -> tuple[float, float]:
    """Slope of the straight line through `points`, and its standard error; 0 and infinity with fewer than three points."""
    if len(points) < 3 or points[0][0] == points[-1][0]:
        return 0.0, float("inf")
    xs, ys = zip(*points, strict=True)
    slope, start = statistics.linear_regression(xs, ys)
    middle = statistics.mean(xs)
    rest = sum((y - start - slope * x) ** 2 for x, y in points) / (len(points) - 2)
    return slope, (rest / sum((x - middle) ** 2 for x in xs)) ** 0.5
