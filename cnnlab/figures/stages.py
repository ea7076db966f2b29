"""A layer table as a few stages to draw: blocks are folded, and a layer that only changes values joins the one before."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Literal

from cnnlab.architectures.own import Network
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


def stages(table: LayerTable, most: int = MOST) -> tuple[Stage, ...]:
    """The input, then the network in at most `most` stages: a box per block, or per layer where there are few blocks."""
    best = _stages(table, opened=False)
    if len(best) - 1 < FEWEST and len(finer := _stages(table, opened=True)) - 1 <= most:
        best = finer
    while len(best) - 1 > most:
        best = best[:1] + _paired(best[1:])
    return best


def _stages(table: LayerTable, *, opened: bool) -> tuple[Stage, ...]:
    drawn = [Stage("input", "input", (), frozenset(), table.input_shape, 0, 0)]
    for block, members in _blocks(table):
        categories = [row.category for row in members]
        # Branches stay in one box: drawn one after another they would look like a chain.
        chain = "join" not in categories
        # A block of several dense layers is always opened, because one of them often holds most parameters.
        apart = chain and (opened or categories.count("dense") > 1)
        for row, inside in [(row, (row,)) for row in members] if apart else [(block, members)]:
            words, paths = tuple(map(_words, inside)), frozenset(layer.path for layer in inside)
            stage = Stage(row.path, role_of(inside), words, paths, row.output_shape, row.parameters, row.macs)
            size_before, size = drawn[-1].output_shape, row.output_shape
            if stage.role not in _WORKING and (size == size_before or "view" in {row.category for row in inside}):
                drawn[-1] = _joined(drawn[-1], stage)
            else:
                drawn.append(stage)
    return tuple(drawn)


def _blocks(table: LayerTable) -> Iterator[tuple[LayerRow, tuple[LayerRow, ...]]]:
    """The blocks with their layers; of a network whose rows are wired, all paths between a fork and their join are one block."""
    blocks, first = [], 0
    for block in table.fold(1).rows:
        blocks.append((block, table.rows[first : first + block.layers]))
        first += block.layers
    own = table.options.get("network")
    network = Network.read(own) if isinstance(own, str) else None
    if network is None or network.chain or table.failure or len(network.layers) != len(blocks):
        yield from blocks
        return
    for region in network.regions():
        inside = [blocks[place] for place in region]
        last = inside[-1][0]
        if len(inside) > 1:
            last = replace(last, parameters=sum(row.parameters for row, _ in inside), macs=sum(row.macs for row, _ in inside))
        yield last, tuple(member for _, members in inside for member in members)


def _joined(first: Stage, second: Stage) -> Stage:
    return replace(
        first,
        layers=first.layers + second.layers,
        paths=first.paths | second.paths,
        parameters=first.parameters + second.parameters,
        macs=first.macs + second.macs,
    )


def _paired(single: tuple[Stage, ...]) -> tuple[Stage, ...]:
    pairs = (single[start : start + 2] for start in range(0, len(single), 2))
    return tuple(
        replace(_joined(*pair), name=pair[1].name, output_shape=pair[1].output_shape) if pair[1:] else pair[0] for pair in pairs
    )


def role_of(rows: Iterable[LayerRow]) -> Role:
    """What these layers mostly do, as colours tell kinds apart."""
    categories = {row.category.removeprefix("adaptive ") for row in rows}
    return next((role for role in (*_WORKING, *_HELPING) if role in categories), "other")


def _words(row: LayerRow) -> str:
    return f"{row.kind} {row.settings}".strip()
