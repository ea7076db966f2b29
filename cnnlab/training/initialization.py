"""The network at the start of a run: built, and its weights drawn from the configuration's seed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import nn

from cnnlab.architectures import card

if TYPE_CHECKING:
    from cnnlab.config import RunConfig


def network(config: RunConfig, classes: int) -> nn.Module:
    """The configuration's network on the CPU, its weights drawn from `config.seed`.

    Drawn on the CPU even where training happens elsewhere, so that a seed gives the same start on every device.
    Seeds torch's global generator. Raises ConfigError and ShapeError as `Card.build` does.
    """
    torch.manual_seed(config.seed)
    model = card(config.architecture).build(input_shape(config), classes, config.options)
    initialize(model, config.initialization)
    return model


def input_shape(config: RunConfig) -> tuple[int, int, int]:
    """C, H, W. Not the configuration's own property: without pydantic a configuration is a bare namespace of settings."""
    return config.channels, config.image_size, config.image_size


def initialize(model: nn.Module, scheme: str) -> None:
    """Draws the weights of convolutions and dense layers by `scheme`; "pytorch" leaves them as they are.

    Biases stay as PyTorch draws them, because the course's `init_weights` touches weights only.
    """
    if scheme == "pytorch":
        return
    for module in model.modules():
        if isinstance(module, nn.Conv2d | nn.Linear):
            if scheme == "xavier-uniform":
                nn.init.xavier_uniform_(module.weight)
            else:
                nn.init.kaiming_uniform_(module.weight, nonlinearity="relu")
