"""The layer table as plain values: rows in order of execution, totals, folding into blocks. Needs no torch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

BYTES_PER_FLOAT = 4


@dataclass(frozen=True, slots=True)
class LayerRow:
    """One layer (or one folded block) for one image; shapes have no batch dimension."""

    path: str  # where it sits in the network: "block1.conv2"
    kind: str  # PyTorch's name, "Conv2d", or "Block" where rows are folded
    settings: str  # in words: "6 channels, 5×5, stride 1, pad 2"
    input_shape: tuple[int, ...]
    output_shape: tuple[int, ...]
    parameters: int  # trainable; a module that runs twice is counted at its first row
    buffers: int  # numbers kept but not trained, such as batch norm's running mean and variance
    share: float  # of all trainable parameters, 0..1
    macs: int  # multiply-accumulates for one image
    activation_bytes: int  # float32 output kept for the backward pass
    receptive_field: int | None  # side in input pixels that one output value depends on
    layers: int = 1  # how many rows are folded into this one
    shared: bool = False  # this module ran before, higher up


@dataclass(frozen=True, slots=True)
class LayerTable:
    """A network's rows and totals. `architecture` and `options` say what it is a table of."""

    architecture: str
    options: dict[str, Any]
    input_shape: tuple[int, ...]
    classes: int
    rows: tuple[LayerRow, ...]
    parameters: int
    buffers: int
    macs: int
    activation_bytes: int
    convolution_parameters: int
    dense_parameters: int

    def fold(self, depth: int) -> LayerTable:
        """The same table with rows that share the first `depth` (>= 1) parts of their path folded into one."""
        ...

    def to_dict(self) -> dict[str, Any]:
        """JSON-able; rows stand under ``"layers"``."""
        record = asdict(self)
        record["layers"] = record.pop("rows")
        return record

    @classmethod
    def from_dict(cls, record: Mapping[str, Any]) -> LayerTable:
        """The inverse of `to_dict`."""
        ...
