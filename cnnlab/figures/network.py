"""The network as a row of boxes, and the shares of its stages in parameters and work."""

from __future__ import annotations

from math import sqrt
from typing import Any

from cnnlab.figures.stages import ROLE_COLORS, Role, Stage, stages
from cnnlab.figures.theme import FONT_SIZE, SMALL_FONT_SIZE, base_layout
from cnnlab.layers import LayerTable
from cnnlab.text import shape_text

DRAWING_RULE = (
    "Height and width of a box grow with the square root of the pixels, its thickness with the square root of the channels. "
    "A dense layer has no pixels: its bar's height grows with the square root of its units. "
    "Sizes can be compared within a drawing, not between drawings."
)

# The drawing is laid out in pixels of a page 1000 wide; the browser stretches it.
_TALLEST = 130.0
_SLANT_X, _SLANT_Y = 0.42, 0.26  # how far the depth axis runs to the right and up
_BAR_WIDTH = 9.0
_GAP = 16.0
_CHARACTER = 7.2  # width of a label's character
_Point = tuple[float, float]


def network_figure(table: LayerTable) -> dict[str, Any]:
    """Boxes from input to output; hovering shows the exact shape and the layers inside. `DRAWING_RULE` is the scale in words."""
    boxes = stages(table)
    scale = _Scale(boxes)
    traces: list[dict[str, Any]] = []
    annotations: list[dict[str, Any]] = []
    shown: set[Role] = set()
    left = 0.0
    for stage in boxes:
        thick, high, wide = scale.size(stage)
        label = _label(stage)
        slot = max(thick + wide * _SLANT_X, _CHARACTER * max(map(len, label)))
        x = left + (slot - thick - wide * _SLANT_X) / 2
        traces += _box(stage, x, thick, high, wide, legend=stage.role not in shown)
        shown.add(stage.role)
        annotations.append(_text(left + slot / 2, label))
        left += slot + _GAP
    axis = {"visible": False, "fixedrange": True}
    layout = base_layout(
        height=300,
        hovermode="closest",
        xaxis=axis | {"range": [-6, left - _GAP + 6]},
        yaxis=axis | {"range": [-52, _TALLEST * (1 + _SLANT_Y) + 6]},
        annotations=annotations,
    )
    return {"data": traces, "layout": layout}


def distribution_figure(table: LayerTable) -> dict[str, Any]:
    """Two bars per stage: its share of the parameters on the left, of the multiply-accumulates on the right."""
    drawn = stages(table)[1:]
    names = [stage.name for stage in drawn]
    panels = (
        ("parameters", "x", [s.parameters for s in drawn], table.parameters),
        ("MACs", "x2", [s.macs for s in drawn], table.macs),
    )
    traces: list[dict[str, Any]] = []
    for unit, axis, counts, total in panels:
        shares = [100 * count / total if total else 0 for count in counts]
        traces.append(
            {
                "type": "bar", "orientation": "h", "y": names, "x": shares, "xaxis": axis, "showlegend": False,
                "marker": {"color": [ROLE_COLORS[s.role] for s in drawn]},
                "text": [f"{share:.1f} %" if share else "0" for share in shares], "textposition": "outside", "cliponaxis": False,
                "customdata": [[stage.role, f"{count:,}"] for stage, count in zip(drawn, counts, strict=True)],
                "hovertemplate": f"%{{y}} (%{{customdata[0]}})<br>%{{customdata[1]}} {unit}, %{{x:.2f}} %<extra></extra>",
            }
        )  # fmt: skip
    axis = {"range": [0, 118], "showticklabels": False, "showgrid": False, "zeroline": False, "fixedrange": True}
    titles = (("parameters", 0.0), ("multiply-accumulates (work for one image)", 0.52))
    layout = base_layout(
        height=70 + 26 * len(drawn),
        margin={"l": 8, "r": 8, "t": 34, "b": 8},
        bargap=0.25,
        xaxis=axis | {"domain": [0, 0.48]},
        xaxis2=axis | {"domain": [0.52, 1], "anchor": "y"},
        yaxis={"autorange": "reversed", "automargin": True, "fixedrange": True},
        annotations=[
            {
                "text": f"Share of the {title}",
                "x": x,
                "xref": "paper",
                "y": 1,
                "yref": "paper",
                "yanchor": "bottom",
                "xanchor": "left",
            }
            | {"showarrow": False, "font": {"size": FONT_SIZE}}
            for title, x in titles
        ],
    )
    return {"data": traces, "layout": layout}


def distribution_sentence(table: LayerTable) -> str:
    """Where the parameters sit, in words."""
    if table.parameters == 0:
        return "This network has no parameters."
    parts = {"convolutions": "convolution", "dense layers": "dense"}
    work = {part: sum(row.macs for row in table.rows if row.category == category) for part, category in parts.items()}
    if table.convolution_parameters == 0:
        return "All of its weights sit in dense layers: it has no convolution, so it does not know which pixels are neighbours."
    dense, convolution = (part / table.parameters for part in (table.dense_parameters, table.convolution_parameters))
    sentence = f"{_percent(dense)} of its parameters sit in dense layers, {_percent(convolution)} in convolutions"
    if dense == 0:
        sentence = "It has no dense layer: its parameters sit in convolutions"
    if table.macs:
        busiest = max(work, key=lambda part: work[part])
        sentence += f"; {_percent(work[busiest] / table.macs)} of the work for an image (its MACs) is done by {busiest}"
    return f"{sentence[0].upper()}{sentence[1:]}."


class _Scale:
    def __init__(self, drawn: tuple[Stage, ...]) -> None:
        volumes = [stage.output_shape for stage in drawn if len(stage.output_shape) == 3]
        self.side = _TALLEST / sqrt(max((max(shape[1:]) for shape in volumes), default=1))
        self.channel = 46 / sqrt(max((shape[0] for shape in volumes), default=1))
        self.unit = _TALLEST / sqrt(max((shape[0] for stage in drawn if len(shape := stage.output_shape) == 1), default=1))

    def size(self, stage: Stage) -> tuple[float, float, float]:
        """Thickness (channels), height and width of the box in pixels, never too small to see."""
        shape = stage.output_shape
        if len(shape) != 3:
            return _BAR_WIDTH, max(6.0, self.unit * sqrt(shape[0])), 6.0
        channels, height, width = shape
        return max(4.0, self.channel * sqrt(channels)), max(6.0, self.side * sqrt(height)), max(6.0, self.side * sqrt(width))


def _box(stage: Stage, x: float, thick: float, high: float, wide: float, *, legend: bool) -> list[dict[str, Any]]:
    dx, dy = wide * _SLANT_X, wide * _SLANT_Y
    front: list[_Point] = [(x, 0), (x + thick, 0), (x + thick, high), (x, high)]
    top: list[_Point] = [(x, high), (x + thick, high), (x + thick + dx, high + dy), (x + dx, high + dy)]
    side: list[_Point] = [(x + thick, 0), (x + thick + dx, dy), (x + thick + dx, high + dy), (x + thick, high)]
    color = ROLE_COLORS[stage.role]
    return [
        {
            "type": "scatter", "mode": "lines", "fill": "toself", "hoveron": "fills", "hoverinfo": "text", "text": _hover(stage),
            "x": [point[0] for point in (*face, face[0])], "y": [point[1] for point in (*face, face[0])],
            "fillcolor": _shade(color, factor), "line": {"color": _shade(color, 0.62), "width": 1},
            "legendgroup": stage.role, "name": stage.role if stage.role != "input" else "input image",
            "showlegend": legend and face is front,
        }
        for face, factor in ((front, 1.0), (top, 1.22), (side, 0.8))
    ]  # fmt: skip


def _label(stage: Stage) -> tuple[str, ...]:
    """Name, channels, and height × width, one below the other and short."""
    channels, *pixels = stage.output_shape
    name = stage.name.rsplit(".", 1)[-1] if len(stage.name) > 12 else stage.name
    return (name[:12], str(channels), shape_text(pixels) if pixels else "units")


def _text(x: float, label: tuple[str, ...]) -> dict[str, Any]:
    name, *shape = label
    text = "<br>".join((f"<b>{name}</b>", *shape))
    return {"x": x, "y": -6, "yanchor": "top", "text": text, "showarrow": False, "font": {"size": SMALL_FONT_SIZE}}


def _hover(stage: Stage) -> str:
    inside = list(stage.layers[:8]) + ([f"… and {len(stage.layers) - 8} more"] if len(stage.layers) > 8 else [])
    lines = [f"<b>{stage.name}</b>: {shape_text(stage.output_shape, spaced=True)}", *inside]
    if stage.role != "input":
        lines.append(f"{stage.parameters:,} parameters, {stage.macs:,} MACs")
    return "<br>".join(lines)


def _shade(color: str, factor: float) -> str:
    red, green, blue = (min(255, round(int(color[start : start + 2], 16) * factor)) for start in (1, 3, 5))
    return f"rgb({red},{green},{blue})"


def _percent(share: float) -> str:
    if 0.995 <= share < 1:
        return "more than 99 %"
    if 0 < share < 0.005:
        return "less than 1 %"
    return f"{share * 100:.0f} %"
