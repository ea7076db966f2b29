"""An own network as PyTorch modules: a chain where each row follows the one before, else rows that are wired by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from torch import Tensor, nn

from cnnlab.architectures import blocks
from cnnlab.architectures.own.network import INPUT, Network
from cnnlab.architectures.own.shapes import Placed, RowError, placed
from cnnlab.architectures.shape import Shape


class Wired(nn.Module):
    """Layers by name, each with the names of those that it takes its input from; "input" is the image. The last is the output."""

    def __init__(self, layers: Mapping[str, nn.Module], wires: Mapping[str, tuple[str, ...]]) -> None:
        super().__init__()
        for name, layer in layers.items():
            self.add_module(name, layer)
        self.wires = dict(wires)
        # A map is let go after its last reader, so that an evaluation needs little memory.
        self.last_use = {source: name for name, sources in self.wires.items() for source in sources}

    def forward(self, images: Tensor) -> Tensor:
        made, values = {INPUT: images}, images
        for name, sources in self.wires.items():
            values = self._modules[name](*(made[source] for source in sources))  # type: ignore[misc]
            for source in dict.fromkeys(sources):
                if self.last_use[source] == name:
                    del made[source]
            made[name] = values
        return values


def build(network: Network, input_shape: Shape, classes: int) -> nn.Module:
    """The network, its layers in the order of the rows. Raises RowError, whose `so_far` has the rows that do fit."""
    try:
        return _model(placed(network, input_shape, classes))
    except RowError as error:
        error.so_far = _model(error.before) if error.before else None
        raise


def _model(rows: tuple[Placed, ...]) -> nn.Module:
    layers = {row.layer.name: _MAKE[row.layer.kind](row.layer.settings, row) for row in rows}
    if not any(row.layer.inputs for row in rows):
        return blocks.chain(layers)
    return Wired(layers, {row.layer.name: row.inputs for row in rows})


def _convolution(s: dict[str, Any], row: Placed) -> nn.Module:
    return nn.Conv2d(row.given[0][0], row.shape[0], s["kernel"], stride=s["stride"], padding=s["padding"], bias=s["bias"])


def _global_pool(s: dict[str, Any], _row: Placed) -> nn.Module:
    return nn.AdaptiveMaxPool2d(1) if s["pooling"] == "max" else nn.AdaptiveAvgPool2d(1)


def _style(s: dict[str, Any]) -> dict[str, Any]:
    return {"activation": s["activation"], "batch_norm": s["batch_norm"]}


def _residual(s: dict[str, Any], row: Placed) -> nn.Module:
    return blocks.Residual(
        row.given[0][0], s["channels"], stride=s["stride"], kernel=s["kernel"], shortcuts=s["shortcuts"], **_style(s)
    )


def _inception(s: dict[str, Any], row: Placed) -> nn.Module:
    paths = (s["c1"], (s["c3_reduced"], s["c3"]), (s["c5_reduced"], s["c5"]), s["c_pool"])
    return blocks.Inception(row.given[0][0], *paths, pooling=s["pooling"], **_style(s))


_MAKE: dict[str, Callable[[dict[str, Any], Placed], nn.Module]] = {
    "convolution": _convolution,
    "pool": lambda s, _row: blocks.pool(s["pooling"], s["kernel"], stride=s["stride"], padding=s["padding"]),
    "global-pool": _global_pool,
    "norm": lambda _s, row: (nn.BatchNorm2d if len(row.shape) == 3 else nn.BatchNorm1d)(row.shape[0]),
    "activation": lambda s, _row: blocks.activation(s["function"]),
    "dropout": lambda s, _row: nn.Dropout(s["share"]),
    "flatten": lambda _s, _row: nn.Flatten(),
    "linear": lambda s, row: nn.Linear(row.given[0][0], row.shape[0], bias=s["bias"]),
    "addition": lambda _s, _row: blocks.Add(),
    "concatenation": lambda _s, _row: blocks.Concatenate(),
    "residual": _residual,
    "inception": _inception,
    "dense-growth": lambda s, row: blocks.DenseLayer(row.given[0][0], s["growth"], dropout=s["dropout"], **_style(s)),
    "scale": lambda s, _row: blocks.Scale(s["factor"]),
}
