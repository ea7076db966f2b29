"""Times a network in a process of its own: ``python -m cnnlab.compute.calibrate`` reads a question and prints the answer.

The helper keeps none of its memory and threads, and survives a crash of the driver.
"""

from __future__ import annotations

import json
import sys
import time
from dataclasses import asdict, replace

import psutil

from cnnlab.compute import child

LONGEST = 60.0  # seconds, loading torch included


def main() -> None:
    config, question = child.question(LONGEST)
    from cnnlab.system import processes
    from cnnlab.training import costs, process
    from cnnlab.training.calibration import calibrate

    macs = question["macs"]
    process.prepare(costs.cores(config, macs, processes.cores()))
    before = _clocks()
    speed = calibrate(config, macs=macs)
    sys.stdout.write(json.dumps(asdict(replace(speed, others=_others(before, _clocks())))))


def _clocks() -> tuple[float, float, float]:
    """Seconds of the clock, of work on all processors, and of work for this process."""
    worked = psutil.cpu_times()
    return time.monotonic(), worked.user + worked.system + getattr(worked, "nice", 0.0), time.process_time()


def _others(before: tuple[float, float, float], after: tuple[float, float, float]) -> float:
    """The share of the processors that worked for other programs between two readings."""
    passed, worked, ours = (late - early for early, late in zip(before, after, strict=True))
    return max(0.0, worked - ours) / max(1e-9, passed * (psutil.cpu_count() or 1))


if __name__ == "__main__":
    main()
    child.end()
