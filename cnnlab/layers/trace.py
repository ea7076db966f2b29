"""The layer table of a network, from one forward pass on the meta device, which finds shapes and computes nothing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from itertools import takewhile
from math import prod
from typing import Any

import torch
from torch import Tensor, nn

from cnnlab.architectures import Shape, card, receptive
from cnnlab.architectures.kinds import kind_of
from cnnlab.architectures.meta import run_on_meta, shapes_by_arithmetic
from cnnlab.layers.table import BYTES_PER_FLOAT, LayerRow, LayerTable


def layer_table(
    card_name: str, input_shape: Shape | None = None, classes: int = 10, options: Mapping[str, Any] | None = None
) -> LayerTable:
    """The table of a registered network for images of `input_shape` (C, H, W; by default the course's).

    Raises ConfigError for an unknown name or option, ShapeError where the images are too small.
    """
    chosen = card(card_name)
    shape = tuple(input_shape or chosen.input_shape)
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

    Layers are the modules without children (and those that hold parameters of their own); operations written as plain
    functions between them have no row, and behind them the receptive field is None. The model may be on any device; its mode,
    hooks and weights do not change, nor does torch's random state.
    """
    return trace_with_fields(model, input_shape)[0]


def trace_with_fields(
    model: nn.Module, input_shape: tuple[int, ...]
) -> tuple[tuple[LayerRow, ...], tuple[receptive.Field | None, ...]]:
    """As `trace`, and where on the image the values of each row look; None where that is unknown."""
    recorder = _Recorder(model, input_shape)
    with recorder.listening(), torch.random.fork_rng(devices=[]):
        run_on_meta(model, recorder.image)
    return _with_shares(recorder.rows), tuple(recorder.fields)


def trace_until_refused(model: nn.Module, input_shape: tuple[int, ...]) -> tuple[tuple[LayerRow, ...], LayerRow | None]:
    """As `trace`, up to the layer that cannot take its input, or makes nothing of it; and that layer, without an output."""
    recorder = _Recorder(model, input_shape)
    with recorder.listening(), torch.random.fork_rng(devices=[]), shapes_by_arithmetic(model), suppress(RuntimeError):
        run_on_meta(model, recorder.image)
    rows = list(takewhile(lambda row: 0 not in row["output_shape"], recorder.rows))
    refused = recorder.rows[len(rows)] if len(rows) < len(recorder.rows) else recorder.entered()
    made_of_nothing = {"output_shape": (), "macs": 0, "activation_bytes": 0, "receptive_field": None, "share": 0.0}
    return _with_shares(rows), refused and LayerRow(**refused | made_of_nothing)


def _with_shares(rows: list[dict[str, Any]]) -> tuple[LayerRow, ...]:
    total = sum(row["parameters"] for row in rows)
    return tuple(LayerRow(**row, share=row["parameters"] / total if total else 0.0) for row in rows)


class _Recorder:
    """Writes a row for each layer that has run."""

    def __init__(self, model: nn.Module, input_shape: tuple[int, ...]) -> None:
        self.rows: list[dict[str, Any]] = []  # LayerRow's fields, without the share
        self.fields: list[receptive.Field | None] = []  # one a row
        self.image = torch.empty(1, *input_shape, device="meta")
        self._names: dict[nn.Module, str] = {}
        for module, path in _layers(model):
            self._names.setdefault(module, path)  # a module with several names keeps the first
        # Collected before the pass, which may put meta tensors in place of the weights.
        self._parameters = {module: _held(module, "_parameters") for module in self._names}
        self._entered: tuple[nn.Module, tuple[Any, ...]] | None = None
        self._counted: set[int] = set()
        self._ran: set[nn.Module] = set()
        # The tensors are kept as well: Python gives the id of a deleted object to the next one.
        self._fields: dict[int, tuple[Tensor, receptive.Field | None]] = {
            id(self.image): (self.image, receptive.start(tuple(input_shape[1:])))
        }

    @contextmanager
    def listening(self) -> Iterator[None]:
        handles = [module.register_forward_hook(self._record, with_kwargs=True) for module in self._names]
        handles += [module.register_forward_pre_hook(self._enter) for module in self._names]
        try:
            yield
        finally:
            for handle in handles:
                handle.remove()

    def _enter(self, module: nn.Module, args: tuple[Any, ...]) -> None:
        self._entered = (module, args)

    def entered(self) -> dict[str, Any] | None:
        """The row of the layer that runs, or ran last, as far as it can be known without an output."""
        if self._entered is None:
            return None
        module, args = self._entered
        shapes = [tuple(tensor.shape)[1:] for tensor in _tensors(args)]
        return {
            "path": self._names[module],
            "kind": type(module).__name__,
            "settings": kind_of(module).settings(module, shapes, shapes[0]),
            "input_shape": shapes[0],
            "parameters": self._count(module)[0],
            "buffers": 0,
        }

    def _record(self, module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any], output: Any) -> None:
        inputs, outputs = _tensors(args) + _tensors(kwargs), _tensors(output)
        if not inputs or not outputs:
            return  # nothing flows through it
        entering, leaving = [tuple(tensor.shape)[1:] for tensor in inputs], tuple(outputs[0].shape)[1:]
        kind = kind_of(module)
        field = receptive.merged([self._fields.get(id(tensor), (tensor, None))[1] for tensor in inputs])
        field = field and kind.field(module, field, entering[0], leaving)
        for tensor in outputs:
            self._fields[id(tensor)] = (tensor, field)
        self.fields.append(field)
        again = module in self._ran
        parameters, shared = self._count(module)
        self.rows.append(
            {
                "path": self._names[module],
                "kind": type(module).__name__,
                "settings": ", ".join(filter(None, (kind.settings(module, entering, leaving), self._frozen(module)))),
                "input_shape": entering[0],
                "output_shape": leaving,
                "parameters": parameters,
                "buffers": 0 if again else sum(buffer.numel() for buffer in _held(module, "_buffers")),
                "macs": kind.macs(module, entering[0], leaving),
                "activation_bytes": prod(leaving) * BYTES_PER_FLOAT,
                "receptive_field": field.side if field else None,
                "shared": again or shared,
            }
        )
        self._ran.add(module)

    def _count(self, module: nn.Module) -> tuple[int, bool]:
        """Trainable parameters not counted yet, and whether any of the layer's own were counted at another one."""
        own = self._parameters[module]
        if not own:
            return 0, False
        new = [parameter for parameter in own if id(parameter) not in self._counted]
        self._counted.update(map(id, new))
        return sum(parameter.numel() for parameter in new if parameter.requires_grad), len(new) < len(own)

    def _frozen(self, module: nn.Module) -> str:
        own = self._parameters[module]
        return "frozen" if own and not any(parameter.requires_grad for parameter in own) else ""


def _layers(model: nn.Module) -> Iterator[tuple[nn.Module, str]]:
    """The modules that get a row, with their paths, in the order of definition."""
    waiting = [(model, "")]
    while waiting:
        module, path = waiting.pop()
        children = [(child, f"{path}.{name}" if path else name) for name, child in module._modules.items() if child is not None]
        if not children or any(parameter is not None for parameter in module._parameters.values()):
            yield module, path or type(module).__name__
        else:
            waiting.extend(reversed(children))


def _held(module: nn.Module, kind: str) -> tuple[Tensor, ...]:
    """The parameters or buffers of a layer; those of its children too, where it has any."""
    # `Module.parameters` also builds names, and takes ten times as long.
    if not module._modules and not getattr(module, kind):
        return ()
    holders = module.modules() if module._modules else (module,)
    tensors = {id(tensor): tensor for holder in holders for tensor in getattr(holder, kind).values() if tensor is not None}
    return tuple(tensors.values())


def _tensors(value: Any) -> list[Tensor]:
    if isinstance(value, Tensor):
        return [value]
    if isinstance(value, Mapping):
        value = tuple(value.values())
    return [tensor for part in value for tensor in _tensors(part)] if isinstance(value, (list, tuple)) else []
