"""Real runs on the bundled sample, as recorded: the evidence for the tests of the diagnosis.

Each has its settings, a part of its Progress events, all its epochs, and the diagnoses over time that were found right by hand.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from cnnlab.config import RunConfig
from cnnlab.events import EpochDone, Event, Progress, RunFailed, RunFinished, RunStarted

RUNS: dict[str, dict[str, Any]] = json.loads(Path(__file__).with_suffix(".json").read_text(encoding="utf-8"))


def config(run: dict[str, Any]) -> RunConfig:
    return RunConfig.make(**{"dataset": "sample", **run["config"]})


def replay(run: dict[str, Any]) -> tuple[RunConfig, Iterator[tuple[int, list[Event]]]]:
    """The settings, and after each event its step with all events so far; the last has step 0."""
    return config(run), _replayed(run, config(run).epochs)


def _replayed(run: dict[str, Any], epochs: int) -> Iterator[tuple[int, list[Event]]]:
    batches, events = run["batches"], []
    events.append(RunStarted("cpu", "CPU", 61_706, run["images"], run.get("test_images", 1_000), batches, epochs, 10))
    for kind, step, loss, accuracy, *others in run["events"]:
        epoch = (step - 1) // batches + 1
        if kind == "p":
            rate, norm = others
            batch = step - (epoch - 1) * batches
            events.append(Progress(epoch, batch, batches, step, loss, accuracy, 1.0, rate, 0.5, 1.0, 1.0, gradient_norm=norm))
        else:
            test_loss, test_accuracy, rate = others
            events.append(EpochDone(epoch, step, loss, accuracy, test_loss, test_accuracy, rate, 1.0, 0.1, 0.8, 0.1))
        yield step, events
    if failed := run.get("failed"):
        events.append(RunFailed(*failed))
    else:
        events.append(RunFinished(epochs, 1.0, 0.5, 0.5, 1, 0.5))
    yield 0, events
