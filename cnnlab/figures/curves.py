"""Loss and accuracy curves of a run, as Plotly figures in plain dictionaries, small enough to be sent again each second."""

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
from cnnlab.figures.theme import BLUE, GRAY, ORANGE, SKY, SMALL_FONT_SIZE, base_layout, compact
from cnnlab.reports.thinning import thin

HEIGHT = 300  # two charts side by side stand above the fold on a screen of 1366×768
_FEW = 4  # times fewer batches than before are too few to be shown
STYLES = {"Training": (BLUE, "solid", "circle"), "Test": (ORANGE, "dash", "diamond")}  # never told apart by colour alone
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
    """A moment at which a run rested and then went on."""

    epoch: float  # as the x axis counts
    words: str


def rests(events: Iterable[Event]) -> tuple[Rest, ...]:
    """Where a run has gone on after a rest, from all that was told of it."""
    found, batches, why = [], 0, "resumed here"
    for event in events:
        if isinstance(event, RunStarted):
            batches = event.batches_per_epoch
        elif isinstance(event, RunResumed):
            found.append(Rest(event.step / batches if batches else event.epochs_done, why))
        else:
            why = _RESTS.get(type(event), why)
    return tuple(found)


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
    """Mean cross-entropy per image against epochs; `over` says that no more is to come."""
    traces = [
        _noise(progress, attrgetter("loss"), ".4f"),
        _epochs("Training", epochs, [e.train_loss for e in epochs], ".4f"),
        _epochs("Test", epochs, [e.test_loss for e in epochs], ".4f"),
    ]
    # A zoom made on one scale means nothing on the other, so only this axis forgets it when the scale changes.
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
    """Share of images whose label was right, against epochs; with `classes`, also what guessing would reach."""
    traces = [
        _noise(progress, attrgetter("accuracy"), ".1%"),
        _epochs("Training", epochs, [e.train_accuracy for e in epochs], ".1%"),
        _epochs("Test", epochs, [e.test_accuracy for e in epochs], ".1%"),
    ]
    if classes:
        traces.append(_guessing(total_epochs, 1 / classes))
    axis = {"title": {"text": "Accuracy"}, "range": [0, 1], "tickformat": ".0%"}
    return _figure(run_id, traces, total_epochs, marks, empty=_empty(progress, over), y_axis=axis)


def _logarithmic_ticks(values: Sequence[float]) -> str:
    """Plotly's name for 1, 2, 5 of each decade; within less than one these would leave an axis with hardly a number."""
    low, high = min(values, default=0.1), max(values, default=1.0)
    if high >= 10 * low or high == low:
        return "D2"
    rough = (high - low) / 5
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(step for step in (1, 2, 5, 10) if step * power >= rough)
    return f"L{step * power:.3g}"


def _telling(progress: Sequence[Progress]) -> list[Progress]:
    """Without what ends an epoch after much fewer batches than the one before: over so few images a figure jumps by chance."""
    found: list[Progress] = []
    epoch = batch = covered = 0
    for each in progress:
        before = batch if each.epoch == epoch else 0
        batches = each.batch - before
        if before == 0 or each.batch < each.batches or batches >= covered / _FEW:
            found.append(each)
            covered = batches
        epoch, batch = each.epoch, each.batch
    return found


def _noise(progress: Sequence[Progress], figure: Callable[[Progress], float], number: str) -> dict[str, Any]:
    shown = _telling(progress)
    values = [figure(each) for each in shown]
    kept = thin(values)
    return {
        "type": "scatter",
        "mode": "lines",
        "name": "As it goes",
        "x": [compact(shown[i].epoch - 1 + shown[i].batch / max(1, shown[i].batches)) for i in kept],
        "y": [compact(values[i]) for i in kept],
        "line": {"color": SKY, "width": 1},
        "hovertemplate": f"epoch %{{x:.2f}}<br>%{{y:{number}}}<extra></extra>",
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
        "hovertemplate": f"{name.lower()}, epoch %{{x}}<br>%{{y:{number}}}<extra></extra>",
    }


def _guessing(total_epochs: int, share: float) -> dict[str, Any]:
    return {
        "type": "scatter",
        "mode": "lines",
        "name": "Guessing",
        "x": [0, total_epochs],
        "y": [round(share, 6)] * 2,
        "line": {"color": GRAY, "width": 1, "dash": "dot"},
        "hovertemplate": f"guessing would reach {share:.0%}<extra></extra>",
    }


def _marks(marks: Sequence[Rest]) -> dict[str, Any]:
    """A thin dotted line a rest, in one trace on an axis of its own, so that zooming into the curve leaves it whole."""
    heights = [place / 10 for place in range(11)]  # where a hover finds it
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
    run_id: str,
    traces: list[dict[str, Any]],
    total_epochs: int,
    marks: Sequence[Rest],
    *,
    empty: str,
    y_axis: dict[str, Any],
) -> dict[str, Any]:
    layout = base_layout(HEIGHT)
    layout["uirevision"] = run_id  # Plotly keeps zoom and legend choices for as long as this stays the same
    layout["margin"] = {"l": 8, "r": 12, "t": 8, "b": 8}
    # Upright and see-through, so that the tools do not hide the legend.
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
    """What an empty chart says; "" where there are points."""
    if progress:
        return ""
    return "It ended before its first points" if over else "The first points appear here as soon as training runs"
