"""A layer table as a few stages to draw: blocks are folded, and a layer that only changes values joins the one before."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Literal

from cnnlab.figures.forks import Fork, forks, regions
from cnnlab.layers import LayerRow, LayerTable

Role = Literal["input", "convolution", "pooling", "dense", "normalisation", "activation", "other"]  # the keys of palette.KINDS
_WORKING: tuple[Role, ...] = ("convolution", "dense", "pooling")  # the first of these among its layers is what a stage mostly does
_HELPING: tuple[Role, ...] = ("normalisation", "activation")
MOST = 16  # more boxes than this do not fit side by side on a laptop's screen
FEWEST = 6  # fewer than this say too little, so blocks are opened


@dataclass(frozen=True, slots=True)
class Stage:
    """Neighbouring layers that are drawn as one box."""

    name: str  # path of its first layer or block
    role: Role  # what it mostly does
    layers: tuple[str, ...]  # its layers, in words
    paths: frozenset[str]  # of its layers
    output_shape: tuple[int, ...]
    parameters: int
    macs: int
    rows: range  # places of its layers in the table
    forks: tuple[Fork, ...] = ()  # its parallel paths, in order


def stages(table: LayerTable, most: int = MOST) -> tuple[Stage, ...]:
    """The input, then the network in at most `most` stages: a box per block, or per layer where there are few blocks."""
    best = _stages(table, opened=False)
    if len(best) - 1 < FEWEST and len(finer := _stages(table, opened=True)) - 1 <= most:
        best = finer
    while len(best) - 1 > most:
        best = best[:1] + _paired(best[1:])
    parts = regions(table.rows)
    return tuple(replace(stage, forks=forks(table.rows, (part for part in parts if part.start in stage.rows))) for stage in best)


def _stages(table: LayerTable, *, opened: bool) -> tuple[Stage, ...]:
    drawn = [Stage("input", "input", (), frozenset(), table.input_shape, 0, 0, range(0))]
    for block, within in _blocks(table):
        members = table.rows[within.start : within.stop]
        categories = [row.category for row in members]
        # Branches stay in one box: drawn one after another they would look like a chain.
        chain = "join" not in categories
        # A block of several dense layers is always opened, because one of them often holds most parameters.
        apart = chain and (opened or categories.count("dense") > 1)
        for row, rows in [(table.rows[place], range(place, place + 1)) for place in within] if apart else [(block, within)]:
            inside = table.rows[rows.start : rows.stop]
            words, paths = tuple(map(_words, inside)), frozenset(layer.path for layer in inside)
            stage = Stage(row.path, role_of(inside), words, paths, row.output_shape, row.parameters, row.macs, rows)
            size_before, size = drawn[-1].output_shape, row.output_shape
            if stage.role not in _WORKING and (size == size_before or "view" in {row.category for row in inside}):
                drawn[-1] = _joined(drawn[-1], stage)
            else:
                drawn.append(stage)
    return tuple(drawn)


def _blocks(table: LayerTable) -> Iterator[tuple[LayerRow, range]]:
    """The blocks with the places of their rows; blocks that lie on parallel paths are one, from the fork to where they meet."""
    ends = {part.stop for part in regions(table.rows)}
    waiting: list[LayerRow] = []
    first = end = 0
    for block in table.fold(1).rows:
        waiting.append(block)
        end += block.layers
        if end in ends:
            sums = {"parameters": sum(row.parameters for row in waiting), "macs": sum(row.macs for row in waiting)}
            yield replace(block, **sums), range(first, end)
            waiting, first = [], end


def _joined(first: Stage, second: Stage) -> Stage:
    return replace(
        first,
        layers=first.layers + second.layers,
        paths=first.paths | second.paths,
        parameters=first.parameters + second.parameters,
        macs=first.macs + second.macs,
        rows=range(first.rows.start, second.rows.stop),
    )


def _paired(single: tuple[Stage, ...]) -> tuple[Stage, ...]:
    pairs = (single[start : start + 2] for start in range(0, len(single), 2))
    return tuple(_pair(*pair) if pair[1:] else pair[0] for pair in pairs)


def _pair(first: Stage, second: Stage) -> Stage:
    role = min(first.role, second.role, key=[*_WORKING, *_HELPING, "other"].index)
    return replace(_joined(first, second), name=second.name, role=role, output_shape=second.output_shape)


def role_of(rows: Iterable[LayerRow]) -> Role:
    """What these layers mostly do, as colours tell kinds apart."""
    categories = {row.category.removeprefix("adaptive ") for row in rows}
    return next((role for role in (*_WORKING, *_HELPING) if role in categories), "other")


def _words(row: LayerRow) -> str:
    return f"{row.kind} {row.settings}".strip()
