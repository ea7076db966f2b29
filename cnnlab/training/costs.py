"""What a run costs: its memory as a function of the batch size, and its time from a measured speed. Needs no torch."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from cnnlab import datasets
from cnnlab.datasets import mapped
from cnnlab.datasets.catalogue import images_used
from cnnlab.elsewhere import is_elsewhere
from cnnlab.layers.memory import evaluation_batch, per_image
from cnnlab.optimizers import OPTIMIZERS
from cnnlab.training import momentum
from cnnlab.training.batches import batch_count, validation_count
from cnnlab.training.recordable import recordable

if TYPE_CHECKING:
    from cnnlab.config import RunConfig
    from cnnlab.layers import LayerTable

# Multiply-accumulates of a batch's forward pass, up to which a run takes half of the cores. On two of them, a step of LeNet with 64
# images takes 9 ms on one and 7 ms on both; beside a busy browser, 13 and 21 ms (docs/BENCHMARKS.md, "One thread or two").
SMALL_STEP = 64_000_000
QUIET = 0.25  # share of the processors taken by others, above which threads that wait for each other lose far more
USABLE = 0.9  # of the free memory: the forecast errs by up to a fifth, and other programs need some

# Measured with torch 2.15 on Linux: a process that has loaded torch, and what its first step loads beside the tensors
# (libraries, threads, compiled kernels). A forked runner shares 300 MB with the dispatcher. CUDA takes about half a gigabyte.
_ALONE = 690 << 20
_PROGRAM = {"cpu": (390 << 20) if sys.platform == "linux" else _ALONE, "mps": _ALONE, "cuda": 500 << 20}
_FIRST_STEP = 40 << 20
# The C library keeps the memory that a batch has freed (cnnlab.training.process). Of blocks up to this size a fifth is lost while
# training, and none can be used again when test images are evaluated or weights are stepped.
_SMALL_BLOCK = 32 << 20
_LOST = 0.2
# Multiples of the widest layer's input and output: convolutions copy both into an order that suits the processor.
_TRAINING = 1.5
_EVALUATION = 2.4


@dataclass(frozen=True, slots=True)
class Part:
    """A share of the memory."""

    name: str
    title: str
    bytes: int


@dataclass(frozen=True, slots=True)
class Speed:
    """What a few steps of this network took on this device, in seconds."""

    image: float  # forward and backward pass of one image, its preparation included
    step: float  # the optimiser's step, whatever the batch
    evaluation: float  # of one image
    batch: int = 0  # images in the batches that were timed
    others: float = 0.0  # share of the processors that other programs used meanwhile, 0..1

    @property
    def disturbed(self) -> bool:
        """Other programs took so much that this speed says little about a quiet machine."""
        return self.others > QUIET

    def epoch(self, images: int, steps: int, tests: int) -> float:
        return images * self.image + steps * self.step + tests * self.evaluation


@dataclass(frozen=True, slots=True)
class DeviceSpeed:
    """A network's speed on a device, where it has been measured, and the memory that only torch knows of."""

    device: str  # concrete: "cpu", "cuda:0", "mps"
    free: int | None  # bytes of a GPU's memory
    total: int | None
    state: Literal["known", "measuring", "unknown"]
    speed: Speed | None
    used_by: tuple[tuple[int, int], ...] = ()  # processes on a GPU, with their bytes


@dataclass(frozen=True, slots=True)
class Memory:
    """The memory of a run as a function of its batch size."""

    weights: int
    gradients: int
    optimizer: int
    data: int
    program: int
    stepping: int  # needed during the optimiser's step, when activations are freed
    copies: int  # of the weights, in bfloat16
    image: int  # one image as float32
    image_size: int
    device: str  # "cpu", "cuda", "mps"
    kept: tuple[int, ...]
    widest: int
    graph: bool  # a step is recorded, and keeps its memory beside that of the batches that are not replayed
    compiling: bool  # a second process compiles the network and times it

    def parts(self, batch: int) -> tuple[Part, ...]:
        """The parts of the peak memory; they add up to `bytes`."""
        inputs = self.image * batch
        activations = max(0, sum(self.kept) * batch - inputs)
        recorded = (Part("graph", "Recorded step", inputs + activations + self.gradients),) if self.graph else ()
        parts = (
            Part("weights", "Weights", self.weights),
            Part("gradients", "Gradients", self.gradients),
            Part("optimizer", "Optimiser", self.optimizer),
            Part("inputs", "Batch of images", inputs),
            Part("activations", "Activations", activations),
            Part("workspace", "Work space", self.copies + _FIRST_STEP + max(0, self._peak(batch) - inputs - activations)),
            *recorded,
            Part("data", "Data set", self.data),
            Part("program", "The program itself", self.program),
        )
        if not self.compiling:
            return parts
        twice = sum(part.bytes for part in parts if part.name not in ("data", "optimizer", "graph"))
        return (*parts, Part("compiling", "Compiling beside it", twice))

    def bytes(self, batch: int) -> int:
        """The peak memory."""
        return sum(part.bytes for part in self.parts(batch))

    def largest_batch(self, free: int, most: int) -> int:
        """The largest batch, up to `most`, that leaves a tenth of `free` unused; 0 if not even one image fits."""
        low, high = 0, most
        while low < high:
            middle = (low + high + 1) // 2
            low, high = (middle, high) if fits(self.bytes(middle), free) else (low, middle - 1)
        return low

    def _peak(self, batch: int) -> int:
        kept = sum(self.kept) * batch
        # Only on the CPU: elsewhere torch has an allocator of its own.
        small = sum(min(size * batch, _SMALL_BLOCK) for size in self.kept) if self.device == "cpu" else 0
        training = kept + _LOST * small + _TRAINING * self.widest * batch
        # Evaluation keeps no activations, but its batches can be larger.
        evaluation = _EVALUATION * self.widest * evaluation_batch(self.image_size, self.device, batch)
        return int(max(training, (1 + _LOST) * small + max(evaluation, self.stepping)))


def is_small(config: RunConfig, macs: int) -> bool:
    """Whether a step is so short that its threads wait for each other as long as they work; `macs` are those of one image.

    Decided by the settings alone, never by what else the machine does: another number of threads changes the last digits.
    """
    return min(config.batch_size, images(config)[0]) * macs <= SMALL_STEP


def cores(config: RunConfig, macs: int, here: int) -> int:
    """The cores on which a run on the CPU trains, of those `here`: half of them, and at least one, for a small step."""
    return max(1, here // 2) if is_small(config, macs) else here


def fits(needed: int, free: int | None) -> bool:
    """Whether so many bytes fit into the free ones; True where nobody knows these."""
    return free is None or needed <= USABLE * free


def memory(config: RunConfig, table: LayerTable, device: str) -> Memory:
    """The memory of a run with `config`, whose network is `table`, on `device` ("cpu", "cuda:0", "mps", "at:cluster")."""
    kind = "cuda" if is_elsewhere(device) else device.partition(":")[0]  # a node's device is not known here; most have a GPU
    short = config.precision == "bfloat16"
    image = per_image(table.rows, width=2 if short else 4, device=kind)
    weights, largest = 4 * table.parameters, 4 * max((row.parameters for row in table.rows), default=0)
    optimizer = OPTIMIZERS[config.optimizer]
    channels, height, width = table.input_shape
    return Memory(
        weights=weights + 4 * table.buffers,
        gradients=weights,
        optimizer=optimizer.state_tensors(momentum.first(config)) * weights,
        data=_data_bytes(config, kind),
        program=_PROGRAM[kind],
        stepping=optimizer.step_tensors(config.weight_decay) * (weights if kind == "cuda" else largest),  # CUDA steps all at once
        copies=weights // 2 if short else 0,
        image=4 * channels * height * width,
        image_size=height,
        device=kind,
        kept=image.kept,
        widest=image.widest,
        graph=recordable(config, kind),
        compiling=config.compile,
    )


def images(config: RunConfig) -> tuple[int, int]:
    """The numbers of images that the run trains on, and that it is evaluated on: test images and those kept aside."""
    used, tests = images_taken(config)
    kept = validation_count(used, config.validation_share)
    return used - kept, tests + kept


def images_taken(config: RunConfig) -> tuple[int, int]:
    """The numbers of training images, those kept aside included, and of test images that the run takes of its data set."""
    entry = datasets.entry(config.dataset)
    return images_used(entry.train_images, entry.test_images, config.data_share, config.limit)


def epoch_seconds(config: RunConfig, speed: Speed, share: float = 1.0) -> float:
    """One epoch of the run, evaluation included; with `share`, on that part of its training images."""
    trained, tests = images(config)
    trained = max(1, round(share * trained))
    return speed.epoch(trained, batch_count(trained, config.batch_size), tests)


def _data_bytes(config: RunConfig, kind: str) -> int:
    entry = datasets.entry(config.dataset)
    image = entry.channels * entry.size**2 + 8  # uint8 pixels, and the label
    trained, tests = images_taken(config)
    whole = entry.train_images + entry.test_images
    if kind == "cpu" and entry.format == "own" and mapped.stays_on_disk(entry.channels * entry.size**2 * whole):
        return 8 * (whole + trained)  # labels and the order; the images are read where they lie
    # The whole set stays in the process that read it; a share is a copy, and so is what validation parts.
    copies = (trained < entry.train_images) + (config.validation_share > 0)
    return image * (trained + tests if kind == "cuda" else whole + copies * trained)
