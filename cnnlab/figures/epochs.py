"""A few accuracies against epochs, such as those of a measurement in a lesson."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from cnnlab.figures.theme import AXIS, PERCENT, base_layout
from cnnlab.i18n import _
from cnnlab.palette import COLORS

_DASHES = ("solid", "dash", "dot", "dashdot")
_MARKS = ("circle", "square", "diamond", "x")


def epochs_figure(series: Mapping[str, Sequence[float]]) -> dict[str, Any]:
    """A line for each named series of shares, one for each epoch from 1; lines differ in colour, dashes and marks."""
    lines = [
        {
            "type": "scatter",
            "name": name,
            "mode": "lines+markers",
            "x": list(range(1, len(shares) + 1)),
            "y": [round(100 * share, 2) for share in shares],
            "line": {"color": COLORS[place % len(COLORS)], "dash": _DASHES[place % len(_DASHES)]},
            "marker": {"symbol": _MARKS[place % len(_MARKS)], "size": 8},
            "hovertemplate": f"{_('epoch {number}').format(number='%{x}')}<br>{PERCENT}",
        }
        for place, (name, shares) in enumerate(series.items())
    ]
    layout = base_layout(
        height=300,
        xaxis=AXIS | {"title": {"text": _("epoch")}, "dtick": 1, "fixedrange": True},
        yaxis=AXIS | {"title": {"text": _("accuracy, %")}, "range": [0, 100], "dtick": 20, "fixedrange": True},
        legend={"orientation": "v", "y": 1.02, "yanchor": "bottom", "x": 0},
    )
    return {"data": lines, "layout": layout}
