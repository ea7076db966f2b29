"""Steal time: what the host of a virtual machine gives to others. It can make the same work two to four times as long."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from typing import Any

try:
    import psutil
except ImportError:  # a machine with torch and torchvision alone
    psutil = None

CALM = 0.02  # the largest share of all processors that may be stolen in a measurement that counts


class Stolen:
    """Measures steal time from its creation on."""

    def __init__(self) -> None:
        self._began, self._before = time.perf_counter(), _seconds()

    def share(self) -> float:
        """Share of all processors, 0..1; 0 where the system does not report it."""
        return (_seconds() - self._before) / (time.perf_counter() - self._began) / (os.cpu_count() or 1)


def is_calm(measured: Mapping[str, Any]) -> bool:
    """Whether its "stolen" share is small enough to count; older records lack it, and count."""
    return measured.get("stolen", 0.0) <= CALM


def _seconds() -> float:
    """Processor seconds stolen since the machine booted."""
    return float(getattr(psutil.cpu_times(), "steal", 0.0)) if psutil else 0.0
