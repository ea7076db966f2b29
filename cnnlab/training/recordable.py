"""Whether the steps of a run are replayed as a CUDA graph. Needs no torch, because the forecast of memory follows from it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cnnlab.architectures import own_code
from cnnlab.optimizers import OPTIMIZERS
from cnnlab.training import momentum

if TYPE_CHECKING:
    from cnnlab.config import RunConfig


def recordable(config: RunConfig, kind: str) -> bool:
    """`kind` is "cpu", "cuda" or "mps".

    A graph freezes Python's numbers. Fused optimisers take the learning rate from the device, but momentum and β₁ as numbers.
    Own code may compute with such numbers in each step.
    """
    if config.architecture == own_code.NAME:
        return False
    return kind == "cuda" and OPTIMIZERS[config.optimizer].fused and not momentum.cycles(config)
