"""How often a browser polls the feed and redraws the table: each second, less often where many watch."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

POLL_SECONDS = 0.0005  # of a core for one poll (two cores, 30 browsers)
REDRAW_SECONDS = 0.008  # of a core for one run of the fragment around the charts (30 browsers)
# Shares of the machine for polls and redraws. Training on the CPU loses more: its threads wait for the slowest.
POLL_SHARE = 0.01
REDRAW_SHARE = 0.005
INTERVALS = (1.0, 2.0, 3.0, 5.0, 8.0, 12.0, 20.0)  # seconds
RERUN_SECONDS = 60.0  # each browser runs the fragment this often, in case its polls fail
FORGET_SECONDS = 2.5 * RERUN_SECONDS  # a browser that has not run the fragment for this long no longer counts


class Pace:
    """Counts the browsers that watch, and spreads their requests. Safe to share between threads."""

    def __init__(self, cores: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._cores = cores
        self._clock = clock
        self._seen: dict[str, float] = {}  # browser → time, the oldest first
        self._lock = threading.Lock()

    def seen(self, browser: str) -> None:
        """Counts `browser` for the next FORGET_SECONDS."""
        with self._lock:
            now = self._clock()
            self._seen.pop(browser, None)
            self._seen[browser] = now
            for other, at in list(self._seen.items()):
                if now - at <= FORGET_SECONDS:
                    break
                del self._seen[other]

    @property
    def poll_every(self) -> float:
        """Seconds between two polls of one browser."""
        return self._interval(POLL_SECONDS / POLL_SHARE)

    @property
    def redraw_every(self) -> float:
        """Least seconds between two redraws of the table in one browser."""
        return self._interval(REDRAW_SECONDS / REDRAW_SHARE)

    def _interval(self, seconds_per_browser: float) -> float:
        needed = len(self._seen) * seconds_per_browser / self._cores
        return next((interval for interval in INTERVALS if interval >= needed), INTERVALS[-1])
