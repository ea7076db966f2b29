"""Many runs in one chart: their accuracy against a setting, and all settings that differ as parallel coordinates."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, floor, log10
from typing import Any

from cnnlab.figures.runs import plain
from cnnlab.figures.theme import MODEBAR, PERCENT, PERCENT_TICKS, base_layout
from cnnlab.i18n import N_, _, translated
from cnnlab.palette import BLUE, GRAY, ORANGE
from cnnlab.reports.comparison import is_number

HEIGHT = 340
SMALL_HEIGHT = 260  # of several charts side by side
LOGARITHMIC_FROM = 10.0  # a setting whose largest value is so many times the smallest has a logarithmic axis
MOST_AXES = 8  # of parallel coordinates
MOST_TICKS = 10  # of one axis
FEW = 6  # values of a setting that have a tick each, in a small chart
_LABEL_LENGTH = 18
# How each kind of mark is drawn: its words in the legend, its symbol and its colour.
KINDS = {
    "finished": (N_("Finished"), "circle", BLUE),
    "pruned": (N_("Stopped early"), "x", ORANGE),
    "training": (N_("Training"), "circle-open", BLUE),
    "failed": (N_("Failed or stopped"), "triangle-down-open", GRAY),
}


@dataclass(frozen=True, slots=True)
class Axis:
    """A setting that a sweep varies."""

    title: str
    listed: bool  # its values, not a range: where they are few, each has a tick
    log: bool = False  # a range in which equal ratios count alike


@dataclass(frozen=True, slots=True)
class Mark:
    """One run of a sweep in a chart."""

    name: str
    kind: str  # a key of KINDS
    values: tuple[Any, ...]  # of the settings that are varied: numbers, or words
    accuracy: float  # the best so far, 0 to 1


def logarithmic(values: Sequence[Any]) -> bool:
    """Whether the axis of these values is logarithmic: positive numbers over at least a factor of ten."""
    return len(values) > 0 and all(map(is_number, values)) and min(values) > 0 and max(values) >= LOGARITHMIC_FROM * min(values)


def setting_figure(names: Sequence[str], values: Sequence[Any], accuracies: Sequence[float], title: str) -> dict[str, Any]:
    """A mark for each run: its best test accuracy (0 to 1) against its value of one setting; texts stand side by side."""
    marker = {"color": BLUE, "size": 9, "opacity": 0.75, "line": {"color": GRAY, "width": 1}}
    marks = _marks(names, _on_one_axis(values), accuracies, marker) | {"showlegend": False}
    return {"data": [marks], "layout": _against(values, title, _("Best test accuracy"), HEIGHT)}


def trials_figure(marks: Sequence[Mark], place: int, axis: Axis, quantity: str) -> dict[str, Any]:
    """The runs of a sweep against the setting at this `place` of their values; each kind has a symbol of its own."""
    values = [mark.values[place] for mark in marks]
    placed = list(zip(marks, _on_one_axis(values), strict=True))
    traces = []
    for kind, (words, symbol, color) in KINDS.items():
        if those := [(mark, value) for mark, value in placed if mark.kind == kind]:
            marker = {"color": color, "size": 10, "symbol": symbol, "line": {"color": color, "width": 2}}
            names, accuracies = [mark.name for mark, _ in those], [mark.accuracy for mark, _ in those]
            traces.append(_marks(names, [value for _, value in those], accuracies, marker) | {"name": translated(words)})
    layout = _against(values, axis.title, quantity, SMALL_HEIGHT, log=axis.log) | {"showlegend": len(traces) > 1}
    layout["xaxis"] |= _own_ticks(values, listed=axis.listed)
    return {"data": traces, "layout": layout}


def _own_ticks(values: Sequence[Any], *, listed: bool) -> dict[str, Any]:
    """A tick for each value where they are few, in the order in which they were given where they are words."""
    if not all(map(is_number, values)):
        return {"categoryorder": "array", "categoryarray": list(dict.fromkeys(map(str, values)))}
    few = sorted(set(values))
    return {"tickvals": few, "ticktext": [f"{value:.6g}" for value in few]} if listed and len(few) <= FEW else {}


def _on_one_axis(values: Sequence[Any]) -> list[Any]:
    """The values as numbers where all of them are, else as texts."""
    return list(values) if all(map(is_number, values)) else [str(value) for value in values]


def _marks(names: Sequence[str], values: Sequence[Any], accuracies: Sequence[float], marker: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": "scatter",
        "mode": "markers",
        "x": list(values),
        "y": [round(100 * accuracy, 3) for accuracy in accuracies],
        "text": [plain(name) for name in names],
        "marker": marker,
        "hovertemplate": f"%{{text}}<br>%{{x}}: {PERCENT}<extra></extra>",
    }


def _against(values: Sequence[Any], title: str, quantity: str, height: int, *, log: bool = False) -> dict[str, Any]:
    """The layout of a chart of accuracies against these values of a setting."""
    numbers = all(map(is_number, values))
    layout = base_layout(height, hovermode="closest", margin={"l": 8, "r": 12, "t": 8, "b": 8}, modebar=MODEBAR)
    layout["xaxis"] |= {"title": {"text": plain(title)}, "type": "linear" if numbers else "category"}
    if numbers and (log or logarithmic(values)):
        layout["xaxis"] |= {"type": "log", "dtick": "D2", "tickformat": "~g"}
    layout["yaxis"] |= {"title": {"text": quantity}} | PERCENT_TICKS
    return layout


def parallel_figure(axes: Sequence[tuple[str, Sequence[Any]]], accuracies: Sequence[float], quantity: str = "") -> dict[str, Any]:
    """An axis for each setting, the last one for the best accuracy (`quantity`), and a line for each run, coloured by its accuracy.

    Dragging along an axis keeps the lines that pass there.
    """
    shares, quantity = [round(100 * accuracy, 3) for accuracy in accuracies], quantity or _("Best accuracy")
    dimensions = [_dimension(title, values) for title, values in axes[:MOST_AXES]]
    dimensions.append({"label": f"{quantity}, %", "values": shares, "tickformat": ".1~f"})
    colours = [[0, ORANGE], [1, BLUE]]
    line = {"color": shares, "colorscale": colours, "showscale": len(set(shares)) > 1, "colorbar": {"ticksuffix": " %"}}
    layout = base_layout(HEIGHT, margin={"l": 70, "r": 30, "t": 50, "b": 24})
    return {"data": [{"type": "parcoords", "line": line, "dimensions": dimensions}], "layout": layout}


def _dimension(title: str, values: Sequence[Any]) -> dict[str, Any]:
    label = plain(title if len(title) <= _LABEL_LENGTH else f"{title[: _LABEL_LENGTH - 1]}…")
    numbers = all(map(is_number, values))
    if numbers and len(set(values)) > MOST_TICKS:
        if not logarithmic(values):
            return {"label": label, "values": list(values)}
        decades = range(floor(log10(min(values))), ceil(log10(max(values))) + 1)
        ticks = {"tickvals": list(decades), "ticktext": [f"{10.0**decade:.6g}" for decade in decades]}
        return {"label": label, "values": [log10(value) for value in values]} | ticks
    # Few values, or a factor of ten between them: evenly spaced, each with its own tick.
    order = sorted(set(values)) if numbers else list(dict.fromkeys(map(str, values)))
    places = {value: place for place, value in enumerate(order)}
    ticks = [f"{value:.6g}" if numbers else plain(str(value))[:_LABEL_LENGTH] for value in order]
    return {
        "label": label,
        "values": [places[value if numbers else str(value)] for value in values],
        "tickvals": list(range(len(order))),
        "ticktext": ticks,
        "range": [-0.2, max(0.2, len(order) - 0.8)],
    }
