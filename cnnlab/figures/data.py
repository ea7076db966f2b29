"""The number of images in each class."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import Any

from cnnlab.figures.theme import base_layout
from cnnlab.i18n import _
from cnnlab.palette import BLUE, ORANGE


def class_balance_figure(classes: Sequence[str], counts: Sequence[int], highlight: int | None = None) -> dict[str, Any]:
    """A thin bar for each class, in the order of the labels from above; `highlight` is the class on show."""
    bars = {
        "type": "bar",
        "orientation": "h",
        "x": list(counts),
        # Plotly reads names as HTML.
        "y": [escape(f"{number}: {name}" if name != str(number) else name, quote=False) for number, name in enumerate(classes)],
        "text": [f"{count:,}" for count in counts],
        "textposition": "outside",
        "cliponaxis": False,
        "constraintext": "none",  # else the figures shrink to the bars
        "marker": {"color": [ORANGE if label == highlight else BLUE for label in range(len(classes))]},
        "hovertemplate": f"%{{y}}<br>{_('{count} images').format(count='%{x:,}')}<extra></extra>",
    }
    layout = base_layout(
        height=12 + 19 * len(classes),
        margin={"l": 8, "r": 48, "t": 2, "b": 2},  # the counts stand outside of the bars
        bargap=0.45,
        xaxis={"visible": False, "rangemode": "tozero", "fixedrange": True},
        # "0" to "9" are names here; Plotly would read them as numbers.
        yaxis={"type": "category", "automargin": True, "fixedrange": True, "autorange": "reversed", "dtick": 1},
    )
    return {"data": [bars], "layout": layout}
