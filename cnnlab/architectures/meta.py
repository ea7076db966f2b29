"""Runs a network on PyTorch's meta device, where shapes are found and nothing is computed, as quickly as shapes can be found."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial

import torch
from torch import Tensor, nn

from cnnlab.architectures.kinds import kind_of
from cnnlab.architectures.receptive import Sizes


def run_on_meta(model: nn.Module, image: Tensor) -> Tensor:
    """What `model` makes of `image`, which is on the meta device, wherever its weights are; it is left as it was."""
    with evaluating(model), torch.no_grad():
        if all(tensor.is_meta for module in all_modules(model) for tensor in own_tensors(module)):
            return model(image)
        weights = {**dict(model.named_parameters()), **dict(model.named_buffers())}
        return torch.func.functional_call(model, {name: tensor.to("meta") for name, tensor in weights.items()}, (image,))


def all_modules(model: nn.Module) -> list[nn.Module]:
    """`model` and what is in it, each once. `Module.modules` walks through names in as many generators as the network is deep."""
    found = {model: None}
    for module in (waiting := [model]):
        for child in module._modules.values():
            if child is not None and child not in found:
                found[child] = None
                waiting.append(child)
    return list(found)


def own_tensors(module: nn.Module) -> list[Tensor]:
    """Parameters and buffers of this very module. `Module.parameters` walks through names for ten times as long."""
    return [tensor for tensor in (*module._parameters.values(), *module._buffers.values()) if tensor is not None]


@contextmanager
def evaluating(model: nn.Module) -> Iterator[None]:
    """While this is open, `model` is in evaluation mode."""
    # In training mode batch norm would count the pass and refuse a 1×1 map of a single image. Modes can differ inside a model.
    training = [module for module in all_modules(model) if module.training]
    for module in training:
        module.__dict__["training"] = False  # past Module.__setattr__, which looks for weights: 5 µs each
    try:
        yield
    finally:
        for module in training:
            module.__dict__["training"] = True


@contextmanager
def handing_on(model: nn.Module) -> Iterator[None]:
    """While this is open, layers that keep the shape return what they are given, and others an empty map of the shape they make."""
    # PyTorch works out on the meta device in Python what is the input's shape or a line of arithmetic: 1 ms a batch norm, 0.7 a
    # ReLU, 0.1 a convolution. For the first dense layer, addition or average it loads its compiler as well: 2 to 5 s, 150 MB.
    replaced = []
    for module in all_modules(model):
        forward = _shortcut(module)
        if forward:
            module.__dict__["forward"] = forward  # on the object, so it hides the class's; past Module.__setattr__ as above
            replaced.append(module)
    try:
        yield
    finally:
        for module in replaced:
            del module.__dict__["forward"]


def _shortcut(module: nn.Module) -> Callable[..., Tensor] | None:
    kind = kind_of(module)
    if kind.keeps_shape:
        return _hand_on
    return partial(_empty, module, kind.shape) if kind.shape else None


def _hand_on(given: Tensor) -> Tensor:
    return given


def _empty(layer: nn.Module, shape: Callable[..., Sizes | None], *given: Tensor) -> Tensor:
    sizes = shape(layer, *(tuple(tensor.shape) for tensor in given))
    if sizes is None or min(sizes) < 1:
        return type(layer).forward(layer, *given)  # which says what does not fit
    return torch.empty(sizes, device="meta")
