"""Loss and accuracy curves of a run, as Plotly figures in plain dictionaries, small enough to be sent every second."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import Any

from cnnlab.events import (
    EpochDone,
    Event,
    Progress,
    RunFailed,
    RunFinished,
    RunInterrupted,
    RunPaused,
    RunResumed,
    RunStarted,
    RunStopped,
)
from cnnlab.figures.theme import LOSS, PERCENT, PERCENT_TICKS, SMALL_FONT_SIZE, base_layout, compact
from cnnlab.palette import BLUE, GRAY, ORANGE, SKY
from cnnlab.reports.thinning import thin
from cnnlab.text import percent

HEIGHT = 300  # two charts side by side stand above the fold on a screen of 1366×768
_FEW = 4  # a report over this many times fewer batches than the one before is not shown
STYLES = {"Training": (BLUE, "solid", "circle"), "Test": (ORANGE, "dash", "diamond")}  # never distinguished by colour alone
WHOLE_RUN_EPOCHS = 50  # a run of up to this many epochs shows its whole x axis from the start


_RESTS: dict[type, str] = {
    RunPaused: "paused here, then resumed",
    RunInterrupted: "its process was gone; it went on from here",
    RunStopped: "stopped, then resumed from here",
    RunFailed: "failed, then tried again from here",
    RunFinished: "had finished; more epochs from here",
}


@dataclass(frozen=True, slots=True)
class Rest:
    """A point at which a run rested and then continued."""

    epoch: float  # as the x axis counts
    words: str


def rests(events: Iterable[Event]) -> tuple[Rest, ...]:
    """Where a run continued after a rest, from its events."""
    resumed, batches, why = [], 0, "resumed here"
    for event in events:
        if isinstance(event, RunStarted):
            batches = event.batches_per_epoch
        elif isinstance(event, RunResumed):
            resumed.append(Rest(event.step / batches if batches else event.epochs_done, why))
        else:
            why = _RESTS.get(type(event), why)
    return tuple(resumed)


def loss_curve(
    run_id: str,
    epochs: Sequence[EpochDone],
    progress: Sequence[Progress],
    total_epochs: int,
    *,
    logarithmic: bool = False,
    marks: Sequence[Rest] = (),
    over: bool = False,
) -> dict[str, Any]:
    """Mean cross-entropy per image against epochs; `over` says that the run has ended."""
    traces = [
        _noise(progress, attrgetter("loss"), LOSS),
        _epochs("Training", epochs, [e.train_loss for e in epochs], LOSS),
        _epochs("Test", epochs, [e.test_loss for e in epochs], LOSS),
    ]
    # A zoom on one scale means nothing on the other, so a change of scale resets this axis alone.
    loss_axis = {"title": {"text": "Loss"}, "uirevision": f"{run_id}-{logarithmic}"}
    scale: dict[str, Any] = {"type": "linear", "rangemode": "tozero"}
    if logarithmic:
        scale = {"type": "log", "dtick": _logarithmic_ticks([value for trace in traces for value in trace["y"] if value])}
    return _figure(run_id, traces, total_epochs, marks, empty=_empty(progress, over), y_axis=loss_axis | scale)


def accuracy_curve(
    run_id: str,
    epochs: Sequence[EpochDone],
    progress: Sequence[Progress],
    total_epochs: int,
    *,
    classes: int | None = None,
    marks: Sequence[Rest] = (),
    over: bool = False,
) -> dict[str, Any]:
    """Share of images with the right prediction, against epochs; with `classes`, also the accuracy of guessing."""
    traces = [
        _noise(progress, lambda event: 100 * event.accuracy, PERCENT),
        _epochs("Training", epochs, [100 * e.train_accuracy for e in epochs], PERCENT),
        _epochs("Test", epochs, [100 * e.test_accuracy for e in epochs], PERCENT),
    ]
    if classes:
        traces.append(_guessing(total_epochs, 1 / classes))
    axis = {"title": {"text": "Accuracy"}, "range": [0, 100]} | PERCENT_TICKS
    return _figure(run_id, traces, total_epochs, marks, empty=_empty(progress, over), y_axis=axis)


def _logarithmic_ticks(values: Sequence[float]) -> str:
    """Plotly's name for ticks at 1, 2, 5 of each decade, or for even steps where less than a decade would get hardly a tick."""
    low, high = min(values, default=0.1), max(values, default=1.0)
    if high >= 10 * low or high == low:
        return "D2"
    rough = (high - low) / 5
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(step for step in (1, 2, 5, 10) if step * power >= rough)
    return f"L{step * power:.3g}"


def _representative(progress: Sequence[Progress]) -> list[Progress]:
    """Without the last report of an epoch where it covers few batches: a mean over so few images jumps by chance."""
    kept: list[Progress] = []
    epoch = batch = covered = 0
    for event in progress:
        before = batch if event.epoch == epoch else 0
        batches = event.batch - before
        if before == 0 or event.batch < event.batches or batches >= covered / _FEW:
            kept.append(event)
            covered = batches
        epoch, batch = event.epoch, event.batch
    return kept


def _noise(progress: Sequence[Progress], figure: Callable[[Progress], float], number: str) -> dict[str, Any]:
    shown = _representative(progress)
    values = [figure(event) for event in shown]
    kept = thin(values)
    return {
        "type": "scatter",
        "mode": "lines",
        "name": "As it goes",
        "x": [compact(shown[i].epoch - 1 + shown[i].batch / max(1, shown[i].batches)) for i in kept],
        "y": [compact(values[i]) for i in kept],
        "line": {"color": SKY, "width": 1},
        "hovertemplate": f"epoch %{{x:.2f}}<br>{number}<extra></extra>",
    }


def _epochs(name: str, epochs: Sequence[EpochDone], values: list[float], number: str) -> dict[str, Any]:
    kept = thin(values)
    color, dash, symbol = STYLES[name]
    return {
        "type": "scatter",
        "mode": "lines+markers",
        "name": name,
        "x": [epochs[i].epoch for i in kept],
        "y": [compact(values[i]) for i in kept],
        "line": {"color": color, "width": 2, "dash": dash},
        "marker": {"symbol": symbol, "size": 7},
        "hovertemplate": f"{name.lower()}, epoch %{{x}}<br>{number}<extra></extra>",
    }


def _guessing(total_epochs: int, share: float) -> dict[str, Any]:
    return {
        "type": "scatter",
        "mode": "lines",
        "name": "Guessing",
        "x": [0, total_epochs],
        "y": [round(100 * share, 4)] * 2,
        "line": {"color": GRAY, "width": 1, "dash": "dot"},
        "hovertemplate": f"guessing would reach {percent(share, 0)}<extra></extra>",
    }


def _marks(marks: Sequence[Rest]) -> dict[str, Any]:
    """A thin dotted line for each rest, in one trace with its own axis, so that zooming into the curve does not cut it."""
    heights = [place / 10 for place in range(11)]  # points that respond to hovering
    return {
        "type": "scatter",
        "mode": "lines",
        "name": "Went on",
        "x": [place for mark in marks for place in (*[round(mark.epoch, 3)] * len(heights), None)],
        "y": [height for _ in marks for height in (*heights, None)],
        "text": [mark.words for mark in marks for _ in (*heights, None)],
        "yaxis": "y2",
        "line": {"color": GRAY, "width": 1, "dash": "dot"},
        "hovertemplate": "epoch %{x:.2f}: %{text}<extra></extra>",
    }


def _figure(
    run_id: str, traces: list[dict[str, Any]], total_epochs: int, marks: Sequence[Rest], *, empty: str, y_axis: dict[str, Any]
) -> dict[str, Any]:
    layout = base_layout(HEIGHT)
    layout["uirevision"] = run_id  # Plotly keeps zoom and legend choices while this stays the same
    layout["margin"] = {"l": 8, "r": 12, "t": 8, "b": 8}
    # Vertical and transparent, so that the tools do not hide the legend.
    layout["modebar"] = {"orientation": "v", "bgcolor": "rgba(0,0,0,0)", "color": GRAY, "activecolor": BLUE}
    layout["legend"] |= {"font": {"size": SMALL_FONT_SIZE}}
    layout["yaxis"] |= y_axis
    layout["xaxis"] |= {"title": {"text": "Epoch"}, "rangemode": "tozero", "tickformat": "~g"}
    if total_epochs <= WHOLE_RUN_EPOCHS:
        layout["xaxis"]["range"] = [0, total_epochs * 1.02]
    if marks:
        traces.append(_marks(marks))
        layout["yaxis2"] = {"overlaying": "y", "range": [0, 1], "visible": False, "fixedrange": True}
    if empty:
        place = {"xref": "paper", "yref": "paper", "x": 0.5, "y": 0.5, "showarrow": False}
        layout["annotations"] = [place | {"text": empty}]
    return {"data": traces, "layout": layout}


def _empty(progress: Sequence[Progress], over: bool) -> str:
    """The text of an empty chart; "" where there are points."""
    if progress:
        return ""
    return "It ended before its first points" if over else "The first points appear here as soon as training runs"
