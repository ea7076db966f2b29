"""The number of images in each class."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from cnnlab.figures.theme import AXIS, base_layout
from cnnlab.palette import BLUE, ORANGE


def class_balance_figure(classes: Sequence[str], counts: Sequence[int], highlight: int | None = None) -> dict[str, Any]:
    """A bar per class, in the order of the labels; `highlight` is the class on show."""
    bars = {
        "type": "bar",
        "x": [f"{number}: {name}" if name != str(number) else name for number, name in enumerate(classes)],
        "y": list(counts),
        "text": [f"{count:,}" for count in counts],
        "textposition": "outside",
        "cliponaxis": False,
        "marker": {"color": [ORANGE if label == highlight else BLUE for label in range(len(classes))]},
        "hovertemplate": "%{x}<br>%{y:,} images<extra></extra>",
    }
    layout = base_layout(
        height=240,
        margin={"l": 8, "r": 8, "t": 22, "b": 8},
        bargap=0.3,
        # "0" to "9" are names here; Plotly would read them as numbers.
        xaxis={"type": "category", "automargin": True, "fixedrange": True},
        yaxis=AXIS | {"rangemode": "tozero", "fixedrange": True, "title": {"text": "images"}},
    )
    return {"data": [bars], "layout": layout}
