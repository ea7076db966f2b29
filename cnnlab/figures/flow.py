"""How long gradients and steps of the weights were in each layer, epoch by epoch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

from cnnlab.epoch_flow import EpochFlow
from cnnlab.figures.theme import AXIS, base_layout, logarithmic_ticks
from cnnlab.i18n import _
from cnnlab.palette import COLORS, GRAY

MOST_LINES = 6  # layers: as many as have colours of their own
DASHES = ("solid", "dash", "dot", "dashdot", "longdash", "longdashdot")
MARKERS = ("circle", "diamond", "square", "triangle-up", "cross", "x")
FEW = 6  # epochs, between which Plotly would draw ticks at halves
USUAL = 0.001  # a step of weights, as a share of their length, at which training usually goes well


def layers_drawn(paths: Sequence[str]) -> list[str]:
    """All layers, or of many the first, the last, and some evenly between them."""
    if len(paths) <= MOST_LINES:
        return list(paths)
    return [paths[round(place * (len(paths) - 1) / (MOST_LINES - 1))] for place in range(MOST_LINES)]


def flow_figure(every: Sequence[EpochFlow], quantity: Literal["gradient", "update"]) -> dict[str, Any]:
    """A line for each layer along the epochs, on a logarithmic axis; `every` has at least one epoch of training."""
    trained = [each for each in every if each.epoch]
    lines = []
    for number, path in enumerate(layers_drawn([layer.path for layer in trained[-1].layers])):
        values = [next((getattr(layer, quantity) for layer in each.layers if layer.path == path), None) for each in trained]
        lines.append(
            {
                "type": "scatter",
                "mode": "lines+markers",
                "name": path,
                "x": [each.epoch for each in trained],
                "y": [value or None for value in values],  # a logarithm has no 0
                "line": {"color": COLORS[number], "dash": DASHES[number]},
                "marker": {"symbol": MARKERS[number], "size": 6},
                "hovertemplate": _("epoch {epoch}: {value}").format(epoch="%{x}", value="%{y:.3g}"),
            }
        )
    drawn = [value for line in lines for value in line["y"] if value] + ([USUAL] if quantity == "update" else [])
    title = {"gradient": _("length of the gradient"), "update": _("step ÷ length of the weights")}[quantity]
    layout = base_layout(
        height=280,
        hovermode="x unified",
        xaxis=AXIS | {"title": {"text": _("epoch")}, "tickformat": ",d"} | ({"dtick": 1} if len(trained) <= FEW else {}),
        yaxis=AXIS | {"title": {"text": title}, "type": "log", "exponentformat": "power", "dtick": logarithmic_ticks(drawn)},
    )
    if quantity == "update":
        layout["shapes"] = [
            {"type": "line", "xref": "paper", "x0": 0, "x1": 1, "y0": USUAL, "y1": USUAL, "line": {"color": GRAY, "dash": "dot"}}
        ]
    return {"data": lines, "layout": layout}
