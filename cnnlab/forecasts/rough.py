"""A rough forecast of time from the runs that this machine has trained, for a network that has not been timed itself.

Work is counted in multiply-accumulates, and bytes that are read and written count as some of them. With these two weights the seven
networks in benchmarks/records/forecast.json, from 0.2 to 921 million multiply-accumulates, took the same time for the same work
within a factor of 1.7 on two cores of a CPU; by multiply-accumulates alone it is 5.0. On a GPU this has not been measured.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import TYPE_CHECKING

from cnnlab.training import costs
from cnnlab.training.costs import Speed

if TYPE_CHECKING:
    from cnnlab.config import RunConfig
    from cnnlab.layers import LayerTable

KEPT = 70  # multiply-accumulates in the time that one byte of the activations kept for the backward pass costs
STEPPED = 30  # the same for one weight in the optimiser's step
TESTED = 1 / 3  # of the work of a training image, for a test image: only the forward pass

Measured = tuple["RunConfig", float]  # a run on the same device, and how many images a second it trains


def epoch_seconds(
    config: RunConfig, table: LayerTable, device: str, runs: Iterable[Measured], table_of: Callable[[RunConfig], LayerTable]
) -> float | None:
    """Seconds for an epoch as the run whose work is most like this one's suggests; None without runs."""
    own = _work(config, table, device)
    known = [
        (work, work * rate)
        for other, rate in runs
        if rate > 0 and (work := _of_an_image(other, _work(other, table_of(other), device)))
    ]
    if not known:
        return None
    _, machine = min(known, key=lambda each: abs(math.log(each[0] / _of_an_image(config, own))))
    return costs.epoch_seconds(config, own) / machine


def _work(config: RunConfig, table: LayerTable, device: str) -> Speed:
    """The work of an image, a step and an evaluation in multiply-accumulates instead of seconds."""
    image = max(1.0, table.macs + KEPT * sum(costs.memory(config, table, device).kept))
    return Speed(image, STEPPED * table.parameters, TESTED * image)


def _of_an_image(config: RunConfig, work: Speed) -> float:
    """The work of training on one image, with its share of the optimiser's step."""
    return costs.epoch_seconds(config, replace(work, evaluation=0.0)) / costs.images(config)[0]
