"""What changes of a run while people look on, ready to be sent: made once for all browsers that watch, not once for each."""

from __future__ import annotations

from dataclasses import dataclass

import pyarrow as pa
import streamlit as st

from cnnlab.events import EpochDone, Notice, Progress, RunStarted
from cnnlab.figures.curves import accuracy_curve, loss_curve, rests
from cnnlab.lab import Lab
from cnnlab.runs.records import Run, State
from pages._parts.live_plot import Encoded, encoded

FORMATS = {
    "Epoch": "%d",
    "Training loss": "%.4f",
    "Training accuracy": "%.1f %%",
    "Test loss": "%.4f",
    "Test accuracy": "%.1f %%",
    "Learning rate": "%.4g",
    "Seconds": "%.1f",
}


@dataclass(frozen=True, slots=True)
class News:
    """The curves, the epochs' table and what was noticed."""

    loss: Encoded
    accuracy: Encoded
    notices: tuple[str, ...]
    epochs: pa.Table


def news_of(lab: Lab, run: Run, latest: Progress | None, *, logarithmic: bool) -> News:
    """The news of `run`, whose last Progress is `latest`. Raises StoreError."""
    # Whatever is told of a run changes one of these, or is followed by what does within a second.
    moment = repr((run.state, run.epochs_done, run.config.epochs, run.has_checkpoint, latest))
    return _news(f"{lab.home} {run.id}", moment, logarithmic, lab, run)


# A curve of 500 points takes 10 ms to read, thin and encode; thirty browsers ask for it every second.
@st.cache_resource(max_entries=64, show_spinner=False)
def _news(of: str, moment: str, logarithmic: bool, _lab: Lab, _run: Run) -> News:
    epochs, progress, events = _lab.epochs(_run.id), _lab.progress(_run.id), _lab.events(_run.id)
    started = next((event for event in events if isinstance(event, RunStarted)), None)
    over = _run.state in (State.STOPPED, State.FAILED, State.FINISHED)
    total = max(1, _run.epochs_done, progress[-1].epoch if progress else 1) if over else _run.config.epochs
    marks = rests(events)
    loss = loss_curve(_run.id, epochs, progress, total, logarithmic=logarithmic, marks=marks)
    accuracy = accuracy_curve(_run.id, epochs, progress, total, classes=started.classes if started else None, marks=marks)
    notices = tuple(event.message for event in events if isinstance(event, Notice))
    return News(encoded(loss), encoded(accuracy), notices, _table(epochs))


def _table(epochs: tuple[EpochDone, ...]) -> pa.Table:
    """The latest epoch first."""
    rows = [
        (e.epoch, e.train_loss, 100 * e.train_accuracy, e.test_loss, 100 * e.test_accuracy, e.learning_rate, e.seconds)
        for e in reversed(epochs)
    ]
    columns = list(zip(*rows, strict=True)) or [()] * len(FORMATS)
    kinds = [pa.int32(), *[pa.float64()] * (len(FORMATS) - 1)]
    return pa.table({name: pa.array(column, kind) for name, column, kind in zip(FORMATS, columns, kinds, strict=True)})
