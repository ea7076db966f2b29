"""Keeps a process for each sweep that goes on, as the dispatcher's child; it goes on when the dispatcher is killed."""

from __future__ import annotations

import subprocess
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from cnnlab.i18n import say
from cnnlab.runs.store import Store
from cnnlab.runs.sweep_store import SweepStore
from cnnlab.system import processes
from cnnlab.system.home import sweep_folder

CHECK_SECONDS = 1.0
LOG = "log.txt"  # in the sweep's folder
HEALTHY_SECONDS = 60.0  # a process that has lived so long did not fail at its start
ATTEMPTS = 3  # starts of processes that ended soon after; then the sweep has failed

Start = Callable[[Path, str], "subprocess.Popen[bytes]"]


class Sweepers:
    """`turn` is called in each round of the dispatcher."""

    def __init__(self, home: Path, store: Store, *, start: Start | None = None) -> None:
        self._home = home
        self._sweeps = SweepStore(store)
        self._start = start or start_sweeper
        self._children: dict[str, tuple[subprocess.Popen[bytes], float]] = {}  # with the time of their start
        self._failures: Counter[str] = Counter()  # processes that ended soon after their start
        self._checked, self._going = 0.0, False

    def turn(self, now: float) -> bool:
        """Once a second starts missing processes, at the time `now` in seconds. True while a sweep goes on."""
        if now - self._checked < CHECK_SECONDS:
            return self._going
        self._checked = now
        active = dict(self._sweeps.active())
        for sweep_id, (child, started) in list(self._children.items()):
            if child.poll() is not None:
                del self._children[sweep_id]
                failed = child.returncode > 0 and now - started < HEALTHY_SECONDS  # a killed one did not fail
                self._failures[sweep_id] = self._failures[sweep_id] + 1 if failed else 0
        self._failures = Counter({sweep_id: count for sweep_id, count in self._failures.items() if sweep_id in active})
        for sweep_id, process in active.items():
            if sweep_id in self._children or processes.alive(*process):
                continue
            if self._failures[sweep_id] >= ATTEMPTS:
                message = say(
                    "Its process failed {count} times at its start: {file} in the lab's folder sweeps/{sweep} says why.",
                    count=ATTEMPTS, file=LOG, sweep=sweep_id,
                )  # fmt: skip
                self._sweeps.end(sweep_id, message, failed=True)
                continue
            with suppress(OSError):  # a full disk has no room for its log
                self._children[sweep_id] = self._start(self._home, sweep_id), now
        self._going = bool(active)
        return self._going


def start_sweeper(home: Path, sweep_id: str) -> subprocess.Popen[bytes]:
    arguments = ["--home", str(home), sweep_id]
    return processes.start_child("cnnlab.workers.sweeper", arguments, sweep_folder(home, sweep_id) / LOG)
