"""Several runs in one chart: their curves, and their accuracy against a cost."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from math import ceil, log10
from typing import Any

from cnnlab.figures.theme import LOSS, MODEBAR, PERCENT, PERCENT_TICKS, SMALL_FONT_SIZE, base_layout, compact
from cnnlab.i18n import _
from cnnlab.palette import COLORS, GRAY
from cnnlab.reports.comparison import Line, Point, pareto_front
from cnnlab.reports.svg import Along
from cnnlab.reports.thinning import POINTS_BESIDE_OTHERS, stretches, thin

MOST_LINES = 24  # each colour with each dash; more cannot be distinguished
HEIGHT = 340
LEGEND_ROW = 29  # pixels
SHORT = 24  # characters of a name that has room for another one in its row
DASHES = ("solid", "dash", "dot", "dashdot")
SYMBOLS = ("circle", "diamond", "square", "triangle-up", "star", "cross", "pentagon", "triangle-down")
NAME_LENGTH = 26  # characters beside a mark


def curves_figure(lines: Sequence[Line], title: str, along: Along, *, share: bool) -> dict[str, Any]:
    """The first MOST_LINES lines, one legend entry each; a line of several seeds has a band.

    `share` says that the values are accuracies.
    """
    number, scale = (PERCENT, 100) if share else (LOSS, 1)
    where = _("epoch {number}").format(number="%{x}") if along == "epochs" else "%{x:.0f} s"
    traces: list[dict[str, Any]] = []
    for place, line in enumerate(lines[:MOST_LINES]):
        color, dash = style(place)
        kept = thin(line.values, POINTS_BESIDE_OTHERS)
        alone = {stretch[0] for stretch in stretches(line.values, kept) if len(stretch) == 1}
        x = [compact(line.epochs[at] if along == "epochs" else line.seconds[at]) for at in kept]
        if line.folded:
            edges = ([compact(scale * line.low[at]) for at in kept], [compact(scale * line.high[at]) for at in kept])
            for y, fill in zip(edges, ("none", "tonexty"), strict=True):
                traces.append(
                    {
                        "type": "scatter",
                        "mode": "lines",
                        "x": x,
                        "y": y,
                        "fill": fill,
                        "fillcolor": _faint(color),
                        "line": {"width": 0},
                    }
                    | {"hoverinfo": "skip", "showlegend": False, "legendgroup": line.label}
                )
        traces.append(
            {
                "type": "scatter",
                "mode": "lines+markers" if len(kept) <= 30 or alone else "lines",
                "name": plain(line.label),
                "legendgroup": line.label,
                "x": x,
                "y": [compact(scale * line.values[at]) for at in kept],
                "line": {"color": color, "width": 2, "dash": dash},
                # No line leads to a value between two gaps, so it has a mark in a long curve too.
                "marker": {
                    "symbol": SYMBOLS[place % len(SYMBOLS)],
                    "size": 7 if len(kept) <= 30 else [7 * (at in alone) for at in kept],
                },
                # The name comes from the trace, because Plotly would read a name with %{…} in it as a template.
                "hovertemplate": f"%{{fullData.name}}<br>{where}: {number}<extra></extra>",
            }
        )
    layout = _layout()
    names = [line.label for line in lines[:MOST_LINES]]
    rows = len(names) if any(len(name) > SHORT for name in names) else ceil(len(names) / 2)
    layout["height"] = HEIGHT + LEGEND_ROW * max(0, rows - 2)  # the legend must not take the chart's place
    layout["uirevision"] = f"{title} {along}"
    layout["xaxis"] |= {"title": {"text": _("Epoch") if along == "epochs" else _("Seconds of training")}, "rangemode": "tozero"}
    layout["yaxis"] |= {"title": {"text": title}, **(PERCENT_TICKS if share else {"tickformat": "~g"})}
    if share:
        layout["yaxis"] |= {"minallowed": 0, "maxallowed": 100}  # for a flat curve Plotly would show -90 % to 110 %
    return {"data": traces, "layout": layout}


def cost_figure(candidates: Sequence[Point], cost: str, unit: str) -> dict[str, Any]:
    """Best test accuracy against a cost on a logarithmic axis; a line joins the Pareto front, whose points are named."""
    places = {point.label: place for place, point in enumerate(candidates)}
    # A logarithmic axis has no place for a cost of 0 (a network without parameters).
    known = [point for point in candidates if point.cost]
    front = pareto_front(known)
    on_front = {point.label for point in front}
    logs = [log10(point.cost) for point in known if point.cost]
    middle = (min(logs) + max(logs)) / 2 if logs else 0.0  # names stand on the side with room
    traces: list[dict[str, Any]] = [
        {
            "type": "scatter",
            "mode": "lines",
            "name": _("Best trade-offs"),
            "x": [point.cost for point in front],
            "y": [100 * point.accuracy for point in front],
            "line": {"color": GRAY, "width": 1.5, "dash": "dash", "shape": "hv"},
            "hoverinfo": "skip",
        }
    ]
    named: set[tuple[float | None, float]] = set()  # of several marks at one place only the first is named
    for point in known:
        place = places[point.label]
        name = _brief(point.label) if point.label in on_front and (point.cost, point.accuracy) not in named else ""
        named.add((point.cost, point.accuracy))
        traces.append(
            {
                "type": "scatter",
                "mode": "markers+text",
                "name": plain(point.label),
                "x": [point.cost],
                "y": [100 * point.accuracy],
                "error_y": {"array": [100 * point.spread], "visible": point.spread > 0, "color": GRAY, "thickness": 1},
                "marker": {
                    "color": style(place)[0] if place < MOST_LINES else GRAY,
                    "symbol": SYMBOLS[place % len(SYMBOLS)],
                    "size": 11 if point.label in on_front else 8,
                },
                "text": [plain(name)],
                "textposition": "bottom right" if log10(point.cost or 1) <= middle else "bottom left",
                "textfont": {"size": SMALL_FONT_SIZE},
                "showlegend": False,
                "hovertemplate": f"%{{fullData.name}}<br>%{{x:,.4~s}} {unit}, {PERCENT}<extra></extra>",
            }
        )
    layout = _layout()
    layout["xaxis"] |= {"title": {"text": cost}, "type": "log", "tickformat": "~s"}
    layout["yaxis"] |= {"title": {"text": _("Best test accuracy")}} | PERCENT_TICKS
    if known:
        # Room for the names, which Plotly does not count when it chooses the range.
        beside = max(0.15, (max(logs) - min(logs)) * 0.25)
        layout["xaxis"] |= {"range": [min(logs) - beside, max(logs) + beside]}
        layout["xaxis"]["dtick"] = "D2" if max(logs) - min(logs) > 0.5 else "D1"
        lowest, highest = (
            min(100 * (point.accuracy - point.spread) for point in known),
            max(100 * (point.accuracy + point.spread) for point in known),
        )
        room = max(2, (highest - lowest) * 0.2)
        layout["yaxis"] |= {"range": [lowest - room, highest + room / 2]}
    return {"data": traces, "layout": layout}


def style(place: int) -> tuple[str, str]:
    """Colour and dash of the line at this place. Both differ from its neighbours', so neither is needed alone.

    The first MOST_LINES places have each colour with each dash once: after twelve, the dashes move on by one.
    """
    return COLORS[place % len(COLORS)], DASHES[(place + place // 12) % len(DASHES)]


def plain(text: str) -> str:
    """A user's text for Plotly, which reads some HTML in names."""
    return escape(text, quote=False)


def _brief(label: str) -> str:
    return label if len(label) <= NAME_LENGTH else f"{label[: NAME_LENGTH - 1]}…"


def _layout() -> dict[str, Any]:
    layout = base_layout(HEIGHT, margin={"l": 8, "r": 12, "t": 8, "b": 8}, modebar=MODEBAR)
    layout["legend"] |= {"font": {"size": SMALL_FONT_SIZE}}
    layout["hovermode"] = "closest"
    return layout


def _faint(color: str) -> str:
    red, green, blue = (int(color[start : start + 2], 16) for start in (1, 3, 5))
    return f"rgba({red},{green},{blue},0.18)"
