"""How often browsers that watch a run fetch its news and have more drawn: each second, less often where many watch."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from cnnlab.system.processes import cores

LOOK_SECONDS = 60.0  # between two looks of a browser that was told of nothing new, should its news not reach it
FETCHING = 0.0005  # seconds of a core that a browser takes which fetches the news of a run (two cores, 30 of them)
DRAWING = 0.008  # and one that has the changing part of a run's page drawn (30 browsers)
# Of the machine that each of both may take in all. Training on the CPU loses more: its threads wait for the one that has to.
FETCHING_SHARE = 0.01
DRAWING_SHARE = 0.005
PACES = (1.0, 2.0, 3.0, 5.0, 8.0, 12.0, 20.0)  # seconds between two of one browser
FORGET = 2.5 * LOOK_SECONDS  # seconds after which a browser that did not look is gone


class Pace:
    """Who watches, and the pace that follows from it. Safe to share between threads."""

    def __init__(self, cores: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._cores = cores
        self._clock = clock
        self._seen: dict[str, float] = {}
        self._lock = threading.Lock()

    def seen(self, watcher: str) -> None:
        """Notes that `watcher` has looked."""
        with self._lock:
            now = self._clock()
            self._seen.pop(watcher, None)
            self._seen[watcher] = now
            for other, at in list(self._seen.items()):  # in the order in which they looked
                if now - at <= FORGET:
                    break
                del self._seen[other]

    @property
    def fetching(self) -> float:
        """Seconds between two times that a browser fetches the news."""
        return self._pace(FETCHING / FETCHING_SHARE)

    @property
    def drawing(self) -> float:
        """Seconds that a browser waits at least before it has more drawn than the curves."""
        return self._pace(DRAWING / DRAWING_SHARE)

    def _pace(self, each: float) -> float:
        needed = len(self._seen) * each / self._cores
        return next((pace for pace in PACES if pace >= needed), PACES[-1])


shared = Pace(cores())
