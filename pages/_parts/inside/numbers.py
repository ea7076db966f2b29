"""Values as a table of coloured cells, each with its number: in the cell where there is room, and beside the pointer."""

from __future__ import annotations

from collections.abc import Callable
from html import escape
from pathlib import Path

from cnnlab.i18n import _
from cnnlab.inside_values import Table
from cnnlab.palette import GROWING, SIGNED, rgb, shade

MOST_CELLS = 1_024  # more take a browser long, and are too small to point at
BRIGHT = 0.179  # the luminance at which black and white have the same contrast
_STYLE = Path(__file__).with_suffix(".css").read_text(encoding="utf-8")


def figure_text(value: float) -> str:
    """A value with three significant digits and a real minus sign: "0.123", "−12", "4.5e−5"."""
    return f"{value + 0.0:.3g}".replace("-", "−")  # the sum makes 0 of −0


def cells_html(
    values: Table, low: float, high: float, caption: str, *, written: bool = False, absent: Callable[[int, int], bool] | None = None
) -> str:
    """The table; with `written`, numbers stand in the cells. `absent` marks cells that are no values, such as padding."""
    scale, where = scale_of(low), _("row {row}, column {column}: {value}")
    rows = []
    for row, line in enumerate(values):
        cells = [
            _padding(row, column, written=written)
            if absent and absent(row, column)
            else _cell(
                where.format(row=row + 1, column=column + 1, value=figure_text(value)), value, shade(value, low, high, scale),
                written=written,
            )
            for column, value in enumerate(line)
        ]  # fmt: skip
        rows.append(f"<tr>{''.join(cells)}</tr>")
    kind = "cnn-cells cnn-written" if written else "cnn-cells"
    width = max((len(line) for line in values), default=1)
    return (
        f'<style>{_STYLE}</style><div class="cnn-wide" role="region" tabindex="0" aria-label="{escape(caption)}">'
        f'<table class="{kind}" style="--columns: {width}"><caption>{escape(caption)}</caption>'
        f"<tbody>{''.join(rows)}</tbody></table></div>"
    )


def legend_html(low: float, high: float, what: str) -> str:
    """The colour scale with its ends, and 0 in the middle of one with two signs."""
    colours = ", ".join(scale_of(low))
    text = _("Colours from {low} to {high}").format(low=figure_text(low), high=figure_text(high)) + _(": ") + what
    middle = f"<span>{figure_text((low + high) / 2)}</span>"
    return (
        f'<style>{_STYLE}</style><div class="cnn-scale" role="img" aria-label="{escape(text)}">'
        f'<div style="background: linear-gradient(to right, {colours})"></div>'
        f"<p><span>{figure_text(low)}</span>{middle}<span>{figure_text(high)}</span></p><small>{escape(what)}</small></div>"
    )


def bars_html(counts: tuple[int, ...], low: float, high: float, *, within: tuple[float, float] | None = None) -> str:
    """A histogram: how many values lie in each of equal steps. The square root of the counts, so that small bars are seen.

    `within` are the ends of a longer axis on which it stands, so that several can be compared.
    """
    first, last = within or (low, high)
    whole = last - first or 1.0
    left, wide = 100 * (low - first) / whole, max(1.0, 100 * (high - low) / whole)
    most, step, hover = max(counts), (high - low) / len(counts), escape(_("{low} to {high}: {count:,} values"))
    edges = [figure_text(low + place * step) for place in range(len(counts) + 1)]
    bars = "".join(
        f'<i style="--height: {100 * (count / most) ** 0.5:.1f}%" title="{hover.format(low=first, high=last, count=count)}"></i>'
        for count, first, last in zip(counts, edges, edges[1:], strict=False)
    )
    largest = counts.index(most)
    text = _("Histogram. Most values, {count:,}, lie from {low} to {high}.").format(
        count=most, low=edges[largest], high=edges[largest + 1]
    )
    return (
        f'<style>{_STYLE}</style><div class="cnn-axis"><div class="cnn-bars" role="img" aria-label="{escape(text)}" '
        f'style="margin-left: {min(left, 99.0):.2f}%; width: {wide:.2f}%">{bars}</div></div>'
        f'<p class="cnn-ends"><span>{figure_text(first)}</span><span>{figure_text(last)}</span></p>'
    )


def scale_of(low: float) -> tuple[str, ...]:
    """The colours of a scale that begins at `low`."""
    return SIGNED if low < 0 else GROWING


def ends_of(values: Table) -> tuple[float, float]:
    """From 0, or the same on both sides of it where a value is negative."""
    every = [value for line in values for value in line] or [0.0]
    low, high = min(every), max(every)
    return (0.0, high) if low >= 0 else (-max(-low, high), max(-low, high))


def _cell(where: str, value: float, ground: str, *, written: bool) -> str:
    figure = figure_text(value) if written else ""
    return f'<td style="background: {ground}; color: {ink(ground)}" title="{escape(where)}">{figure}</td>'


def ink(ground: str) -> str:
    """Black or white, whichever has the more contrast, which is then at least 4.5, by the rule of WCAG 2."""
    linear = [
        value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4 for value in (part / 255 for part in rgb(ground))
    ]
    return "#000000" if 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2] > BRIGHT else "#ffffff"


def _padding(row: int, column: int, *, written: bool) -> str:
    text = _("pad") if written else ""
    where = _("row {row}, column {column}: padding").format(row=row + 1, column=column + 1)
    return f'<td class="cnn-absent" title="{escape(where)}">{escape(text)}</td>'
