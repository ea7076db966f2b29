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
from typing import Any

import psutil

from benchmarks.figures import figure
from benchmarks.serving import Server, processor_seconds
from benchmarks.visitor import Answer, Visitor, visiting
from cnnlab.lab import Lab
from cnnlab.runs.store import Store

LOOK = 0.1  # seconds between two looks at the run
HOUR_OF_POLLS = 10 * 3600  # ten browsers, one poll a second


@asynccontextmanager
async def watchers(address: str, run_id: str, count: int) -> AsyncIterator[list[Visitor]]:
    """`count` tabs on the run's page, loaded."""
    async with AsyncExitStack() as stack:
        tabs = [await stack.enter_async_context(visiting(address, "train", f"run={run_id}")) for _ in range(count)]
        for tab in tabs:
            await tab.load()
        yield tabs


async def watched(
    server: Server, lab: Lab, run_id: str, browsers: int, seconds: float, *, every: float | None = 1.0
) -> dict[str, Any]:
    """One window of at least `seconds`, from the end of one epoch to the end of another.

    Each browser looks `every` so many seconds; with None as often as the page has it look.

    "epochs": seconds of each, "polls": milliseconds and "bytes" of each, "late": polls that were due while the one before was
    not answered, "drawn": milliseconds of each time that a browser had more drawn than the curves, "processor": shares of one
    core for clients, web and training.
    """
    seen = _Seen()
    async with watchers(server.address, run_id, browsers) as tabs:
        jobs = [asyncio.create_task(_look_on(tab, seen, every)) for tab in tabs]
        try:
            first = await _after_epoch(lab, run_id, len(lab.epochs(run_id)) + 1, jobs)
            seen.clear()
            parts = {"web": server.process, "training": _runner(server, run_id)}
            spent = {name: processor_seconds(process) for name, process in parts.items()} | {"clients": time.process_time()}
            began = time.perf_counter()
            await _watching(jobs, asyncio.sleep(seconds))
            last = await _after_epoch(lab, run_id, len(lab.epochs(run_id)) + 1, jobs)
            took = time.perf_counter() - began
            used = {name: processor_seconds(process) for name, process in parts.items()} | {"clients": time.process_time()}
            polls, drawn, late = list(seen.polls), list(seen.drawn), seen.late
        finally:
            for job in jobs:
                job.cancel()
            await asyncio.gather(*jobs, return_exceptions=True)
    return {
        "epochs": [done.seconds for done in lab.epochs(run_id)[first:last]],
        "polls": [1000 * answer.seconds for answer in polls],
        "bytes": [answer.bytes for answer in polls],
        "drawn": [1000 * answer.seconds for answer in drawn],
        "late": late,
        "processor": {name: (used[name] - spent[name]) / took for name in used},
    }


@dataclass
class _Seen:
    """Of all tabs."""

    polls: list[Answer] = field(default_factory=list)
    drawn: list[Answer] = field(default_factory=list)
    late: int = 0

    def clear(self) -> None:
        self.polls.clear()
        self.drawn.clear()
        self.late = 0


async def _look_on(tab: Visitor, seen: _Seen, every: float | None) -> None:
    """As the browser does it: fetches the news from a moment of its own on, and asks for a drawing where it must."""
    news = time.perf_counter() + random.random()  # noqa: S311
    timers: dict[str, float] = {}
    while True:
        for fragment, interval in tab.fragments.items():  # a page that is drawn as a whole has others
            timers.setdefault(fragment, time.perf_counter() + interval * random.random())  # noqa: S311
        timers = {fragment: due for fragment, due in timers.items() if fragment in tab.fragments}
        timer = min(timers, key=timers.__getitem__, default=None)
        if timer is not None and timers[timer] < news:
            await asyncio.sleep(max(0.0, timers[timer] - time.perf_counter()))
            timers[timer] += tab.fragments[timer]
            seen.drawn.append(await tab.poll(timer))
            continue
        await asyncio.sleep(max(0.0, news - time.perf_counter()))
        answer, draw = await tab.look()
        seen.polls.append(answer)
        if draw:
            seen.drawn.append(await tab.poll(tab.live_fragment))
        interval = every or tab.every
        news += interval
        while news < time.perf_counter():
            news += interval
            seen.late += 1


async def _after_epoch(lab: Lab, run_id: str, number: int, jobs: list[asyncio.Task[None]]) -> int:
    """Waits for the end of epoch `number`; returns how many are done."""

    async def wait() -> int:
        while (done := lab.run(run_id)).epochs_done < number:
            if not done.active:
                raise RuntimeError(f"The run that is watched came to an end: {done.state}. {done.message}")
            await asyncio.sleep(LOOK)
        return done.epochs_done

    return await _watching(jobs, wait())


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


def windows_to_figures(windows: list[dict[str, Any]]) -> dict[str, Any]:
    """One row of the table from the windows of all rounds; the polls' figures are there where somebody watched."""
    polls = [value for one in windows for value in one["polls"]]
    shares = {name: statistics.median([one["processor"][name] for one in windows]) for name in windows[0]["processor"]}
    found: dict[str, Any] = {
        "epoch": figure([statistics.mean(one["epochs"]) for one in windows], "s"),
        "late": sum(one["late"] for one in windows),
        "processor": shares,
    }
    if polls:
        found |= {"poll": figure(polls, "ms"), "bytes": figure([size / 1000 for one in windows for size in one["bytes"]], "kB")}
    if drawn := [value for one in windows for value in one["drawn"]]:
        found["drawn"] = figure(drawn, "ms")
    return found


def lost(before: dict[str, Any], seen: dict[str, Any], after: dict[str, Any]) -> float:
    """Per cent of its images a second that the training loses while it is watched, against the unwatched windows around it."""
    alone = [1 / statistics.mean(one["epochs"]) for one in (before, after)]
    return 100 * (1 - 1 / statistics.mean(seen["epochs"]) / statistics.mean(alone))


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
