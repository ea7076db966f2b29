"""How many processor cores a run takes: all, its share where the lab's limits say so, half where its steps are small."""

from __future__ import annotations

from contextlib import suppress

from cnnlab.config import RunConfig
from cnnlab.errors import CNNLabError
from cnnlab.forecasts import limits_file
from cnnlab.system import processes


def cores(config: RunConfig) -> int:
    """The cores for a run that trains on the CPU. Needs torch."""
    from cnnlab.layers.trace import layer_table
    from cnnlab.training import costs

    here = processes.cores()
    with suppress(CNNLabError):  # a damaged file refuses new runs, not this one
        allowed = limits_file.load(limits_file.limits_file())
        if allowed.devices is not None:
            return max(1, here // max(1, allowed.runs_at_a_time("cpu")))
    with suppress(CNNLabError):  # a network that cannot be built: the engine says so
        table = layer_table(config.architecture, config.input_shape, config.classes, config.options)
        return costs.cores(config, table.macs, here)
    return here
