"""What the host of a virtual machine gives to others meanwhile: why the same work takes two to four times as long an hour later."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from typing import Any

try:
    import psutil
except ImportError:  # a machine with torch and torchvision alone
    psutil = None

CALM = 0.02  # share of all processors that may be missing in a measurement that counts


class Stolen:
    """From when it is made on."""

    def __init__(self) -> None:
        self._began, self._before = time.perf_counter(), _seconds()

    def share(self) -> float:
        """Of all processors, 0..1; 0 where nobody tells."""
        return (_seconds() - self._before) / (time.perf_counter() - self._began) / (os.cpu_count() or 1)


def is_calm(measured: Mapping[str, Any]) -> bool:
    """Whether its "stolen" share is small enough to count; older records do not tell, and count."""
    return measured.get("stolen", 0.0) <= CALM


def _seconds() -> float:
    """Of one processor, since the machine was started."""
    return float(getattr(psutil.cpu_times(), "steal", 0.0)) if psutil else 0.0
