"""How far a background process of its own is: it writes a report, and pages read it. One file for each piece of work."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cnnlab.i18n import N_
from cnnlab.system import disk, processes
from cnnlab.system.home import write_private
from cnnlab.system.processes import Process

SILENT_SECONDS = 10.0  # after which a process that is gone has ended; it may take most of that to begin
NOT_WRITTEN = N_("the lab's folder cannot be written; its owner has to make it writable, or to free some space")


@dataclass(frozen=True, slots=True)
class Report:
    """What a process wrote last."""

    facts: dict[str, Any]
    age: float  # seconds
    process: Process

    @property
    def silent(self) -> bool:
        """Whether its process is gone: work that it reports as running has ended without a word."""
        return self.age > SILENT_SECONDS and not processes.alive(*self.process)


def begin(file: Path, facts: dict[str, Any], start: Callable[[], None]) -> None:
    """Reports `facts`, so that the next page shows them, and starts the process. Raises OSError, and then leaves no report."""
    try:
        write(file, facts, Process(None, None))
        start()
    except OSError:
        with suppress(OSError):
            file.unlink(missing_ok=True)
        raise


def write(file: Path, facts: dict[str, Any], process: Process | None = None) -> None:
    """Reports `facts`, which JSON can write, of `process`: this one by default."""
    pid, started = process or processes.current()
    write_private(file, json.dumps(facts | {"pid": pid, "pid_started": started, "time": time.time()}))


def read(file: Path) -> Report | None:
    """None where there is no report, or none that can be read: the work can be started again."""
    try:
        facts = json.loads(disk.read(file))
        age = time.time() - facts.pop("time")
        return Report(facts, age, Process(facts.pop("pid"), facts.pop("pid_started")))
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def paced(seconds: float) -> Callable[[], bool]:
    """Answers whether so much time has passed since it last answered True; at first it has."""
    last = float("-inf")

    def due() -> bool:
        nonlocal last
        if time.monotonic() - last <= seconds:
            return False
        last = time.monotonic()
        return True

    return due


def reason(error: OSError) -> str:
    """Why work cannot begin, as the end of a sentence."""
    return f"{NOT_WRITTEN} ({error.strerror or type(error).__name__})"
