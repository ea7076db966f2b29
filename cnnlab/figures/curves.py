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
    best_epoch,
)
from cnnlab.figures.theme import LOSS, MODEBAR, PERCENT, PERCENT_TICKS, SMALL_FONT_SIZE, base_layout, compact, logarithmic_ticks
from cnnlab.i18n import N_, _, translated
from cnnlab.palette import BLUE, GRAY, GREEN, ORANGE, SKY
from cnnlab.reports.thinning import has_exploded, thin
from cnnlab.text import percent

HEIGHT = 300  # two charts side by side stand above the fold on a screen of 1366×768
_FEW = 4  # a report over this many times fewer batches than the one before is not shown
# Never distinguished by colour alone. With validation images the test images wait until the end, and appear as one point.
STYLES = {
    N_("training"): (BLUE, "solid", "circle"),
    N_("test"): (ORANGE, "dash", "diamond"),
    N_("validation"): (GREEN, "dashdot", "square"),
    N_("test, best epoch"): (ORANGE, "dash", "star"),
}
_TOOLS = 38  # pixels at the right edge, where Plotly's tools stand beside the newest points and not over them
LIVE = N_("Training, live")
KNOWN, BAND = N_("Known runs' test accuracy"), "rgba(128, 128, 128, 0.18)"
WHOLE_RUN_EPOCHS = 50  # a run of up to this many epochs shows its whole x axis from the start


_RESTS: dict[type, str] = {
    RunPaused: N_("paused here, then resumed"),
    RunInterrupted: N_("its process was gone; it went on from here"),
    RunStopped: N_("stopped, then resumed from here"),
    RunFailed: N_("failed, then tried again from here"),
    RunFinished: N_("had finished; more epochs from here"),
}


@dataclass(frozen=True, slots=True)
class Rest:
    """A point at which a run rested and then continued."""

    epoch: float  # as the x axis counts
    words: str  # in English, for `translated`


def rests(events: Iterable[Event]) -> tuple[Rest, ...]:
    """Where a run continued after a rest, from its events."""
    resumed, batches, why = [], 0, N_("resumed here")
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
        _epochs("training", epochs, [e.train_loss for e in epochs], LOSS),
        *_watched(epochs, lambda e: e.test_loss, lambda e: e.validation_loss, LOSS, over=over),
    ]
    positive = [value for trace in traces for value in trace["y"] if value and value > 0]
    logarithmic = logarithmic or has_exploded(positive)
    # A zoom on one scale means nothing on the other, so a change of scale resets this axis alone.
    loss_axis = {"title": {"text": _("Loss (logarithmic)") if logarithmic else _("Loss")}, "uirevision": f"{run_id}-{logarithmic}"}
    scale: dict[str, Any] = {"type": "linear", "rangemode": "tozero"}
    if logarithmic:
        scale = {"type": "log", "dtick": logarithmic_ticks(positive)}
    end = until(epochs, progress, total_epochs)
    return _figure(run_id, traces, end, marks, empty=_empty(progress, over), y_axis=loss_axis | scale)


def accuracy_curve(
    run_id: str,
    epochs: Sequence[EpochDone],
    progress: Sequence[Progress],
    total_epochs: int,
    *,
    classes: int | None = None,
    known: Sequence[tuple[float, float, float]] = (),
    marks: Sequence[Rest] = (),
    over: bool = False,
) -> dict[str, Any]:
    """Share of images with the right prediction, against epochs; with `classes`, also the level of chance.

    `known` holds the lowest, the middle and the highest test accuracy of other runs after each epoch, as shares: drawn behind.
    """
    end = until(epochs, progress, total_epochs)
    traces = [
        *_band(known[: math.floor(end)]),
        _noise(progress, lambda event: 100 * event.accuracy, PERCENT),
        _epochs("training", epochs, [100 * e.train_accuracy for e in epochs], PERCENT),
        *_watched(epochs, lambda e: 100 * e.test_accuracy, _validation_accuracy, PERCENT, over=over),
    ]
    if classes:
        traces.append(_chance(end, 1 / classes))
    axis = {"title": {"text": _("Accuracy")}, "range": [0, 100]} | PERCENT_TICKS
    return _figure(run_id, traces, end, marks, empty=_empty(progress, over), y_axis=axis)


def until(epochs: Sequence[EpochDone], progress: Sequence[Progress], total_epochs: int) -> float:
    """The epoch at which the x axis of all charts of a run ends: the last one planned, or of a long run the newest point."""
    if total_epochs <= WHOLE_RUN_EPOCHS:
        return total_epochs
    newest = _position(progress[-1]) if progress else 0
    return max(1, newest, epochs[-1].epoch if epochs else 0)


def _position(event: Progress) -> float:
    """On the axis of epochs: 1.5 is the middle of the second epoch."""
    return event.epoch - 1 + event.batch / max(1, event.batches)


def _watched(
    epochs: Sequence[EpochDone],
    test: Callable[[EpochDone], float],
    validation: Callable[[EpochDone], float | None],
    number: str,
    *,
    over: bool,
) -> list[dict[str, Any]]:
    """The curve by which the best epoch is chosen, and where that is not the test images', their point at the end."""
    kept_aside = [value for value in map(validation, epochs) if value is not None]
    if not epochs or len(kept_aside) < len(epochs):
        return [_epochs("test", epochs, [test(e) for e in epochs], number)]
    traces = [_epochs("validation", epochs, kept_aside, number)]
    best = best_epoch(epochs)
    if over and best:
        traces.append(_epochs("test, best epoch", [best], [test(best)], number))
        traces[-1] |= {"mode": "markers", "marker": {"symbol": "star", "size": 12, "color": ORANGE}}
    return traces


def _validation_accuracy(done: EpochDone) -> float | None:
    return None if done.validation_accuracy is None else 100 * done.validation_accuracy


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
        "name": translated(LIVE),
        "x": [compact(_position(shown[i])) for i in kept],
        "y": [compact(values[i]) for i in kept],
        "line": {"color": SKY, "width": 1},
        "hovertemplate": f"{_('epoch {epoch}').format(epoch='%{x:.2f}')}<br>{number}<extra></extra>",
    }


def _epochs(name: str, epochs: Sequence[EpochDone], values: list[float], number: str) -> dict[str, Any]:
    kept = thin(values)
    color, dash, symbol = STYLES[name]
    words = translated(name)
    return {
        "type": "scatter",
        "mode": "lines+markers",
        "name": words.capitalize(),
        "x": [epochs[i].epoch for i in kept],
        "y": [compact(values[i]) for i in kept],
        "line": {"color": color, "width": 2, "dash": dash},
        "marker": {"symbol": symbol, "size": 7},
        "hovertemplate": f"{_('{curve}, epoch {epoch}').format(curve=words, epoch='%{x}')}<br>{number}<extra></extra>",
    }


def _band(known: Sequence[tuple[float, float, float]]) -> list[dict[str, Any]]:
    """A gray area between two edges, the upper of which is filled down to the lower."""
    if not known:
        return []
    edge = {"type": "scatter", "mode": "lines", "legendgroup": "known", "name": translated(KNOWN)}
    edge["x"] = list(range(1, len(known) + 1))
    lows, _rest, highs = zip(*known, strict=True)
    words = _("all known runs: {low} to {high}, the middle at {middle}")
    texts = [words.format(low=percent(low), high=percent(high), middle=percent(middle)) for low, middle, high in known]
    shared = {"hovertemplate": "%{text}<extra></extra>", "text": texts}
    thin_line = {"color": GRAY, "width": 1}
    return [
        edge | shared | {"y": [compact(100 * low) for low in lows], "line": thin_line, "showlegend": False},
        edge | {"y": [compact(100 * high) for high in highs], "line": thin_line, "hoverinfo": "skip"}
        | {"fill": "tonexty", "fillcolor": BAND},
    ]  # fmt: skip


def _chance(end: float, share: float) -> dict[str, Any]:
    return {
        "type": "scatter",
        "mode": "lines",
        "name": _("Chance level ({share})").format(share=percent(share, None)),
        "x": [0, compact(end)],
        "y": [round(100 * share, 4)] * 2,
        "line": {"color": GRAY, "width": 1, "dash": "dot"},
        "hovertemplate": _("guessing would reach {share}").format(share=percent(share, None)) + "<extra></extra>",
    }


def _marks(marks: Sequence[Rest]) -> dict[str, Any]:
    """A thin dotted line for each rest, in one trace with its own axis, so that zooming into the curve does not cut it."""
    heights = [place / 10 for place in range(11)]  # points that respond to hovering
    return {
        "type": "scatter",
        "mode": "lines",
        "name": _("Went on"),
        "x": [place for mark in marks for place in (*[round(mark.epoch, 3)] * len(heights), None)],
        "y": [height for _ in marks for height in (*heights, None)],
        "text": [translated(mark.words) for mark in marks for _ in (*heights, None)],
        "yaxis": "y2",
        "line": {"color": GRAY, "width": 1, "dash": "dot"},
        "hovertemplate": f"{_('epoch {epoch}').format(epoch='%{x:.2f}')}{_(': ')}%{{text}}<extra></extra>",
    }


def _figure(
    run_id: str, traces: list[dict[str, Any]], end: float, marks: Sequence[Rest], *, empty: str, y_axis: dict[str, Any]
) -> dict[str, Any]:
    layout = base_layout(HEIGHT)
    layout["uirevision"] = run_id  # Plotly keeps zoom and legend choices while this stays the same
    layout |= {"margin": {"l": 8, "r": _TOOLS, "t": 8, "b": 8}, "modebar": MODEBAR}
    layout["legend"] |= {"font": {"size": SMALL_FONT_SIZE}}
    layout["yaxis"] |= y_axis
    layout["xaxis"] |= {"title": {"text": _("Epoch")}, "rangemode": "tozero", "tickformat": "~g"}
    layout["xaxis"]["range"] = [0, compact(end * 1.02)]
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
    return _("It ended before its first points") if over else _("The first points appear here as soon as training runs")
