"""How often browsers that watch a run have more than its curves drawn anew: seldom where very many watch."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from cnnlab.processes import cores

LOOK_SECONDS = 15.0  # between two looks of a browser that was told of nothing new
DRAWING = 0.008  # seconds of a core that drawing the changing part of a run's page takes (30 browsers, two cores)
SHARE = 0.01  # of the machine that all drawing together may take; the training has the rest
PACES = (1.0, 2.0, 3.0, 5.0, 8.0, 12.0)  # seconds between two drawings of one browser
FORGET = 2.5 * LOOK_SECONDS  # seconds after which a browser that did not look is gone


class Pace:
    """Who watches, and the pace that follows from it. Safe to share between threads."""

    def __init__(self, share: float | None = None, clock: Callable[[], float] = time.monotonic) -> None:
        self._share = SHARE * cores() if share is None else share  # of one core
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
    def pace(self) -> float:
        """Seconds that a browser waits at least before it has more drawn than the curves."""
        needed = len(self._seen) * DRAWING / self._share
        return next((each for each in PACES if each >= needed), PACES[-1])


shared = Pace()
