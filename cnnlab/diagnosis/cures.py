"""Settings to change, for each cause that has a cure: changes of a RunConfig. docs/RESULTS.md lists what they did in real runs."""

from __future__ import annotations

import math
from typing import Any

from cnnlab.diagnosis import overflow
from cnnlab.diagnosis.evidence import Evidence
from cnnlab.diagnosis.rates import flattened, normalised, usual_rate
from cnnlab.events import RunFailed

# LeNet with sigmoid on the sample left chance after 200 (batch 256) to 1,200 steps (batch 64) of SGD with a rate of 0.1 to 0.9.
FLAT_STEPS, ENOUGH_STEPS = (200, 1_200), 1_800
_BATCH = 64  # the size with which that was measured


def after_overflow(e: Evidence) -> dict[str, Any]:
    return overflow.cure(e.config, e.last.kind) if isinstance(e.last, RunFailed) else {}


def lower_rate(e: Evidence) -> dict[str, Any]:
    """The usual rate, or a tenth where that is not lower."""
    usual, tenth = usual_rate(e.config), float(f"{e.config.learning_rate / 10:.4g}")
    rate = {"learning_rate": usual if usual <= e.config.learning_rate / 2 else tenth}
    return rate | (more_steps(e) if flattened(e.config) else {})


def usual(e: Evidence) -> dict[str, Any]:
    return {"learning_rate": usual_rate(e.config)}


def more_steps(e: Evidence) -> dict[str, Any]:
    """Smaller batches, and more epochs where they do not suffice."""
    images = e.started.train_images
    # At a rate of 0.9 sigmoid is measured with this size; with batches of 16 it stayed flat for 1,860 steps.
    batch = _BATCH if flattened(e.config) else min(e.config.batch_size, _BATCH)
    epochs = min(100, math.ceil(_needed(e) / max(1, images // batch)))
    return _changed(e, {"batch_size": batch, "epochs": max(e.config.epochs, epochs)})


def longer(e: Evidence) -> dict[str, Any]:
    """Steps enough to leave a flat start, for a run that may end before."""
    return more_steps(e) if e.planned < FLAT_STEPS[1] else {}


def leave_the_flat_start(e: Evidence) -> dict[str, Any]:
    """For sigmoid: the course's rate and enough steps; where it had both, ReLU."""
    if e.step > ENOUGH_STEPS and "activation" in e.config.options:
        return {"options": e.config.options | {"activation": "relu"}, "learning_rate": 0.1}
    rate = usual_rate(e.config)
    return _changed(e, more_steps(e) | {"learning_rate": max(rate, e.config.learning_rate)})


def another_start(e: Evidence) -> dict[str, Any]:
    """For a network that stays at chance although its rate is usual: batch normalisation, more steps, or another seed."""
    if not normalised(e.config) and "batch_norm" in e.config.options:
        return {"options": e.config.options | {"batch_norm": True}}
    if e.planned < _needed(e) and (more := more_steps(e)):
        return more
    return {"seed": e.config.seed + 1}


def more_data(e: Evidence) -> dict[str, Any]:
    """Against overfitting: more images; shifted images; else weight decay, or an end where it began."""
    config = e.config
    if config.limit is not None:
        return {"limit": 4 * config.limit}
    if config.data_share < 1:
        return {"data_share": min(1.0, 4 * config.data_share)}
    if not config.random_crop:
        return {"random_crop": 2}
    if not config.weight_decay:
        return {"weight_decay": 0.0005}
    return {"epochs": e.epochs[e.turn].epoch}


def more_images(e: Evidence) -> dict[str, Any]:
    """Where the run itself limits them."""
    return {"limit": 4 * e.config.limit} if e.config.limit is not None else {}


def twice_as_long(e: Evidence) -> dict[str, Any]:
    return {"epochs": min(2 * e.config.epochs, 10_000)}


def larger_batches(e: Evidence) -> dict[str, Any]:
    """Smaller batches give the averages of batch normalisation more steps to settle; tiny ones are too noisy."""
    if e.config.batch_size != _BATCH:
        return {"batch_size": _BATCH}
    return {"learning_rate": float(f"{e.config.learning_rate / 3:.4g}")}


def _needed(e: Evidence) -> int:
    return ENOUGH_STEPS if flattened(e.config) else 500


def _changed(e: Evidence, changes: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in changes.items() if getattr(e.config, name) != value}
