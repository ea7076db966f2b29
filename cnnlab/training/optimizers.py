"""Builds PyTorch's optimiser and learning rate schedule for a configuration."""

from __future__ import annotations

import ctypes
import math
from collections.abc import Iterable
from typing import TYPE_CHECKING

from torch import nn, optim
from torch.optim.lr_scheduler import LambdaLR

from cnnlab.training import momentum

if TYPE_CHECKING:
    from cnnlab.config import RunConfig

# PyTorch's own figures for one-cycle: rise over the first 30 % from 1/25 of the learning rate, end at a 10,000th of that.
_RISE = 0.3
_FIRST = 1 / 25
_LAST = _FIRST / 10_000


def optimizer(config: RunConfig, parameters: Iterable[nn.Parameter]) -> optim.Optimizer:
    """The configuration's optimiser, with the settings that apply to it, for the parameters that learn."""
    parameters = [parameter for parameter in parameters if parameter.requires_grad]
    rate, decay, kept = config.learning_rate, config.weight_decay, momentum.first(config)
    # One kernel for all tensors: on a GPU a step of a small network is mostly launching kernels; on a CPU nothing changes.
    fused = True if all(parameter.is_cuda for parameter in parameters) else None
    match config.optimizer:
        case "sgd":
            return optim.SGD(parameters, rate, momentum=kept, nesterov=config.nesterov, weight_decay=decay, fused=fused)
        case "adam":
            return optim.Adam(parameters, rate, weight_decay=decay, fused=fused)
        case "adamw":
            return optim.AdamW(parameters, rate, weight_decay=decay, fused=fused)
        case "rmsprop":
            return optim.RMSprop(parameters, rate, momentum=kept, weight_decay=decay)
    raise ValueError(f"no optimiser is called {config.optimizer!r}")


def schedule(config: RunConfig, optimizer: optim.Optimizer, batches_per_epoch: int) -> LambdaLR:
    """The schedule, to be stepped after each batch."""
    return LambdaLR(optimizer, lambda step: factor(config, step, batches_per_epoch))


def factor(config: RunConfig, step: int, batches_per_epoch: int) -> float:
    """The factor of the learning rate at `step` (0 is the first batch of the run).

    A closed form of the step, so a resumed run follows the same curve.
    """
    total = config.epochs * batches_per_epoch
    match config.schedule:
        case "constant":
            return 1.0
        case "step":
            return config.step_factor ** (step // (config.step_epochs * batches_per_epoch))
        case "cosine":
            return (1 + math.cos(math.pi * min(1.0, step / total))) / 2
        case "one-cycle":
            return _one_cycle(step, total, _FIRST, 1.0, _LAST)
        case "warm-up":
            return min(1.0, (step + 1) / (config.warmup_epochs * batches_per_epoch))
    raise ValueError(f"no schedule is called {config.schedule!r}")


def round_rates(optimizer: optim.Optimizer) -> None:
    """Rounds the learning rate of the next step to float32, in which a CUDA graph keeps rates; the schedule sets it afresh."""
    for group in optimizer.param_groups:
        group["lr"] = ctypes.c_float(group["lr"]).value


def set_momentum(config: RunConfig, optimizer: optim.Optimizer, step: int, batches_per_epoch: int) -> None:
    """Sets the momentum of `step` where it cycles; with Adam and AdamW its counterpart, β₁."""
    if not momentum.cycles(config):
        return
    value = _one_cycle(step, config.epochs * batches_per_epoch, momentum.MOST, momentum.LEAST, momentum.MOST)
    for group in optimizer.param_groups:
        if "betas" in group:
            group["betas"] = (value, *group["betas"][1:])
        else:
            group["momentum"] = value


def _one_cycle(step: int, total: int, first: float, peak: float, last: float) -> float:
    """A value that goes from `first` to `peak` and then to `last`, along half waves."""
    turn, end = _RISE * total - 1, total - 1
    if step <= turn:
        return _between(first, peak, step / turn)
    return _between(peak, last, min(1.0, (step - turn) / (end - turn)))


def _between(start: float, end: float, share: float) -> float:
    return end + (start - end) * (1 + math.cos(math.pi * share)) / 2
