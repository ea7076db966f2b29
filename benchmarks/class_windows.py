"""Windows of a class: nobody acts, the teacher's page is open, or all act; and what they cost the training and the web process."""

from __future__ import annotations

import asyncio
import statistics
import time
from pathlib import Path
from typing import Any

import psutil

from benchmarks.class_people import Person, Student, Teacher
from benchmarks.figures import figure
from benchmarks.page_watching import lost
from benchmarks.serving import Server, processor_seconds
from benchmarks.stolen import Stolen, is_calm
from cnnlab.runs.store import Store

SETTLED = 1.0  # seconds from the last request to the next window

Window = dict[str, Any]  # returned by `Turns.window`


class Turns:
    """The people, and windows of time in which some of them act."""

    def __init__(self, server: Server, teacher: Teacher, students: list[Student], lengths: tuple[float, float, float]) -> None:
        self._server = server
        self._teacher, self._students = teacher, students
        self._lengths = dict(zip(("nobody", "teacher", "class"), lengths, strict=True))

    async def rounds(self, count: int) -> list[Window]:
        """A window without anybody, one with the teacher, another without and one with all, and so on; the last is without."""
        windows = []
        for _ in range(count):
            windows.append(await self.window("nobody"))
            await self._teacher.overview()
            await asyncio.sleep(SETTLED)
            windows += [await self.window(who) for who in ("teacher", "nobody", "class")]
        return [*windows, await self.window("nobody")]

    async def window(self, who: str, seconds: float | None = None) -> Window:
        """ "epoch": mean seconds of those that lie in the window whole, None without; "processor": shares of one core."""
        seconds = seconds or self._lengths[who]
        acting: list[Person] = [self._teacher, *self._students] if who == "class" else []
        spent, stolen, since, began = self._spent(), Stolen(), time.time(), time.perf_counter()
        until = began + seconds
        jobs = [person.act(until) for person in acting] or [
            self._teacher.watch(until) if who == "teacher" else asyncio.sleep(seconds)
        ]
        await asyncio.gather(*jobs)
        took, used = time.perf_counter() - began, self._spent()
        if not acting:
            for person in self._students:
                person.tab.rested(took)
        window = {
            "who": who,
            "epoch": _epoch_seconds(self._server.home, since, time.time()),
            "processor": {name: (used[name] - spent[name]) / took for name in used},
            "stolen": stolen.share(),
        }
        await asyncio.sleep(SETTLED)
        return window

    def _spent(self) -> dict[str, float]:
        """Processor seconds of the web process, of dispatcher and runs, of the clients here, and of the whole machine."""
        whole = psutil.cpu_times()
        idle = whole.idle + getattr(whole, "iowait", 0.0) + getattr(whole, "steal", 0.0)
        return {
            "clients": time.process_time(),
            "web": processor_seconds(self._server.process),
            "training": sum(map(_with_ended, self._server.background())),
            "machine": sum(whole[:8]) - idle,
        }


def _with_ended(process: psutil.Process) -> float:
    """With its children that have ended."""
    try:
        spent = process.cpu_times()
    except psutil.NoSuchProcess:
        return 0.0
    return spent.user + spent.system + getattr(spent, "children_user", 0.0) + getattr(spent, "children_system", 0.0)


def _epoch_seconds(home: Path, since: float, until: float) -> float | None:
    """Mean seconds of an epoch, without the first of a run, which is slower."""
    store = Store(home)
    try:
        with store.transaction() as connection:
            rows = connection.execute(
                "SELECT time, json_extract(body, '$.seconds') AS seconds FROM events"
                " WHERE kind = 'epoch_done' AND number > 1 AND time BETWEEN ? AND ?",
                (since, until),
            ).fetchall()
    finally:
        store.close()
    return statistics.mean(found) if (found := [row["seconds"] for row in rows if row["time"] - row["seconds"] >= since]) else None


def costs(windows: list[Window]) -> dict[str, Any]:
    """What the training loses, and the web process's processor time for the teacher's page, in per cent of a core."""

    def around(who: str) -> list[tuple[Window, ...]]:
        return [three for three in zip(windows, windows[1:], windows[2:], strict=False) if three[1]["who"] == who]

    triples = [three for three in around("class") if all(window["epoch"] for window in three)]
    calm = [three for three in triples if all(map(is_calm, three))] or triples
    shares = {
        who: {
            name: statistics.mean(window["processor"][name] for window in windows if window["who"] == who)
            for name in windows[0]["processor"]
        }
        for who in ("nobody", "teacher", "class")
    }
    epochs = {who: [window["epoch"] for window in windows if window["who"] == who and window["epoch"]] for who in shares}
    record: dict[str, Any] = {
        "processor": shares,
        "teacher": figure([_more(*three) for three in around("teacher")], "%"),
        "epoch": {who: figure(values, "s") for who, values in epochs.items() if values},
        "left_out": [len(triples) - len(calm), len(triples)],
    }
    return record | ({"training_loses": figure([lost(*three) for three in calm], "%")} if calm else {})


def _more(before: Window, seen: Window, after: Window) -> float:
    """Per cent of a core that the web process takes more than in the windows before and after."""
    return 100 * (seen["processor"]["web"] - statistics.mean(one["processor"]["web"] for one in (before, after)))
