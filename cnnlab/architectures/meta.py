"""Runs a network on PyTorch's meta device, where shapes are found and nothing is computed, as quickly as shapes can be found."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from cnnlab.architectures.blocks import Add, Concatenate, Scale

Sizes = tuple[int, ...]

_SHAPE_KEEPERS = (nn.BatchNorm1d, nn.BatchNorm2d, nn.Sigmoid, nn.ReLU, nn.Tanh, nn.GELU, nn.Dropout, Scale)


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
    if isinstance(module, _SHAPE_KEEPERS):
        return _hand_on
    made = _MADE.get(type(module))
    return partial(_empty, module, made) if made else None


def _hand_on(given: Tensor) -> Tensor:
    return given


def _empty(layer: nn.Module, made: Callable[..., Sizes | None], *given: Tensor) -> Tensor:
    sizes = made(layer, *(tuple(tensor.shape) for tensor in given))
    if sizes is None or min(sizes) < 1:
        return type(layer).forward(layer, *given)  # which says what does not fit
    return torch.empty(sizes, device="meta")


# The shape that each kind makes of those it is given; None, or a side below 1, where PyTorch itself had better answer.


def _stacked(_layer: Concatenate, first: Sizes, *others: Sizes) -> Sizes | None:
    fits = all((other[0], *other[2:]) == (first[0], *first[2:]) for other in others)
    return (first[0], first[1] + sum(other[1] for other in others), *first[2:]) if fits else None


def _added(_layer: Add, left: Sizes, right: Sizes) -> Sizes | None:
    return left if left == right else None


def _dense(layer: nn.Linear, given: Sizes) -> Sizes | None:
    return (*given[:-1], layer.out_features) if given[-1] == layer.in_features else None


def _convolved(layer: nn.Conv2d, given: Sizes) -> Sizes | None:
    if len(given) != 4 or given[1] != layer.in_channels or isinstance(layer.padding, str):
        return None
    return (given[0], layer.out_channels, *_places(layer, given))


def _pooled(layer: nn.MaxPool2d | nn.AvgPool2d, given: Sizes) -> Sizes | None:
    usual = isinstance(layer.kernel_size, int) and isinstance(layer.padding, int) and 2 * layer.padding <= layer.kernel_size
    return (*given[:2], *_places(layer, given)) if len(given) == 4 and usual and not layer.ceil_mode else None


def _pooled_to(layer: nn.AdaptiveAvgPool2d | nn.AdaptiveMaxPool2d, given: Sizes) -> Sizes | None:
    side = layer.output_size
    return (*given[:2], side, side) if len(given) == 4 and isinstance(side, int) and min(given) > 0 else None


def _places(layer: Any, given: Sizes) -> list[int]:
    """At how many places the window stands, along height and width."""
    settings = (
        value if isinstance(value, tuple) else (value, value)
        for value in (layer.kernel_size, layer.stride, layer.padding, getattr(layer, "dilation", 1))
    )
    return [
        (side + 2 * padding - dilation * (window - 1) - 1) // stride + 1
        for side, window, stride, padding, dilation in zip(given[2:], *settings, strict=True)
    ]


_MADE: dict[type[nn.Module], Callable[..., Sizes | None]] = {
    Concatenate: _stacked,
    Add: _added,
    nn.Linear: _dense,
    nn.Conv2d: _convolved,
    nn.MaxPool2d: _pooled,
    nn.AvgPool2d: _pooled,
    nn.AdaptiveAvgPool2d: _pooled_to,
    nn.AdaptiveMaxPool2d: _pooled_to,
}
