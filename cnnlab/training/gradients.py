"""How long the gradient of a batch is: evidence for the diagnosis of a run."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from torch import nn

if TYPE_CHECKING:
    from cnnlab.training.session import Session


def gradient_norm(session: Session) -> float | None:
    """Of the last batch, before clipping; None before the first and where it is not finite. Waits for the device.

    A Progress has it, and not every batch: it takes 1 to 3 % of the time of a step (LeNet, MLP, ResNet-18 ÷ 8; one thread).
    """
    norm = session.norm_before_clipping
    if norm is None:
        gradients = [weight.grad for weight in session.model.parameters() if weight.grad is not None]
        if not gradients:
            return None
        norm = nn.utils.get_total_norm(gradients)
    value = norm.item()
    return value if math.isfinite(value) else None
