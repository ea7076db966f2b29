"""What the lab changes in a network of torchvision: channels, classes, and which layers learn."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from cnnlab.errors import InstallationError
from cnnlab.i18n import say

HEAD_ALONE = "head_alone"  # the attribute of a network whose last layer alone learns


def build(name: str, classes: int, *, auxiliary: bool) -> nn.Module:
    """torchvision's network with random weights, on torch's default device. Raises InstallationError."""
    try:
        from torchvision import models
    except (ImportError, RuntimeError) as error:  # RuntimeError: it was built for another torch
        raise InstallationError(
            say(
                "These networks need torchvision, which cannot be imported ({error}): run pip install -r requirements.txt.",
                error=error,
            )
        ) from error
    known: dict[str, Any] = {"aux_logits": False, "init_weights": True} if auxiliary else {}
    with _Computing():
        return models.get_model(name, weights=None, num_classes=classes, **known)


def head(model: nn.Module) -> nn.Module:
    """The layer that gives the logits: the last dense layer, or the last convolution of a network without one."""
    layers = list(model.modules())
    for kind in (nn.Linear, nn.Conv2d):
        if found := [layer for layer in layers if isinstance(layer, kind)]:
            return found[-1]
    raise ValueError("the network has neither a dense layer nor a convolution")


def take_channels(model: nn.Module, channels: int) -> None:
    """Gives the first convolution `channels` inputs in place of three, with new weights."""
    path, first = next((path, layer) for path, layer in model.named_modules() if isinstance(layer, nn.Conv2d))
    if channels == first.in_channels:
        return
    parent, _dot, name = path.rpartition(".")
    settings = {each: getattr(first, each) for each in ("kernel_size", "stride", "padding", "dilation", "padding_mode")}
    made = nn.Conv2d(channels, first.out_channels, bias=first.bias is not None, **settings)
    setattr(model.get_submodule(parent), name, made)


def over_channels(weights: Tensor, channels: int) -> Tensor:
    """A first convolution's weights N×3×H×W for images of `channels` channels, each with the same share of their sum."""
    return weights if channels == weights.shape[1] else weights.sum(1, keepdim=True).expand(-1, channels, -1, -1) / channels


def train_head_alone(model: nn.Module) -> None:
    model.requires_grad_(False)
    head(model).requires_grad_(True)
    setattr(model, HEAD_ALONE, True)


def learn_in(model: nn.Module) -> None:
    """Training mode; where the head alone learns, all that has no weight to learn stays in evaluation mode."""
    model.train()
    if not getattr(model, HEAD_ALONE, False):
        return
    for module in model.modules():
        if not any(weight.requires_grad for weight in module.parameters()):
            module.training = False


def settled(model: nn.Module) -> nn.Module:
    """The network without layers that work in place; a draft whole on the meta device, its tables of positions included."""
    for module in model.modules():
        if getattr(module, "inplace", False):
            module.inplace = False
    return model.to("meta") if next(model.parameters()).is_meta else model


class _Computing(TorchFunctionMode):
    """Sizes that torchvision computes with tensors, such as RegNet's widths, are computed also where a draft has no numbers."""

    def __torch_function__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        if function in (torch.arange, torch.linspace, torch.tensor) and kwargs.get("device") is None:
            kwargs["device"] = "cpu"
        return function(*args, **kwargs)
