"""What a run will need, computed before it starts, and which settings would fit or be quicker. Needs no torch."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from cnnlab.i18n import N_, say
from cnnlab.text import duration_text, size_text
from cnnlab.training.costs import Memory, Part, Speed, epoch_seconds, fits, images, memory

if TYPE_CHECKING:
    from cnnlab.config import RunConfig
    from cnnlab.layers import LayerTable

SLOW_EPOCH = 300.0  # seconds; above this the page suggests something quicker
SIZES = (28, 32, 48, 64, 96, 112, 128, 160, 192, 224)  # image sizes that advice may suggest, pixels a side

SpeedState = Literal["known", "measuring", "busy", "unknown"]


@dataclass(frozen=True, slots=True)
class Forecast:
    """Times are None until the speed has been measured; `speed_state` says whether it is being measured."""

    device: str  # concrete: "cpu", "cuda:0", "mps"
    memory_bytes: int  # the most at any moment; on the cpu with the program itself
    parts: tuple[Part, ...]  # these add up to memory_bytes
    available_bytes: int | None  # free now; None where the device does not report it
    largest_batch: int | None  # that fits, 0 for none; None where the free memory is unknown
    fits: bool
    seconds_per_epoch: float | None
    seconds_total: float | None
    advice: str  # "" without a warning
    speed_state: SpeedState  # "busy": a run trains on the device, so a measurement would be wrong and slow it
    disturbed: bool = False  # other programs were busy while the speed was measured; it is measured again soon
    rough_seconds: float | None = None  # in all, from other runs on this device, where this network's speed is not known

    @property
    def fits_now(self) -> bool:
        """Whether it need not wait until other programs have left a GPU."""
        return fits(self.memory_bytes, self.available_bytes)


def refusal(
    config: RunConfig, need: Memory, free: int, where: str, table_at: Callable[[int], LayerTable | None], *, empty: bool = False
) -> str:
    """A sentence: the run does not fit, but this batch or image size would. `table_at` gives None where images are too small.

    `free` are all bytes of the device where it is taken as `empty`.
    """
    name, batch = config.network, config.batch_size
    facts = {
        "network": name, "size": size_text(need.bytes(batch)), "batch": batch, "pixels": config.image_size,
        "place": place(where), "free": size_text(free),
    }  # fmt: skip

    def small_enough(table: LayerTable) -> bool:
        return fits(memory(config, table, where).bytes(batch), free)

    fitting = need.largest_batch(free, batch)
    size = _largest_size(config, table_at, small_enough)
    if fitting and size:
        facts["advice"] = say("batches of {count} would fit, or images of {pixels} px", count=fitting, pixels=size)
    elif fitting:
        facts["advice"] = say("batches of {count} would fit", count=fitting)
    elif size:
        facts["advice"] = say("images of {pixels} px would fit", pixels=size)
    else:
        facts["advice"] = N_("choose a smaller network or smaller batches and images")
    if empty:
        return say(
            "{network} needs about {size} for batches of {batch} at {pixels} px, and {place} has {free} in all: {advice}.", **facts
        )
    return say(
        "{network} needs about {size} for batches of {batch} at {pixels} px, and {place} has {free} free: {advice}.", **facts
    )


def waiting(needed: int, free: int, total: int, where: str) -> str:
    """A sentence: other programs leave too little of a GPU at the moment."""
    return say(
        "The run needs about {size}, and {place} has {free} of {total} free now: it waits until other programs have ended.",
        size=size_text(needed), place=place(where), free=size_text(free), total=size_text(total),
    )  # fmt: skip


def slowness(config: RunConfig, speed: Speed, table: LayerTable, table_at: Callable[[int], LayerTable | None]) -> str:
    """A sentence: how long an epoch takes and what would be quicker; "" where it is quick enough."""
    epoch = epoch_seconds(config, speed)
    if epoch <= SLOW_EPOCH:
        return ""

    def seconds(other: LayerTable) -> float:
        # Work grows with the multiplications; the optimiser's with the parameters.
        work = other.macs / max(1, table.macs)
        step = speed.step * other.parameters / max(1, table.parameters)
        return epoch_seconds(config, Speed(speed.image * work, step, speed.evaluation * work))

    size = _largest_size(config, table_at, lambda other: seconds(other) <= SLOW_EPOCH) or _smallest_size(config, table_at)
    smaller = table_at(size) if size else None
    slow = {"network": config.network, "pixels": config.image_size, "time": duration_text(epoch)}
    part = {"part": duration_text(epoch_seconds(config, speed, 0.1))} if images(config)[0] >= 100 else {}
    less = {"fewer": size, "less": duration_text(seconds(smaller))} if smaller else {}
    if part and less:
        return say(
            "{network} at {pixels} px would take about {time} an epoch here; at {fewer} px about {less}, or on 10 % of the "
            "training images about {part}.", **slow, **less, **part,
        )  # fmt: skip
    if less:
        return say("{network} at {pixels} px would take about {time} an epoch here; at {fewer} px about {less}.", **slow, **less)
    if part:
        return say(
            "{network} at {pixels} px would take about {time} an epoch here; on 10 % of the training images about {part}.",
            **slow, **part,
        )  # fmt: skip
    return say("{network} at {pixels} px would take about {time} an epoch here.", **slow)


def place(device: str) -> str:
    """The device's memory in a sentence."""
    return N_("this machine") if device in ("cpu", "mps") else say("the GPU ({device})", device=device)


def _largest_size(
    config: RunConfig, table_at: Callable[[int], LayerTable | None], good: Callable[[LayerTable], bool]
) -> int | None:
    """The largest of SIZES below the run's own that is good; none larger than a bad size is good."""
    sizes = [size for size in SIZES if size < (config.image_size or 0)]
    low, high = -1, len(sizes) - 1
    largest = None
    while low < high:
        middle = (low + high + 1) // 2
        table = table_at(sizes[middle])
        if table is not None and not good(table):
            high = middle - 1
        else:  # good, or too small for the network: a larger size may be good
            low, largest = middle, sizes[middle] if table is not None else largest
    return largest


def _smallest_size(config: RunConfig, table_at: Callable[[int], LayerTable | None]) -> int | None:
    return next((size for size in SIZES if size < (config.image_size or 0) and table_at(size) is not None), None)
