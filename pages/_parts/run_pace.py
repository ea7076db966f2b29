"""How often browsers that watch a run ask again: each second, less often where so many watch that it would cost the training."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from cnnlab.processes import cores

POLL_COST = 0.008  # seconds of a core that one poll takes, the curves' share included (30 browsers, two cores)
SHARE = 0.03  # of the machine that all polls together may take; the training has the rest
PACES = (1.0, 2.0, 3.0, 4.0, 5.0)  # seconds between two polls of one browser
FORGET = 2.5 * PACES[-1]  # seconds after which a browser that did not ask is gone


class Pace:
    """Who watches, and the pace that follows from it. Safe to share between threads."""

    def __init__(self, share: float | None = None, clock: Callable[[], float] = time.monotonic) -> None:
        self._share = SHARE * cores() if share is None else share  # of one core
        self._clock = clock
        self._seen: dict[str, float] = {}
        self._lock = threading.Lock()

    def asked(self, watcher: str) -> float:
        """Notes that `watcher` asks; returns after how many seconds it is to ask again."""
        with self._lock:
            now = self._clock()
            self._seen.pop(watcher, None)
            self._seen[watcher] = now
            for other, at in list(self._seen.items()):  # in the order in which they asked
                if now - at <= FORGET:
                    break
                del self._seen[other]
            needed = len(self._seen) * POLL_COST / self._share
        return next((each for each in PACES if each >= needed), PACES[-1])


shared = Pace()
