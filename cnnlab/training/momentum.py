"""Whether a run's momentum cycles, and where it begins. Needs no torch, because the forecast of memory follows from it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cnnlab.config import RunConfig

# PyTorch's own figures for one-cycle; with Adam and AdamW they are for β₁.
MOST, LEAST = 0.95, 0.85


def cycles(config: RunConfig) -> bool:
    """Whether the schedule changes the momentum, too."""
    return config.cycle_momentum and config.schedule == "one-cycle"


def first(config: RunConfig) -> float:
    """The momentum of the first batch; above 0, the optimiser keeps a tensor for it."""
    return MOST if cycles(config) else config.momentum
