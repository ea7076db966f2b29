"""The curve of a learning-rate range test: loss against rate, with the suggested rate marked."""

from __future__ import annotations

from collections.abc import Sequence
from math import isfinite
from typing import Any

from cnnlab.figures.theme import FONT_SIZE, MODEBAR, base_layout, compact
from cnnlab.i18n import _
from cnnlab.palette import BLUE, GRAY, ORANGE

HEIGHT = 300
MARGIN = 0.15  # of the fall, above the first loss: what lies above is a loss that has left for good


def range_figure(rates: Sequence[float], losses: Sequence[float], suggested: float | None) -> dict[str, Any]:
    """The smoothed loss on a logarithmic axis of rates. The axis of losses ends a little above the first one."""
    layout = base_layout(HEIGHT, margin={"l": 8, "r": 16, "t": 12, "b": 8}, modebar=MODEBAR, showlegend=False)
    layout["xaxis"] |= {"title": {"text": _("Learning rate")}, "type": "log", "dtick": 1, "tickformat": "~g"}
    layout["yaxis"] |= {"title": {"text": _("Training loss, smoothed")}, "tickformat": "~g"}
    known = [loss for loss in losses if isfinite(loss)]
    if known:
        fall = max(known[0] - min(known), 0.02 * known[0])
        layout["yaxis"]["range"] = [compact(min(known) - MARGIN * fall), compact(known[0] + 2 * MARGIN * fall)]
    curve = {
        "type": "scatter",
        "mode": "lines",
        "x": [compact(rate) for rate in rates],
        "y": [compact(loss) for loss in losses],
        "line": {"color": BLUE, "width": 2},
        "hovertemplate": _("rate {rate}: loss {loss}").format(rate="%{x:.2~g}", loss="%{y:.3f}") + "<extra></extra>",
    }
    if suggested is None or not known:
        return {"data": [curve], "layout": layout}
    near = min(range(len(rates)), key=lambda place: abs(rates[place] - suggested))
    mark = {
        "type": "scatter",
        "mode": "markers+text",
        "text": [f"{suggested:g}"],
        "textposition": "bottom left",
        "textfont": {"size": FONT_SIZE},
        "x": [compact(suggested)],
        "y": [compact(losses[near])],
        "marker": {"color": ORANGE, "symbol": "diamond", "size": 12},
        "hovertemplate": _("suggested: {rate}").format(rate="%{x:.2~g}") + "<extra></extra>",
    }
    layout["shapes"] = [
        {
            "type": "line",
            "x0": suggested,
            "x1": suggested,
            "y0": 0,
            "y1": 1,
            "yref": "paper",
            "line": {"color": GRAY, "dash": "dot"},
        }
    ]
    return {"data": [curve, mark], "layout": layout}
