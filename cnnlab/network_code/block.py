"""The blocks of the networks as small classes, as a textbook writes them, with the options of the network at hand.

A class is written from a block of the network itself, so that it has batch norm, dropout and activation only where the network
has them. Layers keep their names and their order: weights fit, and a seed draws the same ones.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from textwrap import indent
from typing import Any

from torch import nn

from cnnlab.architectures import blocks
from cnnlab.network_code.layer import layer_code

Names = dict[str, dict[str, str]]  # by layer, which variable stands for which of its settings


@dataclass(frozen=True, slots=True)
class Block:
    """A block of a network as code."""

    definition: str  # of its class or function
    name: str  # of that class or function
    call: str  # its arguments, for this block


def block_of(module: nn.Module) -> Block | None:
    """`module` as a block; None where it is none of those known here."""
    if isinstance(module, nn.Sequential):
        return _dense_block(module)
    write = _BLOCKS.get(type(module))
    return write(module) if write else None


def chain_code(chain: nn.Sequential, names: Names) -> str:
    """A chain of layers by name, without comments."""
    lines = "".join(f"    {name}={layer_code(layer, names.get(name))},\n" for name, layer in chain.named_children())
    return f"nn.Sequential(OrderedDict(\n{lines}))"


def _convolved(number: int | str, inputs: str, outputs: str, **more: str) -> Names:
    """The variables of a convolution and of the batch norm after it."""
    return {f"conv{number}": {"in_channels": inputs, "out_channels": outputs} | more, f"norm{number}": {"num_features": outputs}}


def _class(name: str, doc: str, shapes: str, arguments: str, attributes: Mapping[str, str], *, forward: str, more: str = "") -> str:
    """The text of a class. `shapes` say what comes in and goes out, `more` are lines at the end of its `__init__`."""
    body = "\n".join(f"self.{attribute} = {code}" for attribute, code in attributes.items()) + more
    return (
        f'class {name}(nn.Module):\n    """{doc}\n\n    {shapes}\n    """\n\n'
        f"    def __init__(self, {arguments}):\n        super().__init__()\n{indent(body, ' ' * 8)}\n\n"
        f"    def forward(self, maps):\n{indent(forward, ' ' * 8)}\n"
    )


def _residual(block: Any) -> Block:
    first, second = block.main.conv1, block.main.conv2
    names = _convolved(1, "inputs", "outputs", stride="stride") | _convolved(2, "outputs", "outputs")
    attributes, more = {"main": chain_code(block.main, names), "activation": layer_code(block.activation)}, ""
    if block.shortcuts:
        attributes["shortcut"] = "None"
        more = (
            "\nif stride > 1 or inputs != outputs:\n    # The shape changes, and a 1×1 convolution makes the shortcut fit.\n"
            "    self.shortcut = nn.Conv2d(inputs, outputs, kernel_size=1, stride=stride)"
        )
        doc = "Two convolutions that learn what to add to their input."
        forward = (
            "learned = self.main(maps)\n"
            "shortcut = maps if self.shortcut is None else self.shortcut(maps)\n"
            "return self.activation(learned + shortcut)"
        )
    else:
        doc = "Two convolutions, without a shortcut past them."
        forward = "return self.activation(self.main(maps))"
    stride = f", stride={first.stride[0]}" if first.stride[0] != 1 else ""
    shapes = "inputs×H×W to outputs×H/stride×W/stride."
    definition = _class("Residual", doc, shapes, "inputs, outputs, stride=1", attributes, forward=forward, more=more)
    return Block(definition, "Residual", f"{first.in_channels}, {second.out_channels}{stride}")


def _activated_residual(block: Any) -> Block:
    names = _convolved(1, "channels", "channels") | _convolved(2, "channels", "channels")
    adds = block.add is not None
    definition = _class(
        "Residual",
        f"Two convolutions{', added to their input' if adds else ', without a shortcut past them'}.",
        "The shape stays channels×H×W.",
        "channels",
        {"main": chain_code(block.main, names)},
        forward="return maps + self.main(maps)" if adds else "return self.main(maps)",
    )
    return Block(definition, "Residual", str(block.main.conv1.in_channels))


def _inception(block: Any) -> Block:
    reduced3, reduced5 = (branch.conv1.out_channels for branch in (block.branch2, block.branch3))
    definition = _class(
        "Inception",
        "Four paths with windows of different size, concatenated.",
        "inputs×H×W to (c1 + c2[1] + c3[1] + c4)×H×W.",
        "inputs, c1, c2, c3, c4",
        {
            "branch1": chain_code(block.branch1, _convolved("", "inputs", "c1")),
            "branch2": chain_code(block.branch2, _convolved(1, "inputs", "c2[0]") | _convolved(2, "c2[0]", "c2[1]")),
            "branch3": chain_code(block.branch3, _convolved(1, "inputs", "c3[0]") | _convolved(2, "c3[0]", "c3[1]")),
            "branch4": chain_code(block.branch4, _convolved("", "inputs", "c4")),
        },
        forward="paths = self.branch1(maps), self.branch2(maps), self.branch3(maps), self.branch4(maps)\n"
        "return torch.cat(paths, dim=1)",
    )
    paths = (
        f"c1={block.branch1.conv.out_channels}",
        f"c2=({reduced3}, {block.branch2.conv2.out_channels})",
        f"c3=({reduced5}, {block.branch3.conv2.out_channels})",
        f"c4={block.branch4.conv.out_channels}",
    )
    return Block(definition, "Inception", ", ".join((str(block.branch1.conv.in_channels), *paths)))


def _dense_layer(block: Any) -> Block:
    names: Names = {
        "norm1": {"num_features": "inputs"},
        "conv1": {"in_channels": "inputs", "out_channels": "4 * growth"},
        "norm2": {"num_features": "4 * growth"},
        "conv2": {"in_channels": "4 * growth", "out_channels": "growth"},
    }
    definition = _class(
        "DenseLayer",
        "Adds growth channels to those of its input.",
        "inputs×H×W to (inputs + growth)×H×W.",
        "inputs, growth",
        {"grow": chain_code(block.grow, names)},
        forward="return torch.cat((maps, self.grow(maps)), dim=1)",
    )
    return Block(definition, "DenseLayer", f"{block.grow.conv1.in_channels}, {block.grow.conv2.out_channels}")


def _dense_block(chain: nn.Sequential) -> Block | None:
    """A chain of nothing but dense layers, which a loop makes."""
    layers: dict[str, Any] = dict(chain.named_children())
    if list(layers) != [f"layer{number}" for number in range(1, len(layers) + 1)]:
        return None
    if not all(isinstance(layer, blocks.DenseLayer) for layer in layers.values()):
        return None
    first = layers["layer1"]
    inputs, growth = first.grow.conv1.in_channels, first.grow.conv2.out_channels
    definition = _dense_layer(first).definition + (
        "\n\ndef dense_block(inputs, layers, growth):\n"
        '    """Each layer sees the maps of all layers before it.\n\n'
        '    inputs×H×W to (inputs + layers * growth)×H×W.\n    """\n'
        "    block = OrderedDict()\n    for number in range(layers):\n"
        '        block[f"layer{number + 1}"] = DenseLayer(inputs + number * growth, growth)\n'
        "    return nn.Sequential(block)\n"
    )
    return Block(definition, "dense_block", f"{inputs}, layers={len(layers)}, growth={growth}")


def _scale(block: Any) -> Block:
    name = type(block).__name__
    definition = _class(
        name,
        "Multiplies by a number that is not learned.",
        "The shape stays.",
        "factor",
        {"factor": "factor"},
        forward="return self.factor * maps",
    )
    return Block(definition, name, f"{block.factor:g}")


_BLOCKS: dict[type[nn.Module], Callable[[Any], Block]] = {
    blocks.Residual: _residual,
    blocks.ActivatedResidual: _activated_residual,
    blocks.Inception: _inception,
    blocks.DenseLayer: _dense_layer,
    blocks.Scale: _scale,
}
