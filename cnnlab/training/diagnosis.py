"""Why a training ended: advice where a batch does not fit into memory, and early stopping.

What curves mean is the floor `diagnosis`, which needs no torch.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from cnnlab import datasets
from cnnlab.i18n import N_, say
from cnnlab.layers.trace import layer_table
from cnnlab.text import percent, size_text
from cnnlab.training import costs
from cnnlab.training.initialization import input_shape

if TYPE_CHECKING:
    from cnnlab.config import RunConfig
    from cnnlab.events import EpochDone
    from cnnlab.values import Device


def out_of_memory(config: RunConfig, device: Device, phase: str, total: int | None = None, room: int | None = None) -> str:
    """A batch does not fit on the device, which has `total` bytes, `room` of them for this run; None is unknown."""
    size, batch = config.image_size, config.batch_size
    network = say("use images smaller than {pixels} px or a smaller network", pixels=size)
    classes = len(datasets.entry(config.dataset).classes)
    table = layer_table(config.architecture, input_shape(config), classes, config.options)
    need = costs.memory(config, table, device.name)
    figures = _memory_figures(need.bytes(batch), total, room)
    if batch == 1 or phase == "evaluation":
        if phase == "evaluation":
            small = N_("The memory of {device} is too small for this network during evaluation: {remedy}.")
        else:
            small = N_("The memory of {device} is too small for this network during training: {remedy}.")
        return f"{say(small, device=device.title, remedy=network)} {figures}"
    free = total if room is None else room
    fitting = need.largest_batch(free, batch // 2) if free else batch // 2
    remedy = say("try {count}, or {network}", count=fitting, network=network) if fitting else network
    small = say(
        "The memory of {device} is too small for batches of {count} images: {remedy}.",
        device=device.title, count=batch, remedy=remedy,
    )  # fmt: skip
    return f"{small} {figures}"


def _memory_figures(needed: int, total: int | None, room: int | None) -> str:
    if total is None:
        return say("The run should need about {size}.", size=size_text(needed))
    facts = {"size": size_text(needed), "total": size_text(total)}
    shared = needed < costs.USABLE * total
    if room is None:
        words = N_("The run should need about {size} of {total}.")
        return say(N_("The run should need about {size} of {total}: other programs use the rest.") if shared else words, **facts)
    words = N_("The run should need about {size}; it could use {room} of {total}.")
    others = N_("The run should need about {size}; it could use {room} of {total}: other programs use the rest.")
    return say(others if shared else words, room=size_text(room), **facts)


def failed(device: Device, reason: str) -> str:
    """The device gave an error, with this meaning."""
    return say("Training on {device} failed: {reason}.", device=device.title, reason=reason)


def stopped_early(config: RunConfig, last: EpochDone, best: EpochDone) -> str:
    """The notice of a run that early stopping has ended."""
    words = N_(
        "Stopped early after epoch {epoch} of {total}: the accuracy on the validation images has not been better than {accuracy} "
        "since epoch {best}, and the patience is {patience}."
    )
    if best.validation_accuracy is None:
        words = N_(
            "Stopped early after epoch {epoch} of {total}: the accuracy on the test images has not been better than {accuracy} "
            "since epoch {best}, and the patience is {patience}."
        )
    facts = {"epoch": last.epoch, "total": config.epochs, "best": best.epoch, "patience": last.epoch - best.epoch}
    return say(words, accuracy=percent(best.score), **facts)
