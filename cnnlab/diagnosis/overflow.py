"""A loss that became infinite or not a number: the sentence with which such a run fails, and what cures it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cnnlab.diagnosis.rates import normalised, smaller_rate
from cnnlab.i18n import N_, say
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
    if batch:
        where = say("in epoch {epoch}, at batch {batch} of {batches}", epoch=epoch, batch=batch, batches=batches)
    else:
        where = say("on the test images after epoch {epoch}", epoch=epoch)
    at_first = epoch == 1 and (batch == 1 or (batch == 2 and not sound_at_first))
    harmless = config.learning_rate < _HARMLESS * OPTIMIZERS[config.optimizer].learning_rate
    if at_first or harmless:
        blameless = say(
            "The loss became infinite or not a number {where}, with a learning rate of only {rate}: the learning rate is "
            "not to blame.",
            where=where, rate=f"{config.learning_rate:g}",
        )  # fmt: skip
        if at_first:
            blameless = say(
                "The loss became infinite or not a number {where}, before any weight had moved: the learning rate is not to blame.",
                where=where,
            )
        return AT_FIRST, f"{blameless} {say('Try {remedy}.', remedy=_without_the_rate(config)[1])}"
    facts = {
        "where": where,
        "rate": f"{config.learning_rate:g}",
        "optimizer": OPTIMIZERS[config.optimizer].title,
        "smaller": f"{smaller_rate(config):g}",
    }
    if remedy := _remedy(config):
        return NOT_FINITE, say(
            "The loss became infinite or not a number {where}: a learning rate of {rate} is too large for {optimizer} here; "
            "try {smaller}, or switch on {remedy}.",
            remedy=remedy, **facts,
        )  # fmt: skip
    return NOT_FINITE, say(
        "The loss became infinite or not a number {where}: a learning rate of {rate} is too large for {optimizer} here; "
        "try {smaller}.",
        **facts,
    )


def cure(config: RunConfig, kind: str) -> dict[str, Any]:
    """The settings to change after a failure of this kind."""
    return _without_the_rate(config)[0] if kind == AT_FIRST else {"learning_rate": smaller_rate(config)}


def _without_the_rate(config: RunConfig) -> tuple[dict[str, Any], str]:
    if normalised(config) and config.batch_size < 32:
        return {"batch_size": 32}, say(
            "batches of 32 images: batch normalisation divides by the spread within a batch, and {count} images may have none",
            count=config.batch_size,
        )
    if config.initialization != "pytorch":
        return {"initialization": "pytorch"}, N_("PyTorch's own initial weights")
    if config.normalization == "none":
        return {"normalization": "dataset"}, N_("images that are normalised to mean 0 and deviation 1")
    return {"seed": config.seed + 1}, N_("another seed")


def _remedy(config: RunConfig) -> str:
    """What is off and could be switched on; "" where nothing is."""
    if config.gradient_clip is None:
        return N_("gradient clipping") if normalised(config) else N_("batch normalisation or gradient clipping")
    return "" if normalised(config) else N_("batch normalisation")
