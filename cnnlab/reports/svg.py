"""Charts of a report as plain SVG: 20 KB for eight curves, where a chart with zoom would need 4.6 MB of script."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from functools import partial
from html import escape
from math import ceil, floor, isfinite, log10, nan
from typing import Literal

from cnnlab.i18n import _
from cnnlab.palette import COLORS, GRAY
from cnnlab.reports.comparison import Line, Point, pareto_front, trade_offs
from cnnlab.reports.thinning import POINTS_BESIDE_OTHERS, stretches, thin
from cnnlab.text import percent

Along = Literal["epochs", "seconds"]
Style = tuple[str, str]  # a colour, and a dash

DASHES = ("", "7 4", "2 3", "9 3 2 3")
WIDTH, HEIGHT = 900.0, 320.0
LEFT, RIGHT, TOP, BOTTOM = 64.0, 16.0, 12.0, 40.0


class _Axis:
    """Maps values to pixels, linearly or by logarithm, with round numbers for ticks."""

    def __init__(self, low: float, high: float, start: float, end: float, *, log: bool = False) -> None:
        self.log = log
        low, high = (log10(low), log10(high)) if log else (low, high)
        self._first, self._last = low, high
        margin = (high - low) * 0.04 or abs(high) * 0.05 or 0.5
        self._low, self._high, self._start, self._end = low - margin, high + margin, start, end

    def at(self, value: float) -> float:
        value = log10(value) if self.log else value
        return self._start + (value - self._low) / (self._high - self._low) * (self._end - self._start)

    def ticks(self) -> list[float]:
        if self.log:
            decades = range(floor(self._low), ceil(self._high) + 1)
            factors = (1, 2, 5) if self._high - self._low < 3 else (1,)
            values = [factor * 10.0**decade for decade in decades for factor in factors]
            inside = [value for value in values if self._low <= log10(value) <= self._high]
            # A short axis may have no round number; then its ends are the ticks.
            return inside if len(inside) > 1 else [10**self._first, *([10**self._last] if self._last > self._first else [])]
        rough = (self._high - self._low) / 6
        unit = 10.0 ** floor(log10(rough))
        step = next(factor * unit for factor in (1, 2, 5, 10) if factor * unit >= rough)
        return [round(number * step, 12) for number in range(ceil(self._low / step), floor(self._high / step) + 1)]


def curves_chart(lines: Sequence[Line], title: str, *, share: bool) -> str:
    """All lines against epochs, with a legend; a line of several seeds has a band of one standard deviation."""
    body = curves_body(lines, share=share)
    if not body:
        return f"<p>{_('No value is a finite number.')}</p>"
    return _svg(body, _("{quantity} against epochs").format(quantity=title)) + _legend([line.label for line in lines])


def curves_body(
    lines: Sequence[Line], *, share: bool, along: Along = "epochs", logarithmic: bool = False, styles: Sequence[Style] = ()
) -> str:
    """Axes and lines within WIDTH × HEIGHT; "" where no value can be drawn. `styles` replaces the colours and dashes."""
    shown = [_positive(line) for line in lines] if logarithmic else lines
    finite = [value for line in shown for value in (*line.low, *line.high) if isfinite(value)]
    if not finite:
        return ""
    x = _Axis(0, max(getattr(line, along)[-1] for line in shown), LEFT, WIDTH - RIGHT)
    y = _Axis(min(finite), max(finite), HEIGHT - BOTTOM, TOP, log=logarithmic)
    x_title = _("epoch") if along == "epochs" else _("seconds of training")
    body = [_frame(x, y, x_title, partial(percent, decimals=None) if share else _number)]
    for place, line in enumerate(shown):
        color, dash = styles[place] if styles else style_of(place)
        across = getattr(line, along)
        for stretch in stretches(line.values, thin(line.values, POINTS_BESIDE_OTHERS)):
            if line.folded:
                low, high = ([(across[at], edge[at]) for at in stretch] for edge in (line.low, line.high))
                body.append(f'<polygon points="{_places(x, y, low + high[::-1])}" fill="{color}" opacity="0.18"/>')
            points = _places(x, y, [(across[at], line.values[at]) for at in stretch])
            if len(stretch) == 1:  # a line of one point cannot be seen
                left, top = points.split(",")
                body.append(f'<circle cx="{left}" cy="{top}" r="4" fill="{color}"/>')
            else:
                style = f'fill="none" stroke="{color}" stroke-width="2" stroke-dasharray="{dash}"'
                body.append(f'<polyline points="{points}" {style}/>')
    return "".join(body)


def _positive(line: Line) -> Line:
    """The line with gaps where a logarithmic axis has no place; a band ends at the line there."""
    values = tuple(value if value > 0 else nan for value in line.values)
    low = tuple(edge if edge > 0 else value for edge, value in zip(line.low, values, strict=True))
    high = tuple(edge if edge > 0 else value for edge, value in zip(line.high, values, strict=True))
    return replace(line, values=values, low=low, high=high)


def cost_chart(candidates: Sequence[Point], unit: str) -> str:
    """Best test accuracy against a cost on a logarithmic axis; the Pareto front is drawn, and its points are named below."""
    known = [point for point in candidates if point.cost]
    x = _Axis(min(point.cost or 1 for point in known), max(point.cost or 1 for point in known), LEFT, WIDTH - RIGHT, log=True)
    lowest, highest = min(point.accuracy - point.spread for point in known), max(point.accuracy + point.spread for point in known)
    y = _Axis(lowest, highest, HEIGHT - BOTTOM, TOP)
    front = pareto_front(known)
    steps: list[tuple[float, float]] = []
    for point in front:
        if steps:
            steps.append((point.cost or 1, steps[-1][1]))
        steps.append((point.cost or 1, point.accuracy))
    body = [_frame(x, y, unit, partial(percent, decimals=None))]
    body.append(
        f'<polyline points="{_places(x, y, steps)}" fill="none" stroke="{GRAY}" stroke-width="1.5" stroke-dasharray="5 4"/>'
    )
    for place, point in enumerate(candidates):
        if not point.cost:
            continue
        left, top = x.at(point.cost), y.at(point.accuracy)
        if point.spread:
            ends = y.at(point.accuracy - point.spread), y.at(point.accuracy + point.spread)
            body.append(f'<line x1="{left:.1f}" x2="{left:.1f}" y1="{ends[0]:.1f}" y2="{ends[1]:.1f}" stroke="{GRAY}"/>')
        text = _("{name}: {cost:,.0f} {unit}, {accuracy}")
        name = escape(text.format(name=point.label, cost=point.cost, unit=unit, accuracy=percent(point.accuracy)))
        mark = f'<circle cx="{left:.1f}" cy="{top:.1f}" r="6" fill="{style_of(place)[0]}"><title>{name}</title></circle>'
        body.append(mark + f'<text x="{left + 9:.1f}" y="{top + 4:.1f}">{place + 1}</text>')
    legend = _legend([f"{place + 1}: {point.label}" for place, point in enumerate(candidates)])
    return (
        _svg(body, _("Best test accuracy against {cost}").format(cost=unit))
        + legend
        + f"<p>{trade_offs([escape(point.label) for point in front])}</p>"
    )


def _frame(x: _Axis, y: _Axis, x_title: str, words: Callable[[float], str]) -> str:
    parts = []
    for value in y.ticks():
        top = y.at(value)
        parts.append(f'<line x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{top:.1f}" y2="{top:.1f}" stroke="{GRAY}" opacity="0.35"/>')
        parts.append(f'<text x="{LEFT - 8}" y="{top + 4:.1f}" text-anchor="end">{words(value)}</text>')
    for value in x.ticks():
        if x.log or value >= 0:
            parts.append(f'<text x="{x.at(value):.1f}" y="{HEIGHT - BOTTOM + 18}" text-anchor="middle">{_number(value)}</text>')
    middle = (LEFT + WIDTH - RIGHT) / 2
    parts.append(f'<text x="{middle}" y="{HEIGHT - 4}" text-anchor="middle">{escape(x_title)}</text>')
    return "".join(parts)


def _svg(body: Iterable[str], title: str) -> str:
    return f'<svg viewBox="0 0 {WIDTH:g} {HEIGHT:g}" role="img" aria-label="{escape(title)}">{"".join(body)}</svg>'


def _legend(labels: Sequence[str]) -> str:
    entries = []
    for place, label in enumerate(labels):
        color, dash = style_of(place)
        line = f'<line x1="0" x2="34" y1="5" y2="5" stroke="{color}" stroke-width="3" stroke-dasharray="{dash}"/>'
        entries.append(f'<li><svg viewBox="0 0 34 10" aria-hidden="true">{line}</svg><bdi>{escape(label)}</bdi></li>')
    return f"<ul class=legend>{''.join(entries)}</ul>"


def _places(x: _Axis, y: _Axis, values: Iterable[tuple[float, float]]) -> str:
    return " ".join(f"{x.at(across):.1f},{y.at(up):.1f}" for across, up in values)


def style_of(place: int) -> Style:
    """The colour and the dash of a line, as on the page."""
    return COLORS[place % len(COLORS)], DASHES[(place + place // 12) % len(DASHES)]


def _number(value: float) -> str:
    for size, unit in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if value >= size:
            return f"{value / size:.4g} {unit}"
    return f"{value:.4g}"
