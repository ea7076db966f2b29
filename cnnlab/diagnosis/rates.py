"""What is usual for a configuration: learning rates, and whether small slopes shrink its gradient."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cnnlab.architectures.own import Layer, Network
from cnnlab.optimizers import OPTIMIZERS

if TYPE_CHECKING:
    from cnnlab.config import RunConfig

_SIGMOID_RATE, _HIGH_FOR_SIGMOID = 0.9, 2.0  # of SGD; the course's own is 0.9


def normalised(config: RunConfig) -> bool:
    """Whether the network has batch normalisation; a family without the option always has it."""
    if rows := _rows(config):
        return any(row.kind == "norm" or row.settings.get("batch_norm") is True for row in rows)
    return config.options.get("batch_norm") is not False


def flattened(config: RunConfig) -> bool:
    """Whether sigmoid without batch normalisation shrinks the gradient at every layer."""
    functions = {config.options.get("activation"), *(row.settings.get("function") for row in _rows(config))}
    return "sigmoid" in functions and not normalised(config)


def _rows(config: RunConfig) -> tuple[Layer, ...]:
    """Of a user's own network."""
    text = config.options.get("network")
    return Network.read(text).layers if text else ()


def usual_rate(config: RunConfig) -> float:
    """A learning rate to start with, for this optimiser and activation."""
    optimizer = OPTIMIZERS[config.optimizer]
    return _SIGMOID_RATE if flattened(config) and not optimizer.adaptive else optimizer.learning_rate


def high_rate(config: RunConfig) -> float:
    """Above it the network often stays at chance."""
    optimizer = OPTIMIZERS[config.optimizer]
    return _HIGH_FOR_SIGMOID if flattened(config) and not optimizer.adaptive else optimizer.high_rate


def step_rate(config: RunConfig) -> float:
    """The rate of plain steps that would go as far: momentum adds up many gradients that point the same way."""
    return config.learning_rate if OPTIMIZERS[config.optimizer].adaptive else config.learning_rate / (1 - config.momentum)


def smaller_rate(config: RunConfig) -> float:
    """A tenth, or the usual rate where that is smaller still."""
    return min(usual_rate(config), float(f"{config.learning_rate / 10:.4g}"))
