"""Why a training ended: advice where a batch does not fit into memory, and early stopping.

What curves mean is the floor `diagnosis`, which needs no torch.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from cnnlab import datasets
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


def stopped_early(config: RunConfig, last: EpochDone, best: EpochDone) -> str:
    """The notice of a run that early stopping has ended."""
    images = "test" if best.validation_accuracy is None else "validation"
    return (
        f"Stopped early after epoch {last.epoch} of {config.epochs}: the accuracy on the {images} images has not been better than "
        f"{percent(best.score)} since epoch {best.epoch}, and the patience is {last.epoch - best.epoch}."
    )
