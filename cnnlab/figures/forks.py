"""Where a network's paths part and meet again, found in the rows of its layer table."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from cnnlab.layers import LayerRow

ENTER = -1  # among the feeds of a node: what flows into the fork
MOST_NODES = 24  # of a fork that is drawn; more cannot be read
_HELPING = frozenset({"normalisation", "activation", "dropout", "view"})


@dataclass(frozen=True, slots=True)
class Node:
    """A layer on a path, with the layers behind it that only change its values."""

    rows: tuple[LayerRow, ...]
    feeds: tuple[int, ...]  # places of nodes of the fork, or ENTER


@dataclass(frozen=True, slots=True)
class Fork:
    """All paths from where they part to the layer in which they meet, which is the last node."""

    nodes: tuple[Node, ...]
    times: int = 1  # so many of this form stand one behind the other

    @property
    def form(self) -> tuple[tuple[str, str, tuple[int, ...]], ...]:
        """What two forks that look alike have in common: kinds, windows and lines, not the numbers of channels."""
        return tuple((node.rows[0].kind, window(node.rows[0]), node.feeds) for node in self.nodes)

    def paths(self, most: int) -> tuple[tuple[Node, ...], ...]:
        """The ways through the fork without the node in which they meet, at most `most`; () stands for the input as it is."""
        found: list[tuple[Node, ...]] = []
        waiting: list[tuple[int, tuple[Node, ...]]] = [(len(self.nodes) - 1, ())]
        while waiting and len(found) < most:
            place, behind = waiting.pop()
            if place == ENTER:
                found.append(behind[:-1])
                continue
            node = self.nodes[place]
            waiting += [(source, (node, *behind)) for source in reversed(node.feeds)]
        return tuple(found)


def regions(rows: Sequence[LayerRow]) -> tuple[range, ...]:
    """The rows in runs that one output leads into and out of: a single row, or all paths from a fork to where they meet."""
    feeds = [row.feeds or (place - 1,) for place, row in enumerate(rows)]
    # The farthest back that any row from a place on reaches.
    back = len(rows)
    reached = [back := min(back, *feeds[place]) for place in reversed(range(len(rows)))][::-1]
    ends = [place + 1 for place in range(len(rows)) if place + 1 == len(rows) or reached[place + 1] >= place]
    found: list[range] = []
    for first, end in pairwise([0, *ends]):
        region = range(first, end)
        used = {source for place in region for source in feeds[place]}
        met = all(place in used for place in region[:-1])  # else an output is not used, or the table ends at a failure
        found += [region] if met else [range(place, place + 1) for place in region]
    return tuple(found)


def forks(rows: Sequence[LayerRow], parts: Iterable[range]) -> tuple[Fork, ...]:
    """The forks among these regions of a table's rows; those of one form that follow each other are one."""
    found: list[Fork] = []
    apart = False  # a working layer stands between the last fork and this one
    for region in parts:
        if len(region) == 1:
            apart = apart or rows[region.start].category not in _HELPING
            continue
        fork = Fork(tuple(_nodes(rows, region)))
        if len(fork.nodes) > MOST_NODES:
            continue
        if found and not apart and found[-1].form == fork.form:
            found[-1] = replace(found[-1], times=found[-1].times + 1)
        else:
            found.append(fork)
        apart = False
    return tuple(found)


def window(row: LayerRow) -> str:
    """The window of a layer as its settings name it: "3×3"; "" where it has none."""
    return next((part for part in row.settings.split(", ") if part.replace("×", "").isdigit() and "×" in part), "")


def _nodes(rows: Sequence[LayerRow], region: range) -> Iterator[Node]:
    readers = Counter(source for place in region for source in rows[place].feeds)
    made: list[Node] = []
    node_of: dict[int, int] = {}
    for place in region:
        row, sources = rows[place], rows[place].feeds
        before = node_of.get(sources[0])
        if row.category in _HELPING and len(sources) == 1 and before is not None and readers[sources[0]] == 1:
            made[before] = replace(made[before], rows=(*made[before].rows, row))
            node_of[place] = before
        else:
            node_of[place] = len(made)
            made.append(Node((row,), tuple(node_of.get(source, ENTER) for source in sources)))
    yield from made
