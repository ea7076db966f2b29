"""Who signs in and out, for the lab's log: written by a thread of its own, so that no request waits for the disk."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from cnnlab.errors import CNNLabError
from cnnlab.runs.store import Store
from cnnlab.runs.store_log import Log

MOST_WAITING = 200  # notes; of a flood of wrong codes the rest is not kept


def noting(home: Path) -> Callable[..., None]:
    """A function that takes what `Log.note` takes, and returns at once."""
    writer = ThreadPoolExecutor(1, thread_name_prefix="log")
    room = threading.Semaphore(MOST_WAITING)
    logs: list[Log] = []  # opened by the first note: the record is made by the lab

    def write(*words: str, **more: object) -> None:
        try:
            if not logs:
                logs.append(Log(Store(home)))
            logs[0].note(*words, **more)  # type: ignore[arg-type]
        except CNNLabError:  # the record cannot be opened, which the pages say
            return
        finally:
            room.release()

    def note(*words: str, **more: object) -> None:
        if room.acquire(blocking=False):
            writer.submit(write, *words, **more)

    return note
