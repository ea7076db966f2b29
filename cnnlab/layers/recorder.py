"""Writes the rows of a layer table while a network runs on the meta device."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from math import prod
from typing import Any

import torch
from torch import Tensor, nn

from cnnlab.architectures import receptive
from cnnlab.architectures.kind import Kind
from cnnlab.architectures.kinds import ATTENTION, KINDS, kind_of
from cnnlab.architectures.meta import all_modules
from cnnlab.i18n import N_
from cnnlab.layers.operations import Operations
from cnnlab.layers.table import BYTES_PER_FLOAT, IMAGE

UNUSED = N_("layers that it does not use")


class Recorder:
    """Writes a row for each layer, and each operation between layers, that has run."""

    def __init__(self, model: nn.Module, input_shape: tuple[int, ...]) -> None:
        self.rows: list[dict[str, Any]] = []  # LayerRow's fields, without the share
        self.fields: list[receptive.Field | None] = []  # one a row
        self.image = torch.empty(1, *input_shape, device="meta")
        self._paths = _paths(model)
        self._taken = set(self._paths.values())
        # Collected before the pass, which may put meta tensors in place of the weights.
        self._own = {held: {module: _own(module, held) for module in self._paths} for held in ("_parameters", "_buffers")}
        self._running: list[nn.Module] = []  # innermost last
        self._entered: tuple[nn.Module, tuple[Any, ...]] | None = None
        self._counted: set[int] = set()
        self._ran: set[nn.Module] = set()
        # The tensors are kept as well: Python gives the id of a deleted object to the next one.
        self._fields: dict[int, tuple[Tensor, receptive.Field | None]] = {
            id(self.image): (self.image, receptive.start(tuple(input_shape[1:])))
        }
        self._makers = {id(self.image): IMAGE}  # of the same tensors: the places of the rows that made them

    @contextmanager
    def listening(self) -> Iterator[None]:
        handles = [module.register_forward_hook(self._leave, with_kwargs=True) for module in self._paths]
        handles += [module.register_forward_pre_hook(self._enter) for module in self._paths]
        try:
            with Operations(self._operation, self._between):
                yield
        finally:
            for handle in handles:
                handle.remove()

    def _enter(self, module: nn.Module, args: tuple[Any, ...]) -> None:
        self._running.append(module)
        if not module._modules:
            self._entered = (module, args)

    def entered(self) -> dict[str, Any] | None:
        """The row of the layer that runs, or ran last, as far as it can be known without an output."""
        if self._entered is None:
            return None
        module, args = self._entered
        shapes = [tuple(tensor.shape)[1:] for tensor in _tensors(args)]
        return {
            "path": self._paths[module],
            "kind": type(module).__name__,
            "settings": kind_of(module).settings(module, shapes, shapes[0]),
            "input_shape": shapes[0],
            "parameters": self._count(module)[0],
            "buffers": 0,
        }

    def _between(self) -> bool:
        """Whether the code of a block runs: not that of a layer, nor of an attention, which is one row."""
        inner = self._running[-1:]
        return bool(inner and inner[0]._modules) and not any(type(module).__name__ in ATTENTION for module in self._running)

    def _leave(self, module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any], output: Any) -> Tensor | None:
        self._running.pop()
        inputs, outputs = _tensors(args) + _tensors(kwargs), _tensors(output)
        calls = bool(module._modules) and not self._own["_parameters"][module]
        unused = calls and not self._running and self._has_unused()
        if not inputs or not outputs or (calls and not unused):
            return None  # nothing flows through it, or it only calls others
        handed_on = not module._modules and any(output is each for each in inputs)
        if handed_on:
            outputs = [output.detach()]  # an object of its own: its readers are not those of the input
        kind, again = kind_of(module), module in self._ran
        parameters, shared = self._count(module)
        tensors = [] if again else self._held(module, "_buffers")
        frozen = [] if again else [each for each in self._held(module, "_parameters") if not each.requires_grad]
        row = {
            "path": self._paths[module],
            "kind": type(module).__name__,
            "parameters": parameters,
            "buffers": sum(each.numel() for each in (*tensors, *frozen)),
            "shared": again or shared,
        }
        self._add(row, (kind, module), inputs, outputs, UNUSED if unused else self._frozen(module))
        self._ran.add(module)
        return outputs[0] if handed_on else None

    def _has_unused(self) -> bool:
        """Whether a layer with parameters has not been called; asked of the whole network, when it ends."""
        return any(id(each) not in self._counted for own in self._own["_parameters"].values() for each in own)

    def _operation(self, kind: str, layer: Any, inputs: list[Tensor], made: Tensor) -> None:
        path = self._free(f"{self._paths[self._running[-1]]}.{kind.lower()}" if self._inside_root else kind.lower())
        row = {"path": path, "kind": kind, "parameters": 0, "buffers": 0, "shared": False}
        self._add(row, (KINDS[kind], layer), inputs, [made])

    @property
    def _inside_root(self) -> bool:
        return len(self._running) > 1

    def _free(self, path: str) -> str:
        """`path`, with a number where another row has it."""
        number, free = 1, path
        while free in self._taken:
            number += 1
            free = f"{path}{number}"
        self._taken.add(free)
        return free

    def _add(
        self, row: dict[str, Any], what: tuple[Kind, Any], inputs: list[Tensor], outputs: list[Tensor], more: str = ""
    ) -> None:
        kind, layer = what
        entering, leaving = [tuple(tensor.shape)[1:] for tensor in inputs], tuple(outputs[0].shape)[1:]
        flows = [tensor for tensor in inputs if not isinstance(tensor, nn.Parameter)]
        field = receptive.merged([self._fields.get(id(tensor), (tensor, None))[1] for tensor in flows])
        field = field and kind.field(layer, field, entering[0], leaving)
        feeds = self._feeds(flows, outputs[0], of_block=bool(getattr(layer, "_modules", None)))
        for tensor in outputs:
            self._fields[id(tensor)] = (tensor, field)
            self._makers[id(tensor)] = len(self.rows)
        self.fields.append(field)
        row |= {
            "settings": ", ".join(filter(None, (kind.settings(layer, entering, leaving), more))),
            "input_shape": entering[0],
            "output_shape": leaving,
            "macs": kind.macs(layer, entering[0], leaving),
            "activation_bytes": prod(leaving) * BYTES_PER_FLOAT,
            "receptive_field": field.side if field else None,
            "feeds": feeds,
        }
        self.rows.append(row)

    def _feeds(self, flows: list[Tensor], made: Tensor, *, of_block: bool) -> tuple[int, ...]:
        """The rows that a row takes its input from. Where a plain function stands between, it is the row before."""
        if of_block and id(made) in self._makers:  # a block's own row stands behind the layer that made its output
            return (self._makers[id(made)],)
        return tuple(dict.fromkeys(self._makers.get(id(tensor), len(self.rows) - 1) for tensor in flows))

    def _held(self, module: nn.Module, held: str) -> list[Tensor]:
        """Parameters or buffers of a layer, and of those of its children that it does not call; each once."""
        parts = all_modules(module) if module._modules else [module]
        found = [each for part in parts if part is module or part not in self._ran for each in self._own[held][part]]
        return list({id(each): each for each in found}.values())

    def _count(self, module: nn.Module) -> tuple[int, bool]:
        """Trainable parameters not counted yet, and whether any of the layer's own were counted at another one."""
        own = self._held(module, "_parameters")
        new = [parameter for parameter in own if id(parameter) not in self._counted]
        self._counted.update(map(id, new))
        return sum(parameter.numel() for parameter in new if parameter.requires_grad), len(new) < len(own)

    def _frozen(self, module: nn.Module) -> str:
        own = self._own["_parameters"][module]
        return "frozen" if own and not any(parameter.requires_grad for parameter in own) else ""


def _paths(model: nn.Module) -> dict[nn.Module, str]:
    """All modules with their paths, in the order of definition; one with several names keeps the first."""
    found: dict[nn.Module, str] = {}
    waiting = [(model, "")]
    while waiting:
        module, path = waiting.pop()
        if module in found:
            continue
        found[module] = path or type(module).__name__
        children = [(child, f"{path}.{name}" if path else name) for name, child in module._modules.items() if child is not None]
        waiting.extend(reversed(children))
    return found


def _own(module: nn.Module, held: str) -> list[Tensor]:
    """The parameters or buffers of this module alone."""
    # `Module.parameters` also builds names, and takes ten times as long.
    return [tensor for tensor in getattr(module, held).values() if tensor is not None]


def _tensors(value: Any) -> list[Tensor]:
    if isinstance(value, Tensor):
        return [value]
    if isinstance(value, Mapping):
        value = tuple(value.values())
    return [tensor for part in value for tensor in _tensors(part)] if isinstance(value, (list, tuple)) else []
