"""How many processor cores a run takes: all, its share where the lab's limits say so, half where its steps are small."""

from __future__ import annotations

from contextlib import suppress

from cnnlab.config import RunConfig
from cnnlab.errors import CNNLabError
from cnnlab.forecasts import limits
from cnnlab.system import processes


def cores(config: RunConfig) -> int:
    """The cores for a run that trains on the CPU. Needs torch."""
    from cnnlab.training import costs

    here = processes.cores()
    with suppress(CNNLabError):  # a damaged file refuses new runs, not this one
        allowed = limits.load(limits.limits_file())
        if allowed.devices is not None:
            return max(1, here // max(1, allowed.runs_at_a_time("cpu")))
    with suppress(CNNLabError):  # a network that cannot be built: the engine says so
        return costs.cores(config, _macs(config), here)
    return here


def leaves_half(config: RunConfig) -> bool:
    """Whether another such run finds cores beside this one on the CPU. Needs torch."""
    from cnnlab.training import costs

    with suppress(CNNLabError):
        return processes.cores() > 1 and costs.is_small(config, _macs(config))
    return False


def _macs(config: RunConfig) -> int:
    from cnnlab.layers.trace import layer_table

    return layer_table(config.architecture, config.input_shape, config.classes, config.options).macs
