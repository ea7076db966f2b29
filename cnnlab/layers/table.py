"""The layer table as plain values: rows in order of execution, totals, folding into blocks. Needs no torch."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Any

from cnnlab.architectures import card, own_code
from cnnlab.architectures.kind import Category
from cnnlab.architectures.kinds import KINDS, UNKNOWN
from cnnlab.architectures.own import Network
from cnnlab.errors import ConfigError
from cnnlab.i18n import say
from cnnlab.spreadsheet import csv_text
from cnnlab.text import shape_text

BYTES_PER_FLOAT = 4
IMAGE = -1  # among the feeds of a row


@dataclass(frozen=True, slots=True)
class LayerRow:
    """One layer (or one folded block) for one image; shapes have no batch dimension."""

    path: str  # where it sits in the network: "block1.conv2"
    kind: str  # PyTorch's name, "Conv2d", or "Block" where rows are folded
    settings: str  # in words: "6 channels, 5×5, stride 1, pad 2"
    input_shape: tuple[int, ...]  # of the first input, where there are several
    output_shape: tuple[int, ...]
    parameters: int  # trainable; frozen ones are not counted, shared ones at their first row only
    buffers: int  # numbers kept but not trained: batch norm's running mean and variance (2 a channel), its counter; frozen weights
    share: float  # of all trainable parameters, 0..1
    macs: int  # multiply-accumulates of convolutions and dense layers for one image
    activation_bytes: int  # the output as float32; the backward pass needs most of them kept
    receptive_field: int | None  # side in input pixels that one output value depends on; None where unknown
    layers: int = 1  # how many rows are folded into this one
    shared: bool = False  # the module, or its parameters, ran before, higher up
    feeds: tuple[int, ...] = ()  # places in the unfolded table of the rows it takes its input from, or IMAGE; () for a block

    @property
    def category(self) -> Category:
        """The category of its kind; "other" for a block and for a kind without an entry."""
        return KINDS.get(self.kind, UNKNOWN).category


@dataclass(frozen=True, slots=True)
class Cure:
    """A change of one setting with which a network fits its images."""

    setting: str  # image_size, or the name of an option
    value: Any


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a network does not fit its images."""

    reason: str  # a sentence
    layer: LayerRow | None  # the one that refuses its input, without an output; None where the network cannot be built at all
    cures: tuple[Cure, ...]


@dataclass(frozen=True, slots=True)
class LayerTable:
    """A network's rows and totals. `architecture` and `options` say of which network.

    With a `failure` the rows, and therefore the totals, end before the layer that fails.
    """

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
    failure: Failure | None = None

    @property
    def name(self) -> str:
        """The identifier of a family; a network of a user's own has a name."""
        own = self.options.get("network")
        if self.architecture == own_code.NAME:
            return card(self.architecture).called(self.options)
        return Network.read(own).title if isinstance(own, str) else self.architecture

    def failing(self, failure: Failure) -> LayerTable:
        """The same table, which ends at a failure."""
        return replace(self, failure=failure)

    @classmethod
    def of(
        cls, architecture: str, options: Mapping[str, Any], input_shape: tuple[int, ...], classes: int, rows: tuple[LayerRow, ...]
    ) -> LayerTable:
        """The table of these (unfolded) rows, with its totals."""
        return cls(
            architecture=architecture,
            options=dict(options),
            input_shape=tuple(input_shape),
            classes=classes,
            rows=rows,
            parameters=sum(row.parameters for row in rows),
            buffers=sum(row.buffers for row in rows),
            macs=sum(row.macs for row in rows),
            activation_bytes=sum(row.activation_bytes for row in rows),
            convolution_parameters=sum(row.parameters for row in rows if row.category == "convolution"),
            dense_parameters=sum(row.parameters for row in rows if row.category == "dense"),
        )

    def fold(self, depth: int) -> LayerTable:
        """The same table with neighbouring rows that share the first `depth` (>= 1) parts of their path folded into one.

        A block goes from its first layer's input to its last layer's output and adds up the rest; a block of one layer
        stays that layer. Totals do not change. Raises ConfigError for a depth below 1.
        """
        if depth < 1:
            raise ConfigError(say("depth must be 1 or more, not {depth}.", depth=depth), "depth")
        blocks = groupby(self.rows, key=lambda row: ".".join(row.path.split(".")[:depth]))
        rows = tuple(_block(path, tuple(members)) for path, members in blocks)
        return replace(self, rows=rows)

    def to_dict(self) -> dict[str, Any]:
        """JSON-able; rows stand under ``"layers"``."""
        record = _as_dict(self)
        record["layers"] = [_as_dict(row) for row in record.pop("rows")]
        failure = record.pop("failure")
        if failure:
            layer = failure.layer and _as_dict(failure.layer)
            record["failure"] = {"reason": failure.reason, "layer": layer, "cures": [_as_dict(cure) for cure in failure.cures]}
        return record

    @classmethod
    def from_dict(cls, record: Mapping[str, Any]) -> LayerTable:
        """The inverse of `to_dict`, also after JSON, which has lists only."""
        fields = {name: value for name, value in record.items() if name != "layers"}
        fields["rows"] = tuple(map(_row, record["layers"]))
        fields["options"] = _with_tuples(record["options"])
        if failure := record.get("failure"):
            cures = tuple(Cure(**_with_tuples(cure)) for cure in failure["cures"])
            fields["failure"] = Failure(failure["reason"], failure["layer"] and _row(failure["layer"]), cures)
        return cls(**_with_tuples(fields))

    def to_csv(self) -> str:
        """The rows for a spreadsheet, with units in the header."""
        return csv_text(
            _CSV_HEADER,
            [
                [
                    *(row.path, row.kind, row.settings, shape_text(row.input_shape), shape_text(row.output_shape)),
                    *(row.parameters, row.buffers, round(row.share * 100, 4), row.macs, row.activation_bytes),
                    *("" if row.receptive_field is None else row.receptive_field, row.layers, "yes" if row.shared else "no"),
                ]
                for row in self.rows
            ],
        )


_CSV_HEADER = (
    *("path", "kind", "settings", "input shape (C×H×W)", "output shape (C×H×W)"),
    *(
        "parameters (trainable)",
        "buffers (numbers)",
        "share of parameters (%)",
        "MACs (per image)",
        "activation memory (bytes per image)",
    ),
    *("receptive field (pixels a side)", "layers", "shared"),
)


def _block(path: str, rows: tuple[LayerRow, ...]) -> LayerRow:
    first, last = rows[0], rows[-1]
    if len(rows) == 1:
        return first if first.path == path else replace(first, path=path)
    kinds = Counter(row.kind for row in rows)
    return LayerRow(
        path=path,
        kind="Block",
        settings=", ".join(kind if count == 1 else f"{count} {kind}" for kind, count in kinds.items()),
        input_shape=first.input_shape,
        output_shape=last.output_shape,
        parameters=sum(row.parameters for row in rows),
        buffers=sum(row.buffers for row in rows),
        share=sum(row.share for row in rows),
        macs=sum(row.macs for row in rows),
        activation_bytes=sum(row.activation_bytes for row in rows),
        receptive_field=last.receptive_field,
        layers=sum(row.layers for row in rows),
        shared=all(row.shared for row in rows),
    )


def _row(record: Mapping[str, Any]) -> LayerRow:
    return LayerRow(**record | {name: tuple(record[name]) for name in ("input_shape", "output_shape", "feeds")})


def _as_dict(value: LayerRow | LayerTable | Cure) -> dict[str, Any]:
    # `asdict` also copies the values: 12 ms of the 120 that DenseNet's table took.
    return {name: getattr(value, name) for name in type(value).__slots__}


def _with_tuples(record: Mapping[str, Any]) -> dict[str, Any]:
    return {name: tuple(value) if isinstance(value, list) else value for name, value in record.items()}
