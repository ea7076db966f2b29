"""How the values of a network lie in memory, which decides its speed, and on the CPU how exact batch norm is."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

EXACT, EARLY = "channels_last, large batch norm contiguous", "channels_last"  # EARLY is that of checkpoints that name none
_LARGE = 1 << 17  # values of a channel: images × height × width. The error grows with them, and is up to 10⁻⁴ here


def arrange(model: nn.Module, device: torch.device) -> list[Any]:
    """Moves the network to `device`; returns the handles of what makes its batch norm exact, to be removed for an EARLY layout.

    Convolutions are faster where the channels of a pixel lie together. But there PyTorch's batch norm on the CPU adds up in one
    float32 number a channel: with 2,048 images of LeNet the variance is wrong by 10⁻³, and by 2·10⁻⁶ where each channel lies
    together. So batch norm gets large inputs in that order. For all inputs it would cost NiN and VGG far more time than the digits
    are worth (docs/BENCHMARKS.md). A compiled network and other devices have kernels of their own.
    """
    model.to(device, memory_format=torch.channels_last)
    if device.type != "cpu":
        return []
    norms = [module for module in model.modules() if isinstance(module, nn.BatchNorm2d)]
    return [norm.register_forward_pre_hook(_contiguous_if_large) for norm in norms]


def _contiguous_if_large(_module: nn.Module, inputs: tuple[torch.Tensor, ...]) -> tuple[torch.Tensor, ...]:
    values = inputs[0]
    return (values.contiguous() if values.numel() > _LARGE * values.shape[1] else values,)
