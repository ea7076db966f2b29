"""What a run will need, worked out before it starts: memory from the layer table, time from a measured speed. Needs no torch."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from cnnlab import datasets
from cnnlab.architectures import card
from cnnlab.layers.memory import judging_batch, per_image

if TYPE_CHECKING:
    from cnnlab.config import RunConfig
    from cnnlab.layers import LayerTable

SLOW_EPOCH = 300.0  # seconds; a learner who waits longer for the first accuracy wants to know what would be quicker
QUIET = 0.25  # with more than this share of the processors taken by others, two threads that wait for each other lose far more
USABLE = 0.9  # of the free memory: the forecast errs by up to a fifth, and other programs want to live
MOST_IMAGES = 65_536  # in a batch; RunConfig takes no more
SIZES = (28, 32, 48, 64, 96, 112, 128, 160, 192, 224)  # images of which an advice may speak, pixels a side

# Measured with torch 2.15 on Linux: a process that has loaded torch, and what its first step loads beside the tensors
# (libraries, threads, compiled kernels). A runner that the dispatcher has forked shares 300 MB with it, which are taken already.
# Of CUDA's own share it is only known to be about half a gigabyte.
_ALONE = 690 << 20
_PROGRAM = {"cpu": (390 << 20) if sys.platform == "linux" else _ALONE, "mps": _ALONE, "cuda": 500 << 20}
_FIRST_STEP = 40 << 20
# Runs have the C library keep what a batch has freed (cnnlab.training.process). Blocks up to this size fit what comes next so
# badly that a fifth is lost while training and none of them serves when the test images are judged or weights are stepped.
_SMALL_BLOCK = 32 << 20
_LOST = 0.2
# Times the widest layer's input and output: convolutions copy both into an order that suits the processor.
_TRAINING = 1.5
_JUDGING = 2.4

SpeedState = Literal["known", "measuring", "busy", "unknown"]


@dataclass(frozen=True, slots=True)
class Part:
    """What a share of the memory is for."""

    name: str
    title: str
    bytes: int


@dataclass(frozen=True, slots=True)
class Speed:
    """What a few steps of the very network took on the very device, in seconds."""

    image: float  # forward and backward pass of one image, its preparation included
    step: float  # the optimiser's step, whatever the batch
    judging: float  # of one test image
    batch: int = 0  # images in the batches that were timed
    others: float = 0.0  # share of the processors that other programs used meanwhile, 0..1

    @property
    def disturbed(self) -> bool:
        """Other programs took so much that this speed says little about a quieter hour."""
        return self.others > QUIET

    def epoch(self, images: int, steps: int, tests: int) -> float:
        return images * self.image + steps * self.step + tests * self.judging


@dataclass(frozen=True, slots=True)
class Forecast:
    """Times are None until the speed has been measured; `speed_state` says whether that is to be expected."""

    device: str  # concrete: "cpu", "cuda:0", "mps"
    memory_bytes: int  # the most at any moment; on the cpu with the program itself
    parts: tuple[Part, ...]  # these add up to memory_bytes
    available_bytes: int | None  # free now; None where the device does not tell
    largest_batch: int | None  # that fits; 0 if not even one image does, None where the device does not tell
    fits: bool
    seconds_per_epoch: float | None
    seconds_total: float | None
    advice: str  # "" where there is nothing to warn of
    speed_state: SpeedState  # "busy": a run trains on the device, and measuring would disturb it and be wrong
    disturbed: bool = False  # other programs were busy while the speed was measured; it is measured again soon


@dataclass(frozen=True, slots=True)
class Memory:
    """The memory of a run as a function of its batch size."""

    weights: int
    gradients: int
    optimizer: int
    data: int
    program: int
    stepping: int  # what the optimiser's step needs for a moment, when activations are gone
    copies: int  # of the weights, in shorter numbers
    image: int  # one image as float32
    kept: tuple[int, ...]
    widest: int
    judging_batch: int
    keeps_freed: bool  # as runs have the C library do; devices of their own have allocators of their own
    compiling: bool  # a second process compiles the network meanwhile, and tries it out

    def parts(self, batch: int) -> tuple[Part, ...]:
        """All that the most memory is made of."""
        inputs = self.image * batch
        activations = max(0, sum(self.kept) * batch - inputs)
        parts = (
            Part("weights", "Weights", self.weights),
            Part("gradients", "Gradients", self.gradients),
            Part("optimizer", "Optimiser", self.optimizer),
            Part("inputs", "Batch of images", inputs),
            Part("activations", "Activations", activations),
            Part("workspace", "Work space", self.copies + _FIRST_STEP + max(0, self._peak(batch) - inputs - activations)),
            Part("data", "Data set", self.data),
            Part("program", "The program itself", self.program),
        )
        if not self.compiling:
            return parts
        twice = sum(part.bytes for part in parts if part.name not in ("data", "optimizer"))
        return (*parts, Part("compiling", "Compiling beside it", twice))

    def bytes(self, batch: int) -> int:
        """The most memory at any moment."""
        return sum(part.bytes for part in self.parts(batch))

    def largest_batch(self, free: int, most: int = MOST_IMAGES) -> int:
        """The largest batch, up to `most`, that leaves a tenth of `free` alone; 0 if there is none."""
        low, high = 0, most
        while low < high:
            middle = (low + high + 1) // 2
            low, high = (middle, high) if self.bytes(middle) <= USABLE * free else (low, middle - 1)
        return low

    def _peak(self, batch: int) -> int:
        kept = sum(self.kept) * batch
        small = sum(min(one * batch, _SMALL_BLOCK) for one in self.kept) if self.keeps_freed else 0
        training = kept + _LOST * small + _TRAINING * self.widest * batch
        # Judging keeps nothing itself, but works on its own larger batches.
        judging = _JUDGING * self.widest * max(batch, self.judging_batch)
        return int(max(training, (1 + _LOST) * small + max(judging, self.stepping)))


def memory(config: RunConfig, table: LayerTable, device: str) -> Memory:
    """The memory of a run with `config`, whose network is `table`, on `device` ("cpu", "cuda:0", "mps")."""
    kind = device.partition(":")[0]
    short = config.precision == "bfloat16"
    image = per_image(table.rows, width=2 if short else 4, device=kind)
    weights, largest = 4 * table.parameters, 4 * max((row.parameters for row in table.rows), default=0)
    copies = {"sgd": int(config.momentum > 0), "rmsprop": 1 + int(config.momentum > 0)}.get(config.optimizer, 2)
    temporary = {"sgd": 0, "rmsprop": 1}.get(config.optimizer, 2) + (config.weight_decay > 0 and config.optimizer != "adamw")
    channels, height, width = table.input_shape
    return Memory(
        weights=weights + 4 * table.buffers,
        gradients=weights,
        optimizer=copies * weights,
        data=_data_bytes(config, kind),
        program=_PROGRAM[kind],
        stepping=temporary * (weights if kind == "cuda" else largest),  # CUDA steps all tensors at once
        copies=weights // 2 if short else 0,
        image=4 * channels * height * width,
        kept=image.kept,
        widest=image.widest,
        judging_batch=judging_batch(height, kind),
        keeps_freed=kind == "cpu",
        compiling=config.compile,
    )


def images(config: RunConfig) -> tuple[int, int]:
    """How many images the run trains on and is judged by."""
    entry = datasets.entry(config.dataset)
    count = max(1, round(config.data_share * entry.train_images))
    return min(count, config.limit or count), min(entry.test_images, config.limit or entry.test_images)


def epoch_seconds(config: RunConfig, speed: Speed, share: float = 1.0) -> float:
    """One epoch of the run, judging included; with `share`, on that part of its training images."""
    trained, tests = images(config)
    trained = max(1, round(share * trained))
    return speed.epoch(trained, -(-trained // config.batch_size), tests)


def refusal(config: RunConfig, need: Memory, free: int, where: str, table_at: Callable[[int], LayerTable | None]) -> str:
    """Says that the run does not fit, and the batch or image size that would. `table_at` is None where images are too small."""
    name, batch = card(config.architecture).title, config.batch_size
    asked = f"{name} needs about {memory_text(need.bytes(batch))} for batches of {batch} at {config.image_size} px"

    def small_enough(table: LayerTable) -> bool:
        return memory(config, table, where).bytes(batch) <= USABLE * free

    fitting = need.largest_batch(free, batch)
    size = _largest_size(config, table_at, small_enough)
    ways = [f"batches of {fitting} would fit"] if fitting else []
    if size:
        ways.append(f"images of {size} px" if ways else f"images of {size} px would fit")
    advice = ", or ".join(ways) if ways else "choose a smaller network or smaller batches and images"
    return f"{asked}, and {place(where)} has {memory_text(free)} free: {advice}."


def slowness(config: RunConfig, speed: Speed, table: LayerTable, table_at: Callable[[int], LayerTable | None]) -> str:
    """Says how long an epoch takes and what would be quicker; "" where it is quick enough."""
    whole = epoch_seconds(config, speed)
    if whole <= SLOW_EPOCH:
        return ""

    def seconds(other: LayerTable) -> float:
        # Work grows with the multiplications; the optimiser's with the parameters.
        work = other.macs / max(1, table.macs)
        step = speed.step * other.parameters / max(1, table.parameters)
        return epoch_seconds(config, Speed(speed.image * work, step, speed.judging * work))

    size = _largest_size(config, table_at, lambda other: seconds(other) <= SLOW_EPOCH) or _smallest_size(config, table_at)
    smaller = table_at(size) if size else None
    ways = [f"at {size} px about {duration_text(seconds(smaller))}"] if smaller else []
    if images(config)[0] >= 100:
        ways.append(f"on 10 % of the training images about {duration_text(epoch_seconds(config, speed, 0.1))}")
    instead = f"; {', or '.join(ways)}" if ways else ""
    name = card(config.architecture).title
    return f"{name} at {config.image_size} px would take about {duration_text(whole)} an epoch here{instead}."


def memory_text(count: float) -> str:
    """31 GB, 4.2 GB, 870 MB: gigabytes of 1024³ bytes, as memory is sold."""
    gigabytes = count / (1 << 30)
    if gigabytes < 0.995:
        return f"{count / (1 << 20):.0f} MB"
    return f"{gigabytes:.1f} GB" if gigabytes < 9.95 else f"{gigabytes:,.0f} GB"


def duration_text(seconds: float) -> str:
    """58 minutes, 1.5 hours, 40 seconds."""
    for unit, length in (("day", 86_400), ("hour", 3_600), ("minute", 60)):
        if seconds >= 1.5 * length:
            number = seconds / length
            return f"{number:.1f} {unit}s" if number < 9.5 and unit != "minute" else f"{number:.0f} {unit}s"
    return f"{max(1, round(seconds))} second{'' if round(seconds) <= 1 else 's'}"


def place(device: str) -> str:
    """The device's memory in a sentence."""
    return "this machine" if device in ("cpu", "mps") else f"the GPU ({device})"


def _data_bytes(config: RunConfig, kind: str) -> int:
    entry = datasets.entry(config.dataset)
    one = entry.channels * entry.size**2 + 8  # uint8 pixels, and the label
    trained, tests = images(config)
    whole = entry.train_images + entry.test_images
    # The whole set stays in the process that has read it; a share of it is a copy.
    return one * (trained + tests if kind == "cuda" else whole + (trained if trained < entry.train_images else 0))


def _largest_size(
    config: RunConfig, table_at: Callable[[int], LayerTable | None], good: Callable[[LayerTable], bool]
) -> int | None:
    """The largest of the usual sizes below the run's own that is good. The larger the image, the less likely it is good."""
    sizes = [size for size in SIZES if size < (config.image_size or 0)]
    low, high = -1, len(sizes) - 1
    found = None
    while low < high:
        middle = (low + high + 1) // 2
        table = table_at(sizes[middle])
        if table is not None and not good(table):
            high = middle - 1
        else:  # good, or too small for the network, which a larger one may not be
            low, found = middle, sizes[middle] if table is not None else found
    return found


def _smallest_size(config: RunConfig, table_at: Callable[[int], LayerTable | None]) -> int | None:
    return next((size for size in SIZES if size < (config.image_size or 0) and table_at(size) is not None), None)
