"""What the people of a class do in their tabs: students train for an assignment and hand a run in; a teacher watches."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from itertools import cycle

from benchmarks.page_watching import Seen, poll_on
from benchmarks.visitor import Answer, Visitor

HAND_IN = "hand in "  # the beginning of the key of a run's button, on the page of the assignment
RATES = (0.02, 0.05, 0.1, 0.2)  # learning rates to try
AGAIN = 3.0  # seconds until a student looks again whether the run has ended

Step = Callable[[], Awaitable[None]]


@dataclass
class Measured:
    """Of all people together."""

    pages: dict[str, list[Answer]] = field(default_factory=dict)  # by the title of what was opened or changed
    polled: Seen = field(default_factory=Seen)

    async def note(self, title: str, request: Awaitable[Answer]) -> None:
        self.pages.setdefault(title, []).append(await request)


class Person:
    """Acts in one tab, and rests `rest` seconds, at least and at most, between two steps; open pages refresh meanwhile."""

    def __init__(self, name: str, tab: Visitor, seen: Measured, rest: tuple[float, float]) -> None:
        self.name, self.tab = name, tab
        self._seen, self._rest = seen, rest
        self._steps: Iterator[Step] = cycle(self._programme())

    def _programme(self) -> tuple[Step, ...]:
        raise NotImplementedError

    async def act(self, until: float) -> None:
        """Goes on with the steps until this time of `perf_counter`."""
        rest = random.uniform(0.0, self._rest[1])  # noqa: S311
        while True:
            await self.watch(min(until, time.perf_counter() + rest))
            if time.perf_counter() >= until:
                return
            await next(self._steps)()
            rest = random.uniform(*self._rest)  # noqa: S311

    async def watch(self, until: float) -> None:
        """Lets the open page refresh as a browser does."""
        await poll_on(self.tab, self._seen.polled, None, until)
        await asyncio.sleep(max(0.0, until - time.perf_counter()))

    async def open(self, title: str, page: str, query: str = "") -> None:
        await self._seen.note(title, self.tab.go(page, query))

    def _opens(self, title: str, page: str) -> Step:
        return lambda: self.open(title, page)


class Student(Person):
    """`started` counts the runs; `handed_in` is the run that was handed in, "" before."""

    def __init__(self, name: str, tab: Visitor, seen: Measured, rest: tuple[float, float], assignment: str) -> None:
        super().__init__(name, tab, seen, rest)
        self.started, self.handed_in, self.run = 0, "", ""
        self._assignment = assignment

    def _programme(self) -> tuple[Step, ...]:
        return (
            self.work,
            self._run_page("Train, a run", "train"),
            self._opens("Design", ""),
            self._change_design,
            self.work,
            self._run_page("Inside", "inside"),
            self._run_page("Predict", "predict"),
            self._opens("Runs", "runs"),
            self.work,
            self._run_page("Train, a run", "train"),
            self._opens("Learn", "learn"),
            self._opens("Data", "data"),
            self._opens("Train, the form", "train"),
        )

    async def work(self, *, starts: bool = True) -> None:
        """Hands the first run in that has ended, and starts one if none waits or trains."""
        await self.open("The assignment", "learn", f"assignment={self._assignment}")
        buttons = {key: self.tab.widgets[id_] for key, id_ in self.tab.keys.items() if key.startswith(HAND_IN)}
        ended = [key for key, button in buttons.items() if not button.definition.disabled]
        if ended and not self.handed_in:
            await self._seen.note("Hand in", self.tab.press(self.tab.keys[ended[-1]]))
            self.handed_in = ended[-1].removeprefix(HAND_IN)
        if starts and len(ended) == len(buttons):
            rate = self.tab.keys[f"assignment {self._assignment}: learning_rate"]
            await self._seen.note("The assignment, a setting", self.tab.set(rate, random.choice(RATES)))  # noqa: S311
            await self._seen.note("Start training", self.tab.press(self.tab.keys["start assignment"]))
            self.started += 1
        # The newest run stands first on the page; an older page's buttons are gone with it.
        self.run = next((key.removeprefix(HAND_IN) for key in self.tab.keys if key.startswith(HAND_IN)), "")

    async def finish(self) -> None:
        """Hands a run in, after its end; starts one only if there is none."""
        while not self.handed_in:
            await self.work(starts=not self.run)
            await asyncio.sleep(AGAIN * random.random())  # noqa: S311

    async def _change_design(self) -> None:
        if classes := next((id_ for key, id_ in self.tab.keys.items() if key.endswith(":classes")), ""):
            await self._seen.note("Design, a control", self.tab.set(classes, float(random.randint(2, 200))))  # noqa: S311

    def _run_page(self, title: str, page: str) -> Step:
        return lambda: self.open(title, page, f"run={self.run}")


class Teacher(Person):
    """Has the students' table open most of the time."""

    def __init__(self, name: str, tab: Visitor, seen: Measured, rest: tuple[float, float], assignment: str) -> None:
        super().__init__(name, tab, seen, rest)
        self._assignment = assignment

    async def overview(self) -> None:
        await self.open("My class, students", "class")

    def _programme(self) -> tuple[Step, ...]:
        return (
            self.overview,
            lambda: self.open("My class, machine", "class", "view=machine"),
            self.overview,
            lambda: self.open("My class, results", "class", "view=results"),
            self.overview,
            lambda: self.open("The assignment, its table", "learn", f"assignment={self._assignment}"),
        )
