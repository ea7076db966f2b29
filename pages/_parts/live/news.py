"""What changes of a run while people look on, ready to be sent: made once for all browsers that watch, not once for each."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from cnnlab.events import EpochDone, Notice, Progress, RunStarted
from cnnlab.figures.curves import accuracy_curve, loss_curve, rests
from cnnlab.lab import Lab
from cnnlab.runs.records import Run, State
from pages._parts.live import feed as live_feed
from pages._parts.live import pace as run_pace
from pages._parts.live.plot import Chart, Encoded, Live, encoded
from pages._parts.run.list import outline
from pages._parts.run.sentence import sentence
from pages._parts.run.words import STATE_ICONS, STATE_WORDS

SHARED_SECONDS = 0.9  # how old an answer may be that was made for another browser
REMEMBERED = 64  # runs; those nobody has asked for the longest are forgotten

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
class Moment:
    """A run as it is now, and where it stands."""

    run: Run
    others: tuple[Any, ...]  # what can be seen of the other runs
    latest: Progress | None
    sentence: str  # after the state's word, as plain text

    @property
    def outline(self) -> tuple[Any, ...]:
        """What the parts of the page depend on that are not drawn again and again."""
        run = self.run
        return run.state, run.position, run.epochs_done > 0, run.has_checkpoint, run.name, run.note, run.config.epochs, self.others

    @property
    def share(self) -> float:
        """How much of the run is done, 0 to 1."""
        done = self.latest.share_done if self.latest else 0.0
        return 1.0 if self.run.state is State.FINISHED else min(1.0, max(0.0, done))


@dataclass(frozen=True, slots=True)
class News:
    """Progress and curves, the epochs' table and what was noticed."""

    curves: Encoded
    notices: tuple[str, ...]
    epochs: pa.Table
    table: str  # differs where the table or the notices do


class Watched:
    """One run, for everybody who looks at it. Safe to share between threads."""

    def __init__(self, lab: Lab, run_id: str) -> None:
        self._lab = lab
        self._id = run_id
        self._lock = threading.Lock()
        self._moment: Moment | None = None
        self._made = 0.0
        self._news: dict[bool, tuple[str, News]] = {}  # by scale: the moment that they are of, and they

    def moment(self, *, fresh: bool) -> Moment:
        """The run now, or, unless `fresh`, within the last SHARED_SECONDS. Raises RunNotFound or StoreError."""
        # Thirty browsers that ask at once wait for one answer.
        with self._lock:
            if fresh or self._moment is None or time.monotonic() - self._made > SHARED_SECONDS:
                run = self._lab.run(self._id)
                latest = next(reversed(self._lab.progress(self._id, points=2)), None)
                self._moment = Moment(run, outline(self._lab), latest, sentence(self._lab, run, latest))
                self._made = time.monotonic()
            return self._moment

    def news(self, moment: Moment, *, logarithmic: bool) -> News:
        """The news at `moment`. Raises StoreError."""
        # Whatever is told of a run changes one of these, or is followed by what does within a second.
        of = repr(
            (
                moment.outline,
                moment.sentence,
                moment.run.epochs_done,
                moment.latest,
                run_pace.shared.drawing,
                run_pace.shared.fetching,
            )
        )
        with self._lock:
            known = self._news.get(logarithmic)
            if known is None or known[0] != of:
                # A curve of 500 points takes 10 ms to read, thin and encode.
                known = self._news[logarithmic] = of, self._made_news(moment, logarithmic)
            return known[1]

    def _made_news(self, moment: Moment, logarithmic: bool) -> News:
        lab, run = self._lab, moment.run
        epochs, progress, events = lab.epochs(run.id), lab.progress(run.id), lab.events(run.id)
        started = next((event for event in events if isinstance(event, RunStarted)), None)
        over = run.state in (State.STOPPED, State.FAILED, State.FINISHED)
        total = max(1, run.epochs_done, progress[-1].epoch if progress else 1) if over else run.config.epochs
        marks = rests(events)
        loss = loss_curve(run.id, epochs, progress, total, logarithmic=logarithmic, marks=marks, over=over)
        classes = started.classes if started else None
        accuracy = accuracy_curve(run.id, epochs, progress, total, classes=classes, marks=marks, over=over)
        notices = tuple(event.message for event in events if isinstance(event, Notice))
        table = f"{run.id} {hash((epochs, notices))}"
        curves = encoded(
            Chart(loss, "Training and test loss against epochs"),
            Chart(accuracy, "Training and test accuracy against epochs"),
            live=Live(
                icon=STATE_ICONS[run.state].removeprefix(":material/").removesuffix(":"),
                word=STATE_WORDS[run.state],
                rest=moment.sentence,
                share=moment.share,
                page=str(hash(repr(moment.outline))),
                table=table,
                pace=run_pace.shared.drawing,
                every=run_pace.shared.fetching,
                feed=live_feed.shared.address(self._feed(logarithmic)) if run.active else None,
            ),
        )
        return News(curves, notices, _table(epochs), table)

    def follow(self, *, logarithmic: bool) -> None:
        """Has the news ready for browsers to fetch, for some minutes."""
        live_feed.shared.keep(
            self._feed(logarithmic), lambda: self.news(self.moment(fresh=False), logarithmic=logarithmic).curves.data
        )

    def _feed(self, logarithmic: bool) -> str:
        return f"{id(self._lab)} {self._id} {logarithmic}"


_watched: dict[tuple[int, str], Watched] = {}
_lock = threading.Lock()


def watched(lab: Lab, run_id: str) -> Watched:
    """What all browsers share that look at this run."""
    with _lock:
        found = _watched[id(lab), run_id] = _watched.pop((id(lab), run_id), None) or Watched(lab, run_id)
        while len(_watched) > REMEMBERED:
            del _watched[next(iter(_watched))]
        return found


def _table(epochs: tuple[EpochDone, ...]) -> pa.Table:
    """The latest epoch first."""
    rows = [
        (e.epoch, e.train_loss, 100 * e.train_accuracy, e.test_loss, 100 * e.test_accuracy, e.learning_rate, e.seconds)
        for e in reversed(epochs)
    ]
    columns = list(zip(*rows, strict=True)) or [()] * len(FORMATS)
    kinds = [pa.int32(), *[pa.float64()] * (len(FORMATS) - 1)]
    return pa.table({name: pa.array(column, kind) for name, column, kind in zip(FORMATS, columns, kinds, strict=True)})
