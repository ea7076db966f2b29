"""Builds a network from its card on the meta device, runs it there once, and only then allocates weights.

A network that exists has therefore been run at its input size. Where one cannot work, the error names the layer and what would fit.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Protocol

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from cnnlab.architectures import own_class
from cnnlab.architectures.kinds import kind_of
from cnnlab.architectures.meta import run_on_meta, shapes_by_arithmetic
from cnnlab.architectures.shape import Shape
from cnnlab.errors import ConfigError, ShapeError
from cnnlab.i18n import N_, say
from cnnlab.text import shape_text, shortened

MAXIMUM_CHANNELS = 1_024
MAXIMUM_SIDE = 2_048
MAXIMUM_CLASSES = 10_000
MAXIMUM_PARAMETERS = 1_000_000_000  # 4 GB of float32 weights; training takes three to four times that

_ORDINALS = (
    N_("first"),
    N_("second"),
    N_("third"),
    N_("fourth"),
    N_("fifth"),
    N_("sixth"),
    N_("seventh"),
    N_("eighth"),
    N_("ninth"),
    N_("tenth"),
)


class Plan(Protocol):
    """The part of a card that building needs; every `Card` is one."""

    @property
    def title(self) -> str: ...
    @property
    def input_shape(self) -> Shape: ...
    @property
    def usual_size(self) -> str: ...
    @property
    def builder(self) -> Callable[..., nn.Module]: ...
    @property
    def foreign(self) -> bool: ...
    @property
    def own_code(self) -> bool: ...
    def called(self, options: Mapping[str, Any]) -> str: ...


class LayerSizeError(Exception):
    """A layer cannot take its input; the message is "its third max-pool, 3/2, is given 2×2"."""


def build(card: Plan, input_shape: Shape, classes: int, settings: Mapping[str, Any], device: str) -> nn.Module:
    """The network of `card` for images of `input_shape`, with weights on `device` drawn from torch's global generator.

    On device "meta" there are no weights and the generator is not touched. Raises ConfigError for a wrong size, class count
    or a network too large to train, ShapeError where the images are too small.
    """
    if card.own_code and torch.device(device).type != "meta":
        _check_numbers(input_shape, classes)
        model = own_class.network(card.builder, input_shape, classes, settings, device)
        _check_count(model, card.called(settings))
        return model
    model = draft(card, input_shape, classes, settings)
    if card.own_code:
        return model
    try:
        output_shape(model, input_shape)
    except LayerSizeError as failure:
        raise ShapeError(_advice(card, input_shape, classes, settings, failure), "image_size") from failure
    if torch.device(device).type == "meta":
        return model
    _check_count(model, card.called(settings))
    if card.foreign:
        with torch.device(device):
            return card.builder(input_shape, classes, **settings)
    model.to_empty(device=device)
    for module in model.modules():
        if hasattr(module, "reset_parameters"):
            module.reset_parameters()
    return model


def draft(card: Plan, input_shape: Shape, classes: int, settings: Mapping[str, Any]) -> nn.Module:
    """The network on the meta device, not yet run; a user's own code on the CPU. Raises as `build` does, where the fault shows."""
    _check_numbers(input_shape, classes)
    if card.own_code:
        return own_class.network(card.builder, input_shape, classes, settings, "meta")
    try:
        return _drafted(card, input_shape, classes, settings)
    except LayerSizeError as failure:
        raise ShapeError(_advice(card, input_shape, classes, settings, failure), "image_size") from failure


def minimum_size(card: Plan, channels: int, classes: int, settings: Mapping[str, Any], above: int = 0) -> int | None:
    """The side of the smallest square images that the network takes with these settings; None where the largest are too small.

    `above` is a side already known to be too small.
    """

    def fit(side: int) -> bool:
        return fits(card, (channels, side, side), classes, settings)

    # A layer's output never shrinks where its input grows, so halving a range finds the border.
    low, high = above + 1, max(card.input_shape[1], above + 1)
    while not fit(high):
        if high == MAXIMUM_SIDE:
            return None
        low, high = high + 1, min(2 * high, MAXIMUM_SIDE)
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if fit(middle) else (middle + 1, high)
    return low


def fits(card: Plan, input_shape: Shape, classes: int, settings: Mapping[str, Any]) -> bool:
    """Whether every layer of the network can take its input."""
    try:
        output_shape(_drafted(card, input_shape, classes, settings), input_shape)
    except (LayerSizeError, ShapeError):
        return False
    return True


def output_shape(model: nn.Module, input_shape: Shape) -> tuple[int, ...]:
    """The output shape of `model` for one image, from a pass on the meta device, which computes nothing.

    The model must be on that device; its mode does not change, and no random number is drawn.
    Raises LayerSizeError where a layer cannot take its input.
    """
    seen: Counter[str] = Counter()
    entered = ""

    def enter(module: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        nonlocal entered
        kind = kind_of(module)
        title, brief = kind.title or type(module).__name__, kind.brief(module)
        seen[title] += 1
        which = {"ordinal": _ordinal(seen[title]), "layer": title, "shape": _size(inputs[0])}
        if brief:
            entered = say("its {ordinal} {layer}, {settings}, is given {shape}", settings=brief, **which)
        else:
            entered = say("its {ordinal} {layer}, is given {shape}", **which)

    def leave(_module: nn.Module, _inputs: tuple[Tensor, ...], result: Tensor) -> None:
        if result.numel() == 0:  # some layers return an empty map where others refuse
            raise LayerSizeError(entered)

    with _hooks(model, enter, leave), shapes_by_arithmetic(model):
        try:
            return tuple(run_on_meta(model, torch.empty(1, *input_shape, device="meta")).shape[1:])
        except RuntimeError as error:
            raise LayerSizeError(entered) from error


def flattened_size(features: nn.Module, input_shape: Shape) -> int:
    """The number of values per image after `features`: the input width of the first dense layer."""
    return torch.Size(output_shape(features, input_shape)).numel()


def check_batch(model: nn.Module, input_shape: Shape, batch_size: int) -> None:
    """Raises ShapeError if `model` cannot be trained on a batch this small, because batch norm would see one value a channel.

    Mind the last batch of an epoch, which may be smaller than the others. Larger batches cost nothing to check.
    """
    if batch_size > 1:
        return
    names = {module: name for name, module in model.named_modules()}

    def enter(module: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        if kind_of(module).category == "normalisation" and inputs[0].numel() == getattr(module, "num_features", None):
            raise ShapeError(
                say(
                    "Batch norm cannot learn from one value per channel: with a batch of one image, {layer} is given {shape}. "
                    "Use batches of at least 2 images, or switch batch normalisation off.",
                    layer=names[module],
                    shape=_size(inputs[0]),
                ),
                "batch_size",
            )

    with _hooks(model, enter, lambda *_: None):
        run_on_meta(model, torch.empty(1, *input_shape, device="meta"))


def _check_count(model: nn.Module, network: str) -> None:
    count = sum(parameter.numel() for parameter in model.parameters())
    if count > MAXIMUM_PARAMETERS:
        text = say(
            "{network} would have {count:,} parameters with these settings, more than the {most:,} that can be trained here; "
            "choose smaller images or smaller layers.", network=network, count=count, most=MAXIMUM_PARAMETERS,
        )  # fmt: skip
        raise ConfigError(text, "options")


def _drafted(card: Plan, input_shape: Shape, classes: int, settings: Mapping[str, Any]) -> nn.Module:
    with _Drafting():
        return card.builder(input_shape, classes, **settings)


class _Drafting(TorchFunctionMode):
    """As `with torch.device("meta")`, but first weights are not filled, because a draft has none.

    DenseNet's table with a changed option takes 104 ms of the processor this way (84–200) and 171 that way (120–406; medians,
    n = 25 in turns on a busy machine). A control of Design should answer within 200 ms.
    """

    def __torch_function__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        if function in _DRAWING:
            return args[0] if args else kwargs["tensor"]
        if function in _MAKING and kwargs.get("device") is None:
            kwargs["device"] = "meta"
            function = _UNFILLED.get(function, function)
        return function(*args, **kwargs)


_MAKING = {  # what layers make tensors with
    *(torch.empty, torch.zeros, torch.ones, torch.full, torch.eye, torch.tensor, torch.arange, torch.linspace),
    *(torch.rand, torch.randn, torch.randint),
}
_DRAWING = {nn.init.kaiming_uniform_, nn.init.uniform_, Tensor.uniform_, Tensor.normal_, Tensor.fill_, Tensor.zero_}
_UNFILLED = {torch.zeros: torch.empty, torch.ones: torch.empty}  # on the meta device the same, and faster


@contextmanager
def _hooks(model: nn.Module, enter: Any, leave: Any) -> Iterator[None]:
    leaves = [module for module in model.modules() if not any(module.children())]
    handles = [handle for leaf in leaves for handle in (leaf.register_forward_pre_hook(enter), leaf.register_forward_hook(leave))]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def _advice(card: Plan, input_shape: Shape, classes: int, settings: Mapping[str, Any], failure: LayerSizeError) -> str:
    channels, height, width = input_shape
    smaller_side = min(height, width)  # the same layer refuses a square of this side
    needed = minimum_size(card, channels, classes, settings, above=smaller_side) if smaller_side < MAXIMUM_SIDE else None
    facts = {"network": card.called(settings), "given": f"{height}×{width}", "failure": str(failure)}
    if needed is None:
        return say(
            "{network} with these options fits no image of up to {limit}: with {given} {failure}. Choose fewer layers.",
            limit=f"{MAXIMUM_SIDE}×{MAXIMUM_SIDE} px", **facts,
        )  # fmt: skip
    facts["needed"] = f"{needed}×{needed}"
    usual = card.input_shape[1]
    if usual >= needed:
        return say(
            "{network} needs images of at least {needed} px: with {given} {failure}. Resize the images; {usual} is {which}.",
            usual=usual, which=card.usual_size, **facts,
        )  # fmt: skip
    return say(
        "{network} needs images of at least {needed} px: with {given} {failure}. "
        "Resize the images, or choose fewer or smaller layers.", **facts,
    )  # fmt: skip


def _check_numbers(input_shape: Shape, classes: int) -> None:
    if len(input_shape) != 3 or not all(type(number) is int for number in input_shape):
        value = shortened(input_shape)
        message = say("The input must be three whole numbers, channels × height × width, not {value}.", value=value)
        raise ConfigError(message, "input_shape")
    limits = {"channels": MAXIMUM_CHANNELS, "height": MAXIMUM_SIDE, "width": MAXIMUM_SIDE}
    for (name, highest), number in zip(limits.items(), input_shape, strict=True):
        if not 1 <= number <= highest:
            message = say(
                "The input's {name} must be from 1 to {most}, not {value}.", name=name, most=highest, value=shortened(number)
            )
            raise ConfigError(message, "input_shape")
    if type(classes) is not int or not 2 <= classes <= MAXIMUM_CLASSES:
        rule = say("a whole number from {low} to {high}", low=2, high=MAXIMUM_CLASSES)
        message = say("{name} must be {rule}, not {value}.", name="classes", rule=rule, value=shortened(classes))
        raise ConfigError(message, "classes")


def _size(tensor: Tensor) -> str:
    return shape_text(tensor.shape[2:] if tensor.dim() == 4 else tensor.shape[1:])


def _ordinal(number: int) -> str:
    return _ORDINALS[number - 1] if number <= len(_ORDINALS) else say("number {count}", count=number)
