"""A loss that became infinite or not a number: the sentence with which such a run fails, and what cures it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cnnlab.diagnosis.rates import normalised, smaller_rate
from cnnlab.optimizers import OPTIMIZERS

if TYPE_CHECKING:
    from cnnlab.config import RunConfig

# The kinds of RunFailed. AT_FIRST: before any weight had moved, so that no learning rate is to blame.
NOT_FINITE, AT_FIRST = "not-finite", "not-finite-at-first"
OVERFLOWS = (NOT_FINITE, AT_FIRST)
_HARMLESS = 1e-3  # of the usual rate: steps so small move no weight far enough to overflow


def overflow(config: RunConfig, epoch: int, batch: int, batches: int, *, sound_at_first: bool = True) -> tuple[str, str]:
    """The kind of failure, and its sentence. The loss overflowed at `batch` of `epoch`, or, with 0, in its evaluation.

    `sound_at_first` says that the gradient of the first batch was finite.
    """
    where = f"in epoch {epoch}, at batch {batch} of {batches}" if batch else f"on the test images after epoch {epoch}"
    at_first = epoch == 1 and (batch == 1 or (batch == 2 and not sound_at_first))
    harmless = config.learning_rate < _HARMLESS * OPTIMIZERS[config.optimizer].learning_rate
    if at_first or harmless:
        reason = "before any weight had moved" if at_first else f"with a learning rate of only {config.learning_rate:g}"
        return AT_FIRST, (
            f"The loss became infinite or not a number {where}, {reason}: the learning rate is not to blame. "
            f"Try {_without_the_rate(config)[1]}."
        )
    remedies = _remedies(config)
    others = f", or switch on {' or '.join(remedies)}" if remedies else ""
    return NOT_FINITE, (
        f"The loss became infinite or not a number {where}: a learning rate of {config.learning_rate:g} is too large for "
        f"{OPTIMIZERS[config.optimizer].title} here; try {smaller_rate(config):g}{others}."
    )


def cure(config: RunConfig, kind: str) -> dict[str, Any]:
    """The settings to change after a failure of this kind."""
    return _without_the_rate(config)[0] if kind == AT_FIRST else {"learning_rate": smaller_rate(config)}


def _without_the_rate(config: RunConfig) -> tuple[dict[str, Any], str]:
    if normalised(config) and config.batch_size < 32:
        return {"batch_size": 32}, (
            f"batches of 32 images: batch normalisation divides by the spread within a batch, and {config.batch_size} images may "
            "have none"
        )
    if config.initialization != "pytorch":
        return {"initialization": "pytorch"}, "PyTorch's own initial weights"
    if config.normalization == "none":
        return {"normalization": "dataset"}, "images that are normalised to mean 0 and deviation 1"
    return {"seed": config.seed + 1}, "another seed"


def _remedies(config: RunConfig) -> list[str]:
    remedies = []
    if not normalised(config):
        remedies.append("batch normalisation")
    if config.gradient_clip is None:
        remedies.append("gradient clipping")
    return remedies
