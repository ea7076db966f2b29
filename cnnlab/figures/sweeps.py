"""Many runs in one chart: their accuracy against a setting, and all settings that differ as parallel coordinates."""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil, floor, log10
from typing import Any

from cnnlab.figures.runs import plain
from cnnlab.figures.theme import MODEBAR, PERCENT, PERCENT_TICKS, base_layout
from cnnlab.palette import BLUE, GRAY, ORANGE
from cnnlab.reports.comparison import is_number

HEIGHT = 340
LOGARITHMIC_FROM = 10.0  # a setting whose largest value is so many times the smallest has a logarithmic axis
MOST_AXES = 8  # of parallel coordinates
MOST_TICKS = 10  # of one axis
_LABEL_LENGTH = 18


def logarithmic(values: Sequence[Any]) -> bool:
    """Whether the axis of these values is logarithmic: positive numbers over at least a factor of ten."""
    return len(values) > 0 and all(map(is_number, values)) and min(values) > 0 and max(values) >= LOGARITHMIC_FROM * min(values)


def setting_figure(names: Sequence[str], values: Sequence[Any], accuracies: Sequence[float], title: str) -> dict[str, Any]:
    """A mark for each run: its best test accuracy (0 to 1) against its value of one setting; texts stand side by side."""
    numbers = all(map(is_number, values))
    shown = list(values) if numbers else [str(value) for value in values]
    layout = base_layout(HEIGHT, hovermode="closest", margin={"l": 8, "r": 12, "t": 8, "b": 8}, modebar=MODEBAR)
    layout["xaxis"] |= {"title": {"text": plain(title)}, "type": "linear" if numbers else "category"}
    if numbers and logarithmic(values):
        layout["xaxis"] |= {"type": "log", "dtick": "D2", "tickformat": "~g"}
    layout["yaxis"] |= {"title": {"text": "Best test accuracy"}} | PERCENT_TICKS
    marks = {
        "type": "scatter",
        "mode": "markers",
        "x": shown,
        "y": [round(100 * accuracy, 3) for accuracy in accuracies],
        "text": [plain(name) for name in names],
        "marker": {"color": BLUE, "size": 9, "opacity": 0.75, "line": {"color": GRAY, "width": 1}},
        "hovertemplate": f"%{{text}}<br>%{{x}}: {PERCENT}<extra></extra>",
        "showlegend": False,
    }
    return {"data": [marks], "layout": layout}


def parallel_figure(axes: Sequence[tuple[str, Sequence[Any]]], accuracies: Sequence[float]) -> dict[str, Any]:
    """An axis for each setting, the last one for the best test accuracy, and a line for each run, coloured by its accuracy.

    Dragging along an axis keeps the lines that pass there.
    """
    shares = [round(100 * accuracy, 3) for accuracy in accuracies]
    dimensions = [_dimension(title, values) for title, values in axes[:MOST_AXES]]
    dimensions.append({"label": "Best accuracy, %", "values": shares, "tickformat": ".1~f"})
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
