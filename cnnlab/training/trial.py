"""Trial passes through a network that leave the run unchanged."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import nn

from cnnlab.architectures.zoo_parts import learn_in


@contextmanager
def without_trace(model: nn.Module, device: torch.device) -> Iterator[None]:
    """Inside, the network is in training mode, for forward and backward passes without a step.

    Afterwards buffers, mode and torch's random generators are as before; gradients are None.
    """
    buffers = [buffer.clone() for buffer in model.buffers()]
    was_training = model.training
    learn_in(model)
    try:
        with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
            yield
    finally:
        model.train(was_training)
        model.zero_grad(set_to_none=True)
        with torch.no_grad():
            for buffer, before in zip(model.buffers(), buffers, strict=True):
                buffer.copy_(before)
