"""Waiting for what another process or thread will do."""

from __future__ import annotations

import time
from collections.abc import Callable


def wait_for(condition: Callable[[], object], seconds: float = 30.0, every: float = 0.02) -> None:
    """Returns once `condition` holds; fails the test where it does not within `seconds`."""
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until, "it did not happen in time"
        time.sleep(every)
