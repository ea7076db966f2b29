"""The layout that all figures share, readable on light and on dark pages."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from cnnlab.palette import BLUE, GRAY

FONT_SIZE = 13
SMALL_FONT_SIZE = 12
# A value in a hover. Plotly formats percentages without a space before the sign, so accuracies are drawn from 0 to 100.
LOSS, PERCENT = "%{y:.4f}", "%{y:.1f} %"
PERCENT_TICKS = {"tickformat": ".1~f", "ticksuffix": " %"}
# Grays for white and dark backgrounds; Plotly's own are for white.
AXIS: dict[str, Any] = {"gridcolor": "rgba(138,143,152,0.25)", "zerolinecolor": "rgba(138,143,152,0.5)", "automargin": True}


# Plotly's tools: upright and transparent, so that they hide no legend.
MODEBAR = {"orientation": "v", "bgcolor": "rgba(0,0,0,0)", "color": GRAY, "activecolor": BLUE}


def base_layout(height: int, **changes: Any) -> dict[str, Any]:
    """A Plotly layout with a transparent background and thin grey lines; `changes` replace its top-level keys.

    Text has no colour here: Streamlit's theme decides it.
    """
    return {
        "height": height,
        "margin": {"l": 8, "r": 8, "t": 8, "b": 8},
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "font": {"size": FONT_SIZE},
        "hoverlabel": {"font": {"size": FONT_SIZE}},
        "legend": {"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0},
        "xaxis": dict(AXIS),
        "yaxis": dict(AXIS),
    } | changes


def compact(value: float) -> float | None:
    """The value as figures carry it: five digits are finer than a pixel and halve the message, and JSON has no NaN."""
    return float(f"{value:.5g}") if math.isfinite(value) else None


def logarithmic_ticks(values: Sequence[float]) -> str | int:
    """Plotly's `dtick` of a logarithmic axis: decades, or 1, 2, 5 of each, or even steps where there is less than a decade."""
    low, high = min(values, default=0.1), max(values, default=1.0)
    if high > 1_000 * low:
        return 1
    if high >= 10 * low or high == low:
        return "D2"
    rough = (high - low) / 5
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(step for step in (1, 2, 5, 10) if step * power >= rough)
    return f"L{step * power:.3g}"
