"""The learning-rate range test (Smith, 2015): a short training in which the rate grows from step to step, and what its loss says.

"Cyclical Learning Rates for Training Neural Networks", https://arxiv.org/abs/1506.01186, section 3.3. Growing the rate by a factor,
smoothing, and the stop at four times the minimum are those of fastai's `lr_find`.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Sequence
from types import SimpleNamespace
from typing import TYPE_CHECKING

from torch.optim.lr_scheduler import LambdaLR

from cnnlab.datasets.loading import ImageData
from cnnlab.errors import ComputeError
from cnnlab.i18n import say
from cnnlab.optimizers import OPTIMIZERS
from cnnlab.training.graph import StepGraph
from cnnlab.training.session import Session
from cnnlab.values import RangeTest

if TYPE_CHECKING:
    from cnnlab.config import RunConfig

STEPS = 100
FEWEST_STEPS = 40  # where a step takes long: fewer leave too little of a curve
LOWEST, LOWEST_ADAPTIVE = 1e-4, 1e-5  # those that divide a gradient by its size learn, and diverge, at a tenth of the rate
SPAN = 1e5  # the last rate is so many times the first
SECONDS = 40.0  # for all steps
_KEPT = 0.8  # of the smoothed loss at each step; a factor of ten in the rate takes 20 steps
_BELOW_LOWEST = 4
_LEAST_FALL = 0.05  # below the loss at the start and that of guessing, or no rate has taught the network anything
_FAR_ABOVE = 4.0  # times the minimum: the loss has left for good

Clock = Callable[[], float]


def range_test(
    config: RunConfig, data: ImageData, *, seconds: float = SECONDS, clock: Clock = time.perf_counter
) -> Iterator[RangeTest]:
    """Trains the network of `config` for up to 100 steps, and yields the curve so far after each; the last one is the result.

    Draws weights and batches from the configuration's seed, so it sets torch's random state. Nothing is stored.
    Raises ComputeError where so many steps would take longer than `seconds`, and what a run of `config` would raise at its start.
    """
    session = _session(config, data)
    _step(session)  # the first batch loads libraries; the rate is so small that these two teach nothing
    begun = clock()
    _step(session)
    took = max(clock() - begun, 1e-6)
    steps = min(STEPS, int(seconds / took))
    if steps < FEWEST_STEPS:
        raise ComputeError(
            say(
                "A step of this network takes {step:.1f} s here, so a range test would take more than {seconds:.0f} s: choose a "
                "smaller batch size or smaller images.",
                step=took,
                seconds=seconds,
            )
        )
    growth = SPAN ** (1 / (steps - 1))
    session.schedule = LambdaLR(session.optimizer, lambda step: growth**step)
    rates, losses = [], []
    smoothed = 0.0
    for step in range(steps):
        rate = session.optimizer.param_groups[0]["lr"]
        loss = _step(session)
        smoothed = _KEPT * smoothed + (1 - _KEPT) * loss
        fair = smoothed / (1 - _KEPT ** (step + 1))  # without the pull of the 0 that it starts from
        if not math.isfinite(fair) or (losses and fair > _FAR_ABOVE * min(losses)):
            return
        rates.append(rate)
        losses.append(fair)
        yield RangeTest(tuple(rates), tuple(losses), steps, suggestion(rates, losses, math.log(len(session.classes))))


def suggestion(rates: Sequence[float], losses: Sequence[float], guessing: float) -> float | None:
    """A quarter of the rate at which the smoothed loss is lowest; None where it falls nowhere by as much as a twentieth.

    The fall counts from the loss of `guessing` where the training begins above that: a network with sigmoid first learns to guess,
    and the rate that is best for this is far too small for what comes after.

    Smith: the best rate is usually within a factor of two of the largest that converges, and a cycle of rates begins at a third or
    a quarter of that. Two significant digits: the curve says no more. Measured with LeNet-5 and ReLU on the bundled sample, SGD and
    Adam, batches of 64 and 256, three seeds each: all learn, 60 to 84 % after four epochs. A tenth, as fastai's `minimum`, was
    slower in 6 of 8 such runs. The rate where the loss falls fastest, the other usual choice, took one of seven back to chance.
    """
    lowest = losses.index(min(losses))
    if losses[lowest] > (1 - _LEAST_FALL) * min(losses[0], guessing):
        return None
    return float(f"{rates[lowest] / _BELOW_LOWEST:.2g}")


def _session(config: RunConfig, data: ImageData) -> Session:
    settings = vars(config) | {
        "learning_rate": LOWEST_ADAPTIVE if OPTIMIZERS[config.optimizer].adaptive else LOWEST,
        "schedule": "constant",
        "compile": False,
        "validation_share": 0.0,
    }
    session = Session(SimpleNamespace(**settings), data)  # type: ignore[arg-type]  # a session reads attributes only
    session.graph = StepGraph(None)  # a recorded step would take its rates from the tables of the epoch
    session.begin_epoch()
    return session


def _step(session: Session) -> float:
    """Trains on one batch; returns its loss, the mean over its images."""
    if session.epoch_is_over:
        session.begin_epoch()
    before = session.totals()
    session.advance()
    after = session.totals()
    return (after.loss - before.loss) / (after.images - before.images)
