"""Browsers that watch a training run: the time of a poll, what the training loses, and the web process's memory.

All tabs live in one process and one thread, whose processor share is measured and stated: on another machine they would cost the
lab nothing.
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
from math import inf
from typing import Any

import psutil

from benchmarks.figures import figure
from benchmarks.serving import Server, processor_seconds
from benchmarks.stolen import Stolen, is_calm
from benchmarks.visitor import Answer, Visitor, visiting
from cnnlab.lab import Lab
from cnnlab.runs.store import Store

POLL = 0.1  # seconds between two polls of the store
HOUR_OF_POLLS = 10 * 3600  # ten browsers, one poll a second

Window = dict[str, Any]  # returned by `watched`
Triple = tuple[Window, Window, Window]  # a window with browsers, between two without


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
    """Windows in which `browsers` poll, each between two in which none does: alone, seen, alone, seen, …, alone.

    They are short, because other load changes within a minute and would count as the browsers' cost. Each browser polls `every`
    seconds; with None at the rate that the page chooses.
    """
    triples = []
    async with watchers(server.address, run_id, browsers) as tabs:
        await asyncio.sleep(seconds)  # until their loading has settled
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
    """One window of about `seconds` in which the loaded `tabs` poll.

    "epoch": seconds of an epoch at this window's pace; "polls": milliseconds of each, and "bytes"; "late": polls due before the
    previous one was answered; "drawn": milliseconds of each refresh that draws more than the curves; "processor": shares of one
    core for clients, web and training; "stolen": share of all cores that the machine's host gave to others.
    """
    seen = Seen()
    jobs = [asyncio.create_task(poll_on(tab, seen, every)) for tab in tabs]
    try:
        parts = {"web": server.process, "training": _runner(server, run_id)}
        spent, stolen = _spent(parts), Stolen()
        began = time.perf_counter()
        epoch = await _watching(jobs, _epoch_seconds(lab, run_id, seconds))
        took = time.perf_counter() - began
        used, share = _spent(parts), stolen.share()
    finally:
        seen.over = True  # each job ends on its own: an unread answer would be taken for the next request's
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
    """Processor seconds that each of `parts`, and the clients in this process, have used since their start."""
    return {name: processor_seconds(process) for name, process in parts.items()} | {"clients": time.process_time()}


async def _epoch_seconds(lab: Lab, run_id: str, seconds: float) -> float:
    """Seconds of an epoch at the pace between the first and the last Progress of the next `seconds`."""
    epochs, until = lab.run(run_id).config.epochs, time.perf_counter() + seconds
    samples: list[tuple[float, float]] = []
    while time.perf_counter() < until or len(samples) < 2:
        latest = next(reversed(lab.progress(run_id, points=2)), None)
        if latest is not None and (not samples or latest.share_done > samples[-1][1]):
            samples.append((time.perf_counter(), latest.share_done))
        elif not (run := lab.run(run_id)).active:
            raise RuntimeError(f"The watched run ended: {run.state}. {run.message}")
        await asyncio.sleep(POLL)
    (began, before), (ended, after) = samples[0], samples[-1]
    return (ended - began) / ((after - before) * epochs)


@dataclass
class Seen:
    """What all tabs together have received."""

    polls: list[Answer] = field(default_factory=list)
    drawn: list[Answer] = field(default_factory=list)
    left_out: int = 0  # automatic refreshes that would have changed nothing
    late: int = 0
    over: bool = False

    def add(self, refresh: Answer | None) -> None:
        if refresh is None:
            self.left_out += 1
        else:
            self.drawn.append(refresh)


async def poll_on(tab: Visitor, seen: Seen, every: float | None, until: float = inf) -> None:
    """As a browser does: polls from a random moment on, and refreshes when a poll asks for it; without polls where no run trains.

    `until` is a time of `perf_counter`; `seen.over` ends it too.
    """
    news = time.perf_counter() + (every or tab.every) * random.random()  # noqa: S311
    timers: dict[str, float] = {}
    while True:
        for fragment, interval in tab.fragments.items():  # a rerun of the whole page replaces them
            timers.setdefault(fragment, time.perf_counter() + interval * random.random())  # noqa: S311
        timers = {fragment: due for fragment, due in timers.items() if fragment in tab.fragments}
        timer = min(timers, key=timers.__getitem__, default=None)
        if not tab.live.get("feed"):
            news = inf
        due = min(news, inf if timer is None else timers[timer])
        if min(due, until) == inf:
            return
        await asyncio.sleep(max(0.0, min(due, until) - time.perf_counter()))
        if seen.over or until <= due:  # the clock may show a moment before it
            return
        if timer is not None and timers[timer] < news:
            timers[timer] += tab.fragments[timer]
            seen.add(await tab.poll(timer))
            continue
        answer, draw = await tab.look()
        seen.polls.append(answer)
        if draw:
            seen.add(await tab.poll(tab.live_fragment))
        interval = every or tab.every
        news += interval
        while news < time.perf_counter():
            news += interval
            seen.late += 1


async def _watching(jobs: list[asyncio.Task[None]], wait: Any) -> Any:
    """Awaits `wait`, and raises the error of a tab that fails meanwhile."""
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
        return psutil.Process(next(run.process.pid for run in store.active() if run.id == run_id))
    finally:
        store.close()


def triples_to_figures(triples: dict[str, list[Triple]]) -> dict[str, Any]:
    """Figures of the undisturbed windows by number of browsers, and how many windows are left out."""
    kept = {name: calm(every) for name, every in triples.items()}
    # A window without browsers that two triples share counts once.
    alone = {id(window): window for three in chain.from_iterable(kept.values()) for window in three[::2]}
    windows = {"0": list(alone.values())} | {name: [seen for _, seen, _ in threes] for name, threes in kept.items()}
    return {
        "watched": {name: windows_to_figures(each) for name, each in windows.items()},
        "lost": {name: figure([lost(*three) for three in threes], "%") for name, threes in kept.items()},
        "left_out": {name: [len(every) - len(kept[name]), len(every)] for name, every in triples.items()},
    }


def calm(triples: list[Triple]) -> list[Triple]:
    """Those without steal time; all of them if there are none."""
    return [three for three in triples if all(map(is_calm, three))] or triples


def windows_to_figures(windows: list[Window]) -> dict[str, Any]:
    """One row of the table from the windows of all rounds; without browsers the polls' figures are missing."""
    polls = [value for one in windows for value in one["polls"]]
    shares = {name: statistics.median([one["processor"][name] for one in windows]) for name in windows[0]["processor"]}
    row: dict[str, Any] = {
        "epoch": figure([one["epoch"] for one in windows], "s"),
        "late": sum(one["late"] for one in windows),
        "processor": shares,
    }
    if polls:
        row |= {"poll": figure(polls, "ms"), "bytes": figure([size / 1000 for one in windows for size in one["bytes"]], "kB")}
    if drawn := [value for one in windows for value in one["drawn"]]:
        row["drawn"] = figure(drawn, "ms")
    return row


def lost(before: Window, seen: Window, after: Window) -> float:
    """Per cent of its images per second that the training loses while watched, against the windows before and after."""
    alone = statistics.mean(1 / one["epoch"] for one in (before, after))
    return 100 * (1 - 1 / seen["epoch"] / alone)


async def memory_of_polling(server: Server, run_id: str, browsers: int, *, seconds: float, every: float) -> dict[str, Any]:
    """Lets `browsers` poll a training run without a pause, and samples the web process's memory.

    An hour of polling is extrapolated along the straight line through the second half of the samples, by number of polls;
    "error" is twice that line's standard error there. Megabytes (millions of bytes).
    """
    polls = [0]
    seen: list[tuple[int, float]] = []

    async def hammer(tab: Visitor) -> None:
        while True:
            await tab.poll(tab.live_fragment)
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
    """Memory that would be freed if the process ended, in millions of bytes."""
    return process.memory_full_info().uss / 1e6


def proportional_megabytes(processes: list[psutil.Process]) -> float:
    """All processes together, shared pages counted once, in millions of bytes. Linux only."""
    return sum(process.memory_full_info().pss for process in processes) / 1e6


def _line(points: list[tuple[int, float]]) -> tuple[float, float]:
    """Slope of the regression line through `points`, and its standard error; 0 and infinity with fewer than three points."""
    if len(points) < 3 or points[0][0] == points[-1][0]:
        return 0.0, float("inf")
    xs, ys = zip(*points, strict=True)
    slope, start = statistics.linear_regression(xs, ys)
    middle = statistics.mean(xs)
    rest = sum((y - start - slope * x) ** 2 for x, y in points) / (len(points) - 2)
    return slope, (rest / sum((x - middle) ** 2 for x in xs)) ** 0.5
