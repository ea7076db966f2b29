"""What a chart can show of a curve of thousands of points, in the same way for the report and the pages. Needs no torch."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from math import isfinite

POINTS = 500  # of a curve; more than a chart has pixels
POINTS_BESIDE_OTHERS = 300  # of each curve where several runs share a chart
_HUGE, _MANY_TIMES = 20.0, 5  # a loss above the one, and so many times the smallest, hides all others on a linear axis


def thin(values: Sequence[float], most: int = POINTS) -> list[int]:
    """Positions of at most `most` values: both ends, and of each part its smallest and largest, so that no spike is lost.

    A part with a value that is no finite number keeps one of those as well: the chart shows a gap there.
    """
    count = len(values)
    if count <= most:
        return list(range(count))
    parts = max(1, (most - 2) // (2 if all(map(isfinite, values)) else 3))
    keep = {0, count - 1}
    for part in range(parts):
        positions = range(part * count // parts, (part + 1) * count // parts)
        finite = [at for at in positions if isfinite(values[at])]
        if finite:
            keep |= {min(finite, key=values.__getitem__), max(finite, key=values.__getitem__)}
        if len(finite) < len(positions):
            keep.add(next(at for at in positions if not isfinite(values[at])))
    return sorted(keep)


def stretches(values: Sequence[float], positions: Sequence[int]) -> list[list[int]]:
    """`positions` split at values that are no finite numbers, and without them: what a line may join."""
    return [list(members) for finite, members in groupby(positions, key=lambda at: isfinite(values[at])) if finite]


def has_exploded(losses: Sequence[float]) -> bool:
    """Whether a linear axis would show one high loss and flatten all others."""
    return bool(losses) and max(losses) > max(_HUGE, _MANY_TIMES * min(losses))
