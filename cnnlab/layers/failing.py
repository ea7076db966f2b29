"""The layer table of a network that does not fit its images: the layers up to the one that refuses, and what would make it fit."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from torch import nn

from cnnlab.architectures import Card, Shape, card
from cnnlab.architectures.building import MAXIMUM_SIDE, draft, fits, minimum_size
from cnnlab.architectures.meta import shapes_by_arithmetic
from cnnlab.architectures.own import Network, RowError
from cnnlab.errors import ShapeError
from cnnlab.layers.table import Cure, Failure, LayerRow, LayerTable
from cnnlab.layers.trace import layer_table, trace, trace_until_refused


def table_or_failure(name: str, input_shape: Shape, classes: int, options: Mapping[str, Any] | None = None) -> LayerTable:
    """The table of a registered network; where it does not fit its images, the table up to its `failure`.

    Raises ConfigError for an unknown name, or a wrong option or number.
    """
    try:
        return layer_table(name, input_shape, classes, options)
    except RowError as error:
        return _failing_row(error, name, input_shape, classes, options)
    except ShapeError as error:
        reason = str(error)
    chosen = card(name)
    settings = chosen.settings(options)
    channels, height, width = input_shape
    needed = minimum_size(chosen, channels, classes, settings, above=min(height, width))
    cures = tuple(_cures(chosen, input_shape, classes, settings, needed))
    model = _network(chosen, (channels, needed or MAXIMUM_SIDE, needed or MAXIMUM_SIDE), classes, settings)
    rows, refused = trace_until_refused(model, input_shape) if model else ((), None)
    table = LayerTable.of(name, settings, input_shape, classes, rows)
    return table.failing(Failure(reason, refused, cures))


def _failing_row(error: RowError, name: str, input_shape: Shape, classes: int, options: Mapping[str, Any] | None) -> LayerTable:
    """The table of an own network up to the row that does not fit. Only a wrong size can be cured by other images."""
    chosen = card(name)
    settings = chosen.settings(options)
    rows: tuple[LayerRow, ...] = ()
    if error.so_far:
        with shapes_by_arithmetic(error.so_far):
            rows = trace(error.so_far, input_shape)
    refused = None
    if error.given:
        layer = Network.read(settings["network"]).layers[error.row]
        nothing = {"settings": "", "output_shape": (), "parameters": 0, "buffers": 0, "share": 0.0, "macs": 0}
        refused = LayerRow(
            path=layer.name, kind=layer.kind, input_shape=error.given, activation_bytes=0, receptive_field=None, **nothing
        )
    channels, height, width = input_shape
    needed = minimum_size(chosen, channels, classes, settings, above=min(height, width)) if error.by_size else None
    cures = tuple(_cures(chosen, input_shape, classes, settings, needed))
    return LayerTable.of(name, settings, input_shape, classes, rows).failing(Failure(str(error), refused, cures))


def _network(chosen: Card, shape: Shape, classes: int, settings: Mapping[str, Any]) -> nn.Module | None:
    """The network for larger images, whose layers are the same up to the first dense one. None where no size will do."""
    try:
        return draft(chosen, shape, classes, settings)
    except ShapeError:
        return None


def _cures(chosen: Card, input_shape: Shape, classes: int, settings: Mapping[str, Any], needed: int | None) -> Iterator[Cure]:
    if needed:
        usual = chosen.input_shape[1]
        if usual > needed:
            yield Cure("image_size", usual)
        yield Cure("image_size", needed)
    elif fits(chosen, (input_shape[0], *chosen.input_shape[1:]), classes, settings):
        yield Cure("image_size", chosen.input_shape[1])  # of a network that takes one size alone
    defaults = chosen.settings()
    for option in chosen.options:
        if option.type == "network":
            continue  # another network is no cure of this one
        default = defaults[option.name]
        if settings[option.name] != default and fits(chosen, input_shape, classes, {**settings, option.name: default}):
            yield Cure(option.name, default)
