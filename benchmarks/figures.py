"""Figures: measuring in turns, summarising many measurements, and writing them in a table.

A figure is a plain dict, so that a record is JSON: unit, n, median, low and high (the smallest and the largest, which is the
spread everywhere), and p95 where there are enough measurements.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

Figure = dict[str, Any]
ENOUGH_FOR_P95 = 20  # with fewer, the 95th percentile is the largest value


def figure(values: Iterable[float], unit: str) -> Figure:
    """Summarises `values`, all in `unit`. Raises ValueError if there are none."""
    ordered = sorted(values)
    if not ordered:
        raise ValueError("A figure needs at least one measurement.")
    summary: Figure = {
        "unit": unit,
        "n": len(ordered),
        "median": statistics.median(ordered),
        "low": ordered[0],
        "high": ordered[-1],
    }
    if len(ordered) >= ENOUGH_FOR_P95:
        summary["p95"] = statistics.quantiles(ordered, n=20, method="inclusive")[-1]
    return summary


def in_turns(contestants: Mapping[str, Callable[[], float]], rounds: int) -> dict[str, list[float]]:
    """Measures A B C A B C …, so that other load on the machine affects all alike. Each contestant returns its own figure."""
    taken: dict[str, list[float]] = {name: [] for name in contestants}
    for _ in range(rounds):
        for name, measure in contestants.items():
            taken[name].append(measure())
    return taken


def seconds(job: Callable[[], object]) -> float:
    """Wall-clock seconds of `job`."""
    began = time.perf_counter()
    job()
    return time.perf_counter() - began


def number(value: float) -> str:
    """Three digits: 12,345 · 123 · 12.3 · 1.23 · 0.0123."""
    for least, digits in ((100, 0), (10, 1), (1, 2)):
        if abs(value) >= least:
            return f"{value:,.{digits}f}"
    return f"{value:.3g}"


def with_unit(value: float, unit: str) -> str:
    """`12.3 ms`, `4.5 %`, `3.78×`."""
    return f"{number(value)}{unit if unit == '×' else ' ' + unit}"


def text(one: Figure) -> str:
    """`12.3 ms (11.9–14.0, n = 5)`; `12.3 ms (n = 1)` for a single measurement."""
    middle = with_unit(one["median"], one["unit"])
    return middle + (" (n = 1)" if one["n"] == 1 else f" ({number(one['low'])}–{number(one['high'])}, n = {one['n']})")


def times(slower: Figure, faster: Figure) -> float:
    """The ratio of the medians."""
    return slower["median"] / faster["median"]


def table(titles: Sequence[str], rows: Iterable[Sequence[str]], left: int = 1) -> str:
    """A Markdown table; the first `left` columns are text, the others figures."""
    lines = ["| " + " | ".join(titles) + " |", "|---" * left + "|---:" * (len(titles) - left) + "|"]
    return "\n".join(lines + ["| " + " | ".join(row) + " |" for row in rows]) + "\n"
