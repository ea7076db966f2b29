"""A network as the PyTorch code of a textbook: small classes for its blocks, then layer by layer with the shape behind each.

The layers have the names of the lab's table, so that weights fit by name, and stand in the order in which the lab makes them, so
that a seed draws the same ones. Additions and concatenations are written as `+` and `torch.cat`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from torch import nn

from cnnlab.architectures import Shape, blocks, card, zoo
from cnnlab.architectures.own.modules import Wired
from cnnlab.architectures.own.network import INPUT
from cnnlab.errors import ConfigError
from cnnlab.i18n import say
from cnnlab.layers.trace import trace
from cnnlab.network_code.block import block_of
from cnnlab.network_code.layer import layer_code
from cnnlab.network_code.published import function_of
from cnnlab.text import shape_text

IMPORTS = "from collections import OrderedDict\n\nimport torch\nfrom torch import nn\n"
_DEFINED = re.compile(r"^(?:class|def) (\w+)\(", re.MULTILINE)
_WIDEST = 90  # the column that comments behind a line are moved to at most


@dataclass(frozen=True, slots=True)
class NetworkCode:
    """The parts of a network's code; each ends with a line break."""

    blocks: str  # the classes of its blocks; "" where it has none
    function: str  # `build_network`, which returns the network

    @property
    def whole(self) -> str:
        """What runs as it is, and leaves the network in `network`."""
        blocks = f"\n\n{self.blocks}" if self.blocks else ""
        return f"{IMPORTS}{blocks}\n\n{self.function}\n\nnetwork = build_network()\n"


def network_code(architecture: str, input_shape: Shape, classes: int, options: Mapping[str, Any]) -> NetworkCode:
    """The code of a registered network for images of `input_shape` (C, H, W).

    Raises ConfigError for an unknown name or option, ShapeError where the images are too small.
    """
    chosen = card(architecture)
    if chosen.own_code:
        text = say(
            "{network} is code already: its file is where you have written it, and its weights can be taken away.",
            network=chosen.called(chosen.settings(options)),
        )
        raise ConfigError(text, "architecture")
    model = chosen.build(input_shape, classes, options, device="meta")
    settings = chosen.settings(options)
    title = f"{chosen.called(settings)} for images of {shape_text(input_shape)} and {classes} classes."
    if architecture == zoo.NAME:
        return NetworkCode("", function_of(model, input_shape, classes, settings, title))
    return code_of(model, input_shape, title)


def code_of(model: nn.Module, input_shape: Shape, title: str) -> NetworkCode:
    """The code of any network made of chains, PyTorch's layers and the lab's blocks; `title` is its docstring.

    Raises ConfigError where it has other parts.
    """
    writer = _Writer({row.path: row.output_shape for row in trace(model, input_shape)})
    if isinstance(model, Wired):
        made = writer.wired(model)
        return NetworkCode(
            "\n\n".join(writer.definitions.values()), f'def build_network():\n    """{title}"""\n    return {made}\n'
        )
    lines = [_Line("    return ", ""), *writer.lines(model, "", 1)]
    lines[:2] = [_Line(lines[0].code + lines[1].code.lstrip(), lines[1].comment)]  # `return` and what it returns share a line
    function = f'def build_network():\n    """{title}"""\n{_aligned(lines)}'
    return NetworkCode("\n\n".join(writer.definitions.values()), function)


@dataclass(frozen=True, slots=True)
class _Line:
    code: str
    comment: str


@dataclass(slots=True)
class _Writer:
    shapes: Mapping[str, tuple[int, ...]]  # by path, in order of execution
    definitions: dict[str, str] = field(default_factory=dict)  # by the name of the class, or function

    def lines(self, module: nn.Module, path: str, depth: int, name: str = "") -> Iterator[_Line]:
        """The lines of `module`, as an argument `name=…,` where it has a name."""
        begin, end = "    " * depth + (f"{name}=" if name else ""), "," if name else ""
        if block := block_of(module):
            called = self._defined(block.name, block.definition)
            yield _Line(f"{begin}{called}({block.call}){end}", self._shape(path))
        elif isinstance(module, nn.Sequential) and len(module):
            yield _Line(f"{begin}nn.Sequential(OrderedDict(", "")
            for child_name, child in module.named_children():
                if not child_name.isidentifier():
                    raise ConfigError(f"A layer called {child_name[:40]!r} cannot be written as Python code.", "architecture")
                yield from self.lines(child, f"{path}.{child_name}" if path else child_name, depth + 1, child_name)
            yield _Line(f"{'    ' * depth})){end}", "")
        else:
            yield _Line(f"{begin}{layer_code(module)}{end}", self._shape(path))

    def wired(self, model: Wired) -> str:
        """Defines the class of a network whose rows are wired by name, and returns the call that makes it."""
        lines, steps = [], []
        for name, sources in model.wires.items():
            layer = model.get_submodule(name)
            given = ["images" if source == INPUT else source for source in sources]
            if isinstance(layer, blocks.Add):
                steps.append(f"{name} = {' + '.join(given)}")
            elif isinstance(layer, blocks.Concatenate):
                steps.append(f"{name} = torch.cat(({', '.join(given)}), dim=1)")
            else:
                line = next(self.lines(layer, name, 0))
                lines.append(_Line(f"        self.{name} = {line.code}", line.comment))
                steps.append(f"{name} = self.{name}({', '.join(given)})")
        forward = "".join(f"        {step}\n" for step in (*steps, f"return {name}"))
        definition = (
            'class Network(nn.Module):\n    """Layers that are wired by name."""\n\n    def __init__(self):\n'
            f"        super().__init__()\n{_aligned(lines)}\n    def forward(self, images):\n{forward}"
        )
        return f"{self._defined('Network', definition)}()"

    def _shape(self, path: str) -> str:
        """That of the last layer that runs under `path`."""
        inside = [shape for layer, shape in self.shapes.items() if layer == path or layer.startswith(f"{path}.")]
        return shape_text(inside[-1])

    def _defined(self, name: str, definition: str) -> str:
        """The name of a class with this text: another one where a block of another kind has the name already."""
        number, chosen, text = 1, name, definition
        while self.definitions.setdefault(chosen, text) != text:
            number += 1
            chosen, text = f"{name}{number}", definition
            for defined in _DEFINED.findall(definition):
                text = re.sub(rf"\b{defined}\b", f"{defined}{number}", text)
        return chosen


def _aligned(lines: list[_Line]) -> str:
    widest = max((len(line.code) for line in lines if line.comment and len(line.code) <= _WIDEST), default=0)
    return "".join(f"{f'{line.code:<{widest}}  # {line.comment}' if line.comment else line.code}\n" for line in lines)
