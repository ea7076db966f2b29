"""A layer table as a few stages to draw: blocks are folded, and a layer that only changes values joins the one before."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from cnnlab.layers import LayerRow, LayerTable
from cnnlab.palette import BLUE, GRAY, GREEN, ORANGE, PINK

Role = Literal["input", "convolution", "pooling", "dense", "other"]
ROLE_COLORS: dict[Role, str] = {"input": GRAY, "convolution": BLUE, "pooling": ORANGE, "dense": PINK, "other": GREEN}
_WORKING: tuple[Role, ...] = ("convolution", "dense", "pooling")  # the first of these among its layers is what a stage mostly does
MOST = 16  # more boxes than this do not fit side by side on a laptop's screen
FEWEST = 6  # fewer than this say too little, so blocks are opened


@dataclass(frozen=True, slots=True)
class Stage:
    """Neighbouring layers that are drawn as one box."""

    name: str  # path of its first layer or block
    role: Role  # what it mostly does
    layers: tuple[str, ...]  # its layers, in words
    output_shape: tuple[int, ...]
    parameters: int
    macs: int


def stages(table: LayerTable, most: int = MOST) -> tuple[Stage, ...]:
    """The input, then the network in at most `most` stages: a box per block, or per layer where there are few blocks."""
    best = _stages(table, opened=False)
    if len(best) - 1 < FEWEST and len(finer := _stages(table, opened=True)) - 1 <= most:
        best = finer
    while len(best) - 1 > most:
        best = best[:1] + _paired(best[1:])
    return best


def _stages(table: LayerTable, *, opened: bool) -> tuple[Stage, ...]:
    drawn = [Stage("input", "input", (), table.input_shape, 0, 0)]
    first = 0
    for block in table.fold(1).rows:
        members = table.rows[first : first + block.layers]
        first += block.layers
        categories = [row.category for row in members]
        # Branches stay in one box: drawn one after another they would look like a chain.
        chain = "join" not in categories
        # A block of several dense layers is always opened, because one of them often holds most parameters.
        apart = chain and (opened or categories.count("dense") > 1)
        for row, inside in [(row, (row,)) for row in members] if apart else [(block, members)]:
            stage = Stage(row.path, _role(inside), tuple(map(_words, inside)), row.output_shape, row.parameters, row.macs)
            size_before, size = drawn[-1].output_shape, row.output_shape
            if stage.role == "other" and (size == size_before or "view" in {row.category for row in inside}):
                drawn[-1] = _joined(drawn[-1], stage)
            else:
                drawn.append(stage)
    return tuple(drawn)


def _joined(first: Stage, second: Stage) -> Stage:
    return replace(
        first, layers=first.layers + second.layers, parameters=first.parameters + second.parameters, macs=first.macs + second.macs
    )


def _paired(single: tuple[Stage, ...]) -> tuple[Stage, ...]:
    pairs = (single[start : start + 2] for start in range(0, len(single), 2))
    return tuple(
        replace(_joined(*pair), name=pair[1].name, output_shape=pair[1].output_shape) if pair[1:] else pair[0] for pair in pairs
    )


def _role(members: tuple[LayerRow, ...]) -> Role:
    categories = {row.category.removeprefix("adaptive ") for row in members}
    return next((role for role in _WORKING if role in categories), "other")


def _words(row: LayerRow) -> str:
    return f"{row.kind} {row.settings}".strip()
