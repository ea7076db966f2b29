"""Advice for a learner when training goes wrong: one or two sentences with the figures, and what to try."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cnnlab import datasets
from cnnlab.architectures import card
from cnnlab.layers.trace import layer_table
from cnnlab.optimizers import OPTIMIZERS
from cnnlab.text import percent, size_text
from cnnlab.training import costs
from cnnlab.training.initialization import input_shape

if TYPE_CHECKING:
    from cnnlab.config import RunConfig
    from cnnlab.events import EpochDone
    from cnnlab.values import Device

_FEW_STEPS = 50  # too few to conclude anything


def not_finite(config: RunConfig, epoch: int, batch: int, batches: int) -> str:
    """The loss overflowed at `batch` of `epoch`; with `batch` 0, on the test images after it."""
    where = f"in epoch {epoch}, at batch {batch} of {batches}" if batch else f"on the test images after epoch {epoch}"
    remedies = _remedies(config)
    others = f", or switch on {' or '.join(remedies)}" if remedies else ""
    return (
        f"The loss became infinite or not a number {where}: a learning rate of {config.learning_rate:g} is too large for "
        f"{OPTIMIZERS[config.optimizer].title} here; try {config.learning_rate / 10:g}{others}."
    )


def stuck_at_chance(config: RunConfig, done: EpochDone, classes: int) -> str:
    """The network guessed through the epoch; the test images, seen at its end, may already show an improvement."""
    moving = f"By its end {percent(done.test_accuracy)} of the test images were right, so it has begun to learn: let it continue."
    return (
        f"In epoch {done.epoch} the network was guessing: {percent(done.train_accuracy)} of the training images were right, "
        f"and chance is {percent(1 / classes)}. {_advice(config, done) if at_chance(done.test_accuracy, classes) else moving}"
    )


def at_chance(accuracy: float, classes: int) -> bool:
    """Too close to guessing to count as learned."""
    return accuracy < 1.5 / classes


def _advice(config: RunConfig, done: EpochDone) -> str:
    epoch, is_last = done.epoch, done.epoch == config.epochs
    chosen, options = card(config.architecture), _options(config)
    rate, optimizer = config.learning_rate, OPTIMIZERS[config.optimizer]
    sigmoid, normalized = options.get("activation") == "sigmoid", bool(options.get("batch_norm"))
    if done.step < _FEW_STEPS:
        return (
            f"That was only {done.step} step{'' if done.step == 1 else 's'}: give it more epochs, more images or smaller batches."
        )
    if optimizer.adaptive and rate > optimizer.high_rate:
        return f"A learning rate of {rate:g} is high for {optimizer.title}: start again with {optimizer.learning_rate:g}."
    if config.schedule == "warm-up" and epoch <= config.warmup_epochs:
        return f"The learning rate is still warming up until epoch {config.warmup_epochs}; wait for that first."
    if sigmoid and not normalized:
        if epoch <= 2 and not is_last:
            return (
                "Networks with sigmoid start flat, because its slope is at most ¼ and shrinks the gradient at every layer: "
                "the course's LeNet needed two epochs. Give it one or two more."
            )
        return "Sigmoid may have left it flat: try ReLU with a smaller learning rate (0.1 instead of 0.9), or batch normalisation."
    if not optimizer.adaptive and rate >= optimizer.high_rate and not sigmoid:  # the course's 0.9 is for sigmoid only
        return (
            f"A learning rate of {rate:g} is high for {optimizer.title} with this network: "
            f"start again with {min(optimizer.learning_rate, rate / 5):g}."
        )
    if config.architecture in ("nin", "googlenet") and not normalized:
        return (
            f"{chosen.title} without batch normalisation sometimes never leaves chance "
            "(some of the d2l book's own runs stayed at 10 %): switch batch normalisation on, or start again with another seed."
        )
    if not optimizer.adaptive and rate < optimizer.learning_rate / 10:
        return f"A learning rate of {rate:g} may be too small for {optimizer.title}: try {rate * 10:g}."
    remedies = _remedies(config)
    others = f", or switch on {' or '.join(remedies)}" if remedies else ""
    condition = "Start" if is_last else "If the next epoch is no better, start"
    return f"{condition} again with another seed or a learning rate of {rate / 10:g}{others}."


def out_of_memory(config: RunConfig, device: Device, phase: str, total: int | None = None, room: int | None = None) -> str:
    """A batch does not fit on the device, which has `total` bytes, `room` of them for this run; None is unknown."""
    size, batch = config.image_size, config.batch_size
    network = f"use images smaller than {size} px or a smaller network"
    classes = len(datasets.entry(config.dataset).classes)
    table = layer_table(config.architecture, input_shape(config), classes, config.options)
    need = costs.memory(config, table, device.name)
    figures = _memory_figures(need.bytes(batch), total, room)
    if batch == 1 or phase == "evaluation":
        return f"The memory of {device.title} is too small for this network during {phase}: {network}.{figures}"
    free = total if room is None else room
    fitting = need.largest_batch(free, batch // 2) if free else batch // 2
    smaller = f"try {fitting}, or {network}" if fitting else network
    return f"The memory of {device.title} is too small for batches of {batch} images: {smaller}.{figures}"


def _memory_figures(needed: int, total: int | None, room: int | None) -> str:
    figures = f" The run should need about {size_text(needed)}"
    if total is None:
        return figures + "."
    others = ": other programs use the rest" if needed < costs.USABLE * total else ""
    if room is None:
        return f"{figures} of {size_text(total)}{others}."
    return f"{figures}; it could use {size_text(room)} of {size_text(total)}{others}."


def _remedies(config: RunConfig) -> list[str]:
    remedies = []
    if _options(config).get("batch_norm") is False:
        remedies.append("batch normalisation")
    if config.gradient_clip is None:
        remedies.append("gradient clipping")
    return remedies


def _options(config: RunConfig) -> dict[str, Any]:
    return card(config.architecture).settings(config.options)
