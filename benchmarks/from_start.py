"""Runs that are submitted to a lab with running background processes, as *Start* on the Train page does, and timed from there."""

from __future__ import annotations

import time
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from cnnlab.config import RunConfig
    from cnnlab.lab import Lab

POLL = 0.05  # seconds between two polls of the store
SETTLE = 8.0  # seconds until a responding dispatcher has loaded the training code as well

Round = dict[str, Any]  # "clock", "accuracies" and "notices" of a run; or "skipped": reason


def warm_lab(home: Path, data: Path | None) -> Lab | None:
    """A lab with running background processes; None if its packages are not installed."""
    try:
        from cnnlab.lab import Lab  # noqa: PLC0415  # a GPU machine may have torch and torchvision alone
    except ImportError:
        return None
    lab = Lab(home, data=data)
    lab.device_states()  # starts the processes and waits for the helper
    time.sleep(SETTLE)
    return lab


def from_start(lab: Lab, config: RunConfig) -> Round:
    """Submits a run; "clock" has the seconds until each of its epochs was readable."""
    from cnnlab.events import Notice  # noqa: PLC0415

    began = time.perf_counter()
    run_id = lab.start(config, token=uuid.uuid4().hex)
    clock: list[float] = []
    while len(clock) < config.epochs:
        run = lab.run(run_id)
        clock += [time.perf_counter() - began] * (run.epochs_done - len(clock))
        if not run.active and len(clock) < config.epochs:
            return {"skipped": f"the run ended early: {run.message or run.state}"}
        time.sleep(POLL)
    while lab.run(run_id).active:
        time.sleep(POLL)
    notices = [event.message for event in lab.events(run_id) if isinstance(event, Notice)]
    return {"clock": clock, "accuracies": [epoch.test_accuracy for epoch in lab.epochs(run_id)], "notices": notices}
