"""A clock for durations that stands still while the computer sleeps.

Python's performance counter does so on Linux and macOS. On Windows it goes on: after a lid was closed for a night, a run would have
trained for hours, its time left would jump, and a limit on its seconds would end it.
"""

from __future__ import annotations

import ctypes
import sys
import time

if sys.platform == "win32":

    def _asker() -> ctypes._FuncPointer | None:
        for library, function in (("kernelbase", "QueryUnbiasedInterruptTimePrecise"), ("kernel32", "QueryUnbiasedInterruptTime")):
            try:
                return getattr(ctypes.WinDLL(library), function)
            except (OSError, AttributeError):  # the precise one came with Windows 10
                continue
        return None

    _ask = _asker()

    def seconds() -> float:
        """Seconds since some moment, without those asleep."""
        ticks = ctypes.c_ulonglong()
        if _ask is None:
            return time.perf_counter()
        _ask(ctypes.byref(ticks))
        return ticks.value / 10_000_000  # of 100 ns

else:
    seconds = time.perf_counter
