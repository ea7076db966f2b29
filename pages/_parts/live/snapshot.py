"""One run as all browsers that watch it share it: its status, and snapshots of its curves, epochs, notices and diagnosis."""

from __future__ import annotations

import gzip
import secrets
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa
from starlette.responses import Response

from cnnlab.diagnosis import Diagnosis, diagnose, suspects
from cnnlab.events import EpochDone, Notice, Progress, RunStarted
from cnnlab.figures.curves import accuracy_curve, loss_curve, rests
from cnnlab.i18n import N_, _, language, translated
from cnnlab.known_runs import Standing, band_of, compare
from cnnlab.lab import Lab
from cnnlab.runs.records import IN_PROCESS, Run, State
from cnnlab.text import percent
from pages._parts.live.pace import Pace
from pages._parts.live.plot import Chart, Encoded, Live, encoded
from pages._parts.live.sentence import sentence
from pages._parts.run_words import state_icon, state_word

SHARED_SECONDS = 0.9  # a status that was read for another browser counts as current for this long
WAITING_SECONDS = 3.0  # … and while other runs wait before it: most that a class watches
YOUNG_SECONDS = 0.2  # … and while the run trains and has no point yet
_REPLACED = "stuck-at-chance"  # kind of notice in runs of early versions; the diagnosis says more
_GZIP_LEVEL = 5  # 20 kB become 5 in half a millisecond

FORMATS = {
    N_("Epoch"): "%d",
    N_("Training loss"): "%.4f",
    N_("Training accuracy"): "%.1f %%",
    N_("Test loss"): "%.4f",
    N_("Test accuracy"): "%.1f %%",
    N_("Validation loss"): "%.4f",
    N_("Validation accuracy"): "%.1f %%",
    N_("Learning rate"): "%.4g",
    N_("Seconds"): "%.1f",
}


@dataclass(frozen=True, slots=True)
class RunStatus:
    """A run at one moment. Every stored event changes one of these values, or is followed within a second by one that does."""

    run: Run
    latest: Progress | None
    sentence: str  # after the state's word; plain text in English, for `translated`
    page_revision: int  # changes with what only a script run can redraw: title, note, buttons

    @property
    def share_done(self) -> float:
        """0 to 1."""
        done = self.latest.share_done if self.latest else 0.0
        return 1.0 if self.run.state is State.FINISHED else min(1.0, max(0.0, done))


@dataclass(frozen=True, slots=True)
class RunSnapshot:
    """A run's status, and what is drawn of it."""

    status: RunStatus
    plots: Encoded  # progress and curves, as the script sends them
    response: Response = field(repr=False)  # the same bytes, compressed, as the feed answers
    notices: tuple[str, ...]
    diagnosis: Diagnosis | None
    beside: Standing | None  # with known runs of its recipe
    suspects: tuple[Diagnosis, ...]  # why it is below all of them
    optimistic: bool  # the best of several epochs was chosen on the test images
    epochs: pa.Table
    table_revision: int  # changes with the notices, the cause that the diagnosis names, and the table of epochs


class LiveRun:
    """One run for all browsers that watch it in one language, that of the thread which makes it. Safe to share between threads."""

    def __init__(self, lab: Lab, run_id: str, pace: Pace, revisions: Iterator[int]) -> None:
        self._lab = lab
        self._id = run_id
        self._pace = pace
        self.language = language()
        self._page = _Revision(revisions)
        self._table = _Revision(revisions)
        self._lock = threading.RLock()
        self._status: RunStatus | None = None
        self._read_at = 0.0
        self._snapshots: dict[bool, tuple[object, RunSnapshot]] = {}  # by scale: what it was made from, and itself
        # By scale; random, so that an address cannot be guessed.
        self.tokens = {logarithmic: secrets.token_hex(12) for logarithmic in (False, True)}

    @property
    def has_just_begun(self) -> bool:
        """Whether it was last seen in a process and without a point of its curve."""
        status = self._status
        return status is not None and status.latest is None and status.run.state in IN_PROCESS

    @property
    def _has_others_before(self) -> bool:
        return self._status is not None and (self._status.run.position or 0) > 1

    def status(self, *, fresh: bool) -> RunStatus:
        """The run now or, unless `fresh`, as it was a moment ago. Raises RunNotFound or StoreError."""
        with self._lock:  # browsers that ask together wait for one read
            current = YOUNG_SECONDS if self.has_just_begun else WAITING_SECONDS if self._has_others_before else SHARED_SECONDS
            if fresh or self._status is None or time.monotonic() - self._read_at > current:
                self._status = self._read()
                self._read_at = time.monotonic()
            return self._status

    def snapshot(self, *, logarithmic: bool) -> RunSnapshot:
        """The run within the last SHARED_SECONDS. Raises RunNotFound or StoreError."""
        with self._lock:
            status = self.status(fresh=False)
            source = status, self._pace.poll_every, self._pace.redraw_every
            if logarithmic not in self._snapshots or self._snapshots[logarithmic][0] != source:
                # A curve of 500 points takes 10 ms to read, thin and encode.
                self._snapshots[logarithmic] = source, self._draw(status, logarithmic)
            return self._snapshots[logarithmic][1]

    def cached(self, *, logarithmic: bool) -> RunSnapshot | None:
        """The last snapshot, however old."""
        known = self._snapshots.get(logarithmic)
        return known and known[1]

    def _read(self) -> RunStatus:
        lab, run = self._lab, self._lab.run(self._id)
        latest = next(reversed(lab.progress(run.id, points=2)), None)
        waits = run.message if run.state is State.QUEUED else ""
        # The first epoch of a run in a process enables the link to its predictions. That comes with the table, which waits until
        # the browser has time: a script run of the page costs it as much as several drawings.
        kept = None if run.state in IN_PROCESS else (run.epochs_done > 0, run.has_checkpoint)
        page = _as_drawn(run.state), waits, kept, run.name, run.note, run.config.epochs, self._beside(run)
        return RunStatus(run, latest, sentence(lab, run, latest), self._page.of(page))

    def _beside(self, run: Run) -> tuple[str, ...]:
        """The waiting runs of its owner in their order, among which its buttons move it; none where it does not wait."""
        if run.state is not State.QUEUED:
            return ()
        starts = self._lab.sharing.starts()
        own = [other.id for other in self._lab.summaries().active if other.owner == run.owner and other.id in starts]
        return tuple(sorted(own, key=lambda other: starts[other].place))

    def _draw(self, status: RunStatus, logarithmic: bool) -> RunSnapshot:
        lab, run = self._lab, status.run
        epochs, progress, events = lab.epochs(run.id), lab.progress(run.id), lab.events(run.id)
        started = next((event for event in events if isinstance(event, RunStarted)), None)
        over = run.over
        total = max(1, run.epochs_done, progress[-1].epoch if progress else 1) if over else run.config.epochs
        marks = rests(events)
        loss = loss_curve(run.id, epochs, progress, total, logarithmic=logarithmic, marks=marks, over=over)
        classes = started.classes if started else None
        band = band_of(run.config)
        known = band.spread if band else ()
        accuracy = accuracy_curve(run.id, epochs, progress, total, classes=classes, known=known, marks=marks, over=over)
        notices = tuple(event.message for event in events if isinstance(event, Notice) and event.kind != _REPLACED)
        diagnosis = diagnose(run.config, (*events, *progress))
        cause = diagnosis and (diagnosis.cause, diagnosis.level)
        table_revision = self._table.of((epochs, notices, cause))
        validated = bool(epochs) and epochs[-1].validation_loss is not None
        losses, accuracies = _labels(validated=validated)
        plots = encoded(
            Chart(loss, losses, heading=translated((diagnosis and diagnosis.heading) or N_("Loss"))),
            Chart(accuracy, accuracies, heading=_reached(epochs, validated=validated)),
            live=Live(
                icon=state_icon(run).removeprefix(":material/").removesuffix(":"),
                word=state_word(run),
                sentence=translated(status.sentence),
                share=status.share_done,
                page_revision=status.page_revision,
                table_revision=table_revision,
                poll_every=self._pace.poll_every,
                redraw_every=self._pace.redraw_every,
                feed=f"news/{self.tokens[logarithmic]}" if run.active else None,
            ),
        )
        headers = {"content-encoding": "gzip", "cache-control": "no-store"}
        response = Response(gzip.compress(plots.data, _GZIP_LEVEL), media_type="application/json", headers=headers)
        optimistic = len(epochs) > 1 and not validated
        beside = compare(band, epochs) if band else None
        below = beside is not None and beside.place == "below"
        why = suspects(run.config, (*events, *progress)) if below else ()
        table = _table(epochs)
        return RunSnapshot(status, plots, response, notices, diagnosis, beside, why, optimistic, table, table_revision)


class _Revision:
    """A number that changes when a value does."""

    def __init__(self, numbers: Iterator[int]) -> None:
        self._numbers = numbers
        self._value: Any = None
        self._number = 0

    def of(self, value: Any) -> int:
        if not self._number or value != self._value:
            self._value, self._number = value, next(self._numbers)
        return self._number


def _as_drawn(state: State) -> State:
    """A page shows the same buttons while a run starts and while it trains."""
    return State.RUNNING if state is State.STARTING else state


def _labels(*, validated: bool) -> tuple[str, str]:
    """What the charts of losses and of accuracies show, for screen readers and as names of files."""
    if validated:
        return _("Training and validation loss against epochs"), _("Training and validation accuracy against epochs")
    return _("Training and test loss against epochs"), _("Training and test accuracy against epochs")


def _reached(epochs: tuple[EpochDone, ...], *, validated: bool) -> str:
    """The heading of the chart of accuracies."""
    if not epochs:
        return _("Accuracy")
    words = (
        _("Validation accuracy: {accuracy} after epoch {epoch}")
        if validated
        else _("Test accuracy: {accuracy} after epoch {epoch}")
    )
    return words.format(accuracy=percent(epochs[-1].score), epoch=epochs[-1].epoch)


def _table(epochs: tuple[EpochDone, ...]) -> pa.Table:
    """The latest epoch first. Where there are validation images, their figures stand in place of the test images'."""
    validated = bool(epochs) and all(e.validation_loss is not None for e in epochs)
    values: dict[str, Callable[[EpochDone], float | None]] = {
        "Epoch": lambda e: e.epoch,
        "Training loss": lambda e: e.train_loss,
        "Training accuracy": lambda e: 100 * e.train_accuracy,
        "Validation loss" if validated else "Test loss": lambda e: e.validation_loss if validated else e.test_loss,
        "Validation accuracy" if validated else "Test accuracy": lambda e: 100 * e.score,
        "Learning rate": lambda e: e.learning_rate,
        "Seconds": lambda e: e.seconds,
    }
    latest_first = epochs[::-1]
    kinds = {"Epoch": pa.int32()}
    return pa.table(
        {name: pa.array([value(e) for e in latest_first], kinds.get(name, pa.float64())) for name, value in values.items()}
    )
