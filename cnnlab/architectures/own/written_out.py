"""A family's network with all its layers as rows: what runs, in order, and what each row takes its input from.

Residual, Inception and DenseNet's blocks stay one row each: DenseNet alone would have 421 otherwise.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from cnnlab.architectures import blocks
from cnnlab.architectures.meta import run_on_meta, shapes_by_arithmetic
from cnnlab.architectures.own.network import FIELD, INPUT, LONGEST_NAME, Network, free_name, name_problem
from cnnlab.architectures.registry import Card
from cnnlab.architectures.shape import Shape
from cnnlab.errors import ConfigError
from cnnlab.i18n import say

_FUNCTIONS: dict[type[nn.Module], str] = {nn.Sigmoid: "sigmoid", nn.ReLU: "relu", nn.Tanh: "tanh", nn.GELU: "gelu"}


def written_out(card: Card, input_shape: Shape, classes: int, options: Mapping[str, Any], title: str) -> Network:
    """The network of `card` as rows, for images of `input_shape` (C, H, W).

    A layer with as many outputs as classes stays so for other numbers of classes. Raises ConfigError for a network with other
    parts than rows have, ShapeError where the images are too small.
    """
    if card.foreign:
        text = say("{network} cannot be written out row by row: its own code computes between its layers. Choose a network of the "
                   "course.", network=card.called(card.settings(options)))  # fmt: skip
        raise ConfigError(text, FIELD)
    model = card.build(input_shape, classes, options, device="meta")
    more = {name: _width(layer) for name, layer in _parts(card.draft(input_shape, classes + 1, options))}
    recorder = _Recorder(card, {name for name, layer in _parts(model) if more.get(name) != _width(layer)})
    parts = list(_parts(model))
    handles = [layer.register_forward_hook(recorder.hook(name)) for name, layer in parts]
    image = torch.empty(1, *input_shape, device="meta")
    recorder.made(INPUT, image)
    try:
        with shapes_by_arithmetic(model):
            run_on_meta(model, image)
    finally:
        for handle in handles:
            handle.remove()
    return Network.make(title, recorder.rows)


def _parts(model: nn.Module, path: str = "") -> Iterator[tuple[str, nn.Module]]:
    """What becomes a row each, with its path."""
    for name, child in model.named_children():
        below = f"{path}.{name}" if path else name
        if isinstance(child, blocks.Residual | blocks.Inception | blocks.DenseLayer) or not any(child.children()):
            yield below, child
        else:
            yield from _parts(child, below)


def _width(layer: nn.Module) -> Any:
    return getattr(layer, "out_channels", getattr(layer, "out_features", None))


class _Recorder:
    def __init__(self, card: Card, by_class: set[str]) -> None:
        self.rows: list[dict[str, Any]] = []
        self._card = card
        self._by_class = by_class  # layers as wide as there are classes
        # The tensors are kept as well: Python gives the id of a deleted object to the next one.
        self._made: dict[int, tuple[Tensor, str]] = {}

    def made(self, name: str, values: Tensor) -> None:
        self._made[id(values)] = (values, name)

    def hook(self, path: str) -> Any:
        def record(layer: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> Tensor:
            name = self._name(path)
            settings = _row(layer, by_class=path in self._by_class)
            if settings is None or not all(id(each) in self._made for each in inputs):
                raise ConfigError(
                    say(
                        "{network} cannot be written out row by row: it has a layer of the kind {kind} that no row can be.",
                        network=self._card.title, kind=type(layer).__name__,
                    ),
                    FIELD,
                )  # fmt: skip
            sources = [self._made[id(each)][1] for each in inputs]
            self.rows.append({**settings, "name": name, "from": sources})
            own = output.detach()  # an object of its own: some layers hand their input on
            self.made(name, own)
            return own

        return record

    def _name(self, path: str) -> str:
        taken = {str(row["name"]) for row in self.rows}
        parts = [part for part in path.lower().split(".") if part != "main"]  # within a block there is only one
        name = "_".join(parts)[:LONGEST_NAME]
        return free_name("layer", taken) if name_problem(name, taken) else name


def _row(layer: Any, *, by_class: bool) -> dict[str, Any] | None:
    """The row of a layer; None for one that no row can be."""
    if function := _FUNCTIONS.get(type(layer)):
        return {"kind": "activation", "function": function}
    write = _ROWS.get(type(layer))
    row = write(layer) if write else None
    if row and by_class:
        row |= {"channels": 0} if "channels" in row else {"units": 0}
    return row


def _side(value: Any) -> Any:
    return value if not isinstance(value, tuple) else value[0] if len(set(value)) == 1 else None


def _convolution(layer: nn.Conv2d) -> dict[str, Any] | None:
    if layer.groups > 1 or _side(layer.dilation) != 1 or layer.padding_mode != "zeros":
        return None
    window = {"kernel": _side(layer.kernel_size), "stride": _side(layer.stride), "padding": _side(layer.padding)}
    plain = all(isinstance(value, int) for value in window.values())
    return {"kind": "convolution", "channels": layer.out_channels, **window, "bias": layer.bias is not None} if plain else None


def _pool(layer: Any) -> dict[str, Any] | None:
    largest = isinstance(layer, nn.MaxPool2d)
    window = {"kernel": _side(layer.kernel_size), "stride": _side(layer.stride), "padding": _side(layer.padding)}
    counted = not largest and layer.padding and layer.count_include_pad
    usual = not layer.ceil_mode and not counted and getattr(layer, "dilation", 1) == 1
    return {"kind": "pool", "pooling": "max" if largest else "average", **window} if usual else None


def _global_pool(layer: Any) -> dict[str, Any] | None:
    pooling = "max" if isinstance(layer, nn.AdaptiveMaxPool2d) else "average"
    return {"kind": "global-pool", "pooling": pooling} if _side(layer.output_size) == 1 else None


def _style(layers: nn.Module) -> dict[str, Any]:
    kinds = {type(layer) for layer in layers.modules()}
    function = next(name for kind, name in _FUNCTIONS.items() if kind in kinds)
    return {"activation": function, "batch_norm": nn.BatchNorm2d in kinds}


def _residual(block: Any) -> dict[str, Any]:
    first = block.main.conv1
    window = {"channels": first.out_channels, "kernel": _side(first.kernel_size), "stride": _side(first.stride)}
    return {"kind": "residual", **window, "shortcuts": block.shortcuts, **_style(block)}


def _inception(block: Any) -> dict[str, Any]:
    pooling = "max" if isinstance(block.branch4.pool, nn.MaxPool2d) else "average"
    return {
        "kind": "inception",
        "c1": block.branch1.conv.out_channels,
        "c3_reduced": block.branch2.conv1.out_channels,
        "c3": block.branch2.conv2.out_channels,
        "c5_reduced": block.branch3.conv1.out_channels,
        "c5": block.branch3.conv2.out_channels,
        "c_pool": block.branch4.conv.out_channels,
        "pooling": pooling,
        **_style(block),
    }


def _dense_growth(block: Any) -> dict[str, Any]:
    dropped = next((layer.p for layer in block.modules() if isinstance(layer, nn.Dropout)), 0.0)
    return {"kind": "dense-growth", "growth": block.grow.conv2.out_channels, "dropout": dropped, **_style(block)}


_ROWS: dict[type[nn.Module], Any] = {
    nn.Conv2d: _convolution,
    nn.MaxPool2d: _pool,
    nn.AvgPool2d: _pool,
    nn.AdaptiveAvgPool2d: _global_pool,
    nn.AdaptiveMaxPool2d: _global_pool,
    nn.BatchNorm1d: lambda _layer: {"kind": "norm"},
    nn.BatchNorm2d: lambda _layer: {"kind": "norm"},
    nn.Dropout: lambda layer: {"kind": "dropout", "share": layer.p},
    nn.Flatten: lambda _layer: {"kind": "flatten"},
    nn.Linear: lambda layer: {"kind": "linear", "units": layer.out_features, "bias": layer.bias is not None},
    blocks.Add: lambda _layer: {"kind": "addition"},
    blocks.Concatenate: lambda _layer: {"kind": "concatenation"},
    blocks.Scale: lambda layer: {"kind": "scale", "factor": layer.factor},
    blocks.Residual: _residual,
    blocks.Inception: _inception,
    blocks.DenseLayer: _dense_growth,
}
