"""How often a network is right by how sure it is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from cnnlab.figures.theme import AXIS, PERCENT, base_layout
from cnnlab.i18n import _
from cnnlab.palette import BLUE, GRAY
from cnnlab.text import percent
from cnnlab.values import ConfidenceBin


def calibration_figure(bins: Sequence[ConfidenceBin]) -> dict[str, Any]:
    """A bar for each bin with images, as high as the share that is right; the dashed line is where confidence is as high."""
    shown = [each for each in bins if each.images]
    bars = {
        "type": "bar",
        "name": _("right"),
        "x": [50 * (each.low + each.high) for each in shown],
        "y": [100 * each.accuracy for each in shown],
        "width": [100 * (each.high - each.low) - 1 for each in shown],
        "text": [f"{each.images:,}" for each in shown],
        "textposition": "inside",
        "insidetextanchor": "start",  # at the foot, where the line is not
        "textangle": 0,
        "textfont": {"color": "#FFFFFF"},
        "constraintext": "none",
        "marker": {"color": BLUE},
        "customdata": [
            [_("{low} to {high}").format(low=percent(each.low, 0), high=percent(each.high, 0)), percent(each.confidence)]
            for each in shown
        ],
        "hovertemplate": _("{count} images of confidence {range}").format(count="%{text}", range="%{customdata[0]}")
        + "<br>"
        + _("confidence {confidence} on average, right {share}").format(confidence="%{customdata[1]}", share=PERCENT)
        + "<extra></extra>",
    }
    line = {
        "type": "scatter",
        "name": _("as sure as right"),
        "mode": "lines+markers",
        "x": [100 * each.confidence for each in shown],
        "y": [100 * each.confidence for each in shown],
        "line": {"color": GRAY, "dash": "dash"},
        "marker": {"color": GRAY, "size": 5},
        "hoverinfo": "skip",
    }
    layout = base_layout(
        height=250,
        margin={"l": 8, "r": 14, "t": 8, "b": 8},  # for half of the last tick
        bargap=0,
        xaxis=AXIS | {"title": {"text": _("confidence, %")}, "range": [0, 100], "dtick": 20, "fixedrange": True, "showgrid": False},
        yaxis=AXIS | {"title": {"text": _("right, %")}, "range": [0, 101], "dtick": 20, "fixedrange": True},
    )
    return {"data": [bars, line], "layout": layout}
