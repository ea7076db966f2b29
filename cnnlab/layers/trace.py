"""The layer table of a network, from one forward pass on the meta device, which finds shapes and computes nothing."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from itertools import takewhile
from typing import Any

import torch
from torch import nn

from cnnlab.architectures import Shape, card, receptive
from cnnlab.architectures.meta import run_on_meta, shapes_by_arithmetic
from cnnlab.layers.recorder import Recorder
from cnnlab.layers.table import LayerRow, LayerTable


def layer_table(
    card_name: str, input_shape: Shape | None = None, classes: int = 10, options: Mapping[str, Any] | None = None
) -> LayerTable:
    """The table of a registered network for images of `input_shape` (C, H, W; by default the course's).

    Raises ConfigError for an unknown name or option, ShapeError where the images are too small.
    """
    chosen = card(card_name)
    shape = tuple(input_shape or chosen.input_shape)
    if chosen.own_code:  # its layers may be subclasses that compute something else
        rows = trace(chosen.build(shape, classes, options, device="meta"), shape)
        return LayerTable.of(chosen.name, chosen.settings(options), shape, classes, rows)
    # One run gives the rows. Only where it fails is the network built again, to find the layer that refuses.
    model = chosen.draft(shape, classes, options)
    refused = None
    rows: tuple[LayerRow, ...] = ()
    try:
        with shapes_by_arithmetic(model):
            rows = trace(model, shape)
    except RuntimeError as error:
        refused = error
    if refused or any(0 in row.output_shape for row in rows):
        chosen.build(shape, classes, options, device="meta")  # raises ShapeError: names the layer and the size that would fit
        raise refused or RuntimeError(f"{chosen.name} has a layer whose output is empty.")
    return LayerTable.of(chosen.name, chosen.settings(options), shape, classes, rows)


def trace(model: nn.Module, input_shape: tuple[int, ...]) -> tuple[LayerRow, ...]:
    """A row for each layer that runs for one input of `input_shape` (no batch dimension), in order of execution.

    Layers are the modules without children. A module with children and parameters of its own has a row behind theirs, for these
    and for those of children that it does not call. Additions, concatenations and the like between them are rows as well
    (`cnnlab.layers.operations`); other plain functions have none, and behind them the receptive field is None. The model may be on
    any device; its mode, hooks and weights do not change, nor does torch's random state.
    """
    return trace_with_fields(model, input_shape)[0]


def trace_with_fields(
    model: nn.Module, input_shape: tuple[int, ...]
) -> tuple[tuple[LayerRow, ...], tuple[receptive.Field | None, ...]]:
    """As `trace`, and where on the image the values of each row look; None where that is unknown."""
    recorder = Recorder(model, input_shape)
    with recorder.listening(), torch.random.fork_rng(devices=[]):
        run_on_meta(model, recorder.image)
    return _with_shares(recorder.rows), tuple(recorder.fields)


def trace_until_refused(model: nn.Module, input_shape: tuple[int, ...]) -> tuple[tuple[LayerRow, ...], LayerRow | None]:
    """As `trace`, up to the layer that cannot take its input, or makes nothing of it; and that layer, without an output."""
    recorder = Recorder(model, input_shape)
    with recorder.listening(), torch.random.fork_rng(devices=[]), shapes_by_arithmetic(model), suppress(RuntimeError):
        run_on_meta(model, recorder.image)
    rows = list(takewhile(lambda row: 0 not in row["output_shape"], recorder.rows))
    refused = recorder.rows[len(rows)] if len(rows) < len(recorder.rows) else recorder.entered()
    made_of_nothing = {"output_shape": (), "macs": 0, "activation_bytes": 0, "receptive_field": None, "share": 0.0}
    return _with_shares(rows), refused and LayerRow(**refused | made_of_nothing)


def _with_shares(rows: list[dict[str, Any]]) -> tuple[LayerRow, ...]:
    total = sum(row["parameters"] for row in rows)
    return tuple(LayerRow(**row, share=row["parameters"] / total if total else 0.0) for row in rows)
