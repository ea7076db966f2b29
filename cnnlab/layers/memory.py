"""Memory that training needs for each image: the tensors that are kept for the backward pass. Needs no torch."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from math import prod

from cnnlab.architectures.kinds import kind_named
from cnnlab.layers.table import LayerRow

_INDEX_BYTES = 8  # the position of each maximum, as int64
_MASK_BYTES = {"cpu": 4, "cuda": 1, "mps": 4}  # for each value that dropout may drop: a byte on CUDA, else as wide as the values

_CPU_VALUES = 2**23  # activations of the widest layers at a time: 32 MiB of float32; four times as many evaluate 5 to 10 % faster
_GPU_VALUES = 2**26  # small batches would leave a GPU idle; 256 MiB, and wide networks make more of an image than assumed
_WIDTH = 64  # channels that a network typically makes of an image at full size


@dataclass(frozen=True, slots=True)
class ImageMemory:
    """Bytes for one image of a batch."""

    kept: tuple[int, ...]  # each tensor that is kept from the forward pass until the backward pass has used it
    widest: int  # input and output of the largest layer, which exist together while it works

    @property
    def total(self) -> int:
        return sum(self.kept)


def per_image(rows: Iterable[LayerRow], *, width: int = 4, device: str = "cpu") -> ImageMemory:
    """The memory of a network of these (unfolded) rows, at `width` bytes per value; `device` is cpu, cuda or mps.

    Every kept tensor counts once: a convolution keeps its input, which the ReLU before it keeps as its output. Before the first
    layer that learns nothing is kept, because no gradient goes there.
    """
    rows = tuple(rows)
    learns = next((number for number, row in enumerate(rows) if row.parameters), len(rows))
    made_by = _producers(rows)
    kept: dict[int, int] = {}  # by the row that made the tensor; -1 made the image
    extra: list[int] = []
    for number, row in enumerate(rows):
        keeps = kind_named(row.kind).keeps
        if number < learns:
            continue
        if "input" in keeps:
            kept[made_by[number]] = prod(row.input_shape) * width
        if "output" in keeps:
            kept[number] = prod(row.output_shape) * width
        if "indices" in keeps:
            extra.append(prod(row.output_shape) * _INDEX_BYTES)
        if "mask" in keeps:
            extra.append(prod(row.output_shape) * _MASK_BYTES[device])
    widest = max(((prod(row.input_shape) + prod(row.output_shape)) * width for row in rows), default=0)
    return ImageMemory((*kept.values(), *extra), widest)


def evaluation_batch(image_size: int, device: str, training_batch: int = 1) -> int:
    """How many images to evaluate at a time: as many as modest memory holds (167 at 28 px, 16 at 224 px on a CPU).

    Never fewer than `training_batch`: evaluation needs less memory than training, so what fits there fits here.
    """
    values = _CPU_VALUES if device == "cpu" else _GPU_VALUES
    return max(training_batch, 16, min(4096, values // (_WIDTH * image_size * image_size)))


def _producers(rows: tuple[LayerRow, ...]) -> list[int]:
    """For each row, the row that made its input: the latest before it with that shape, which side branches do not disturb."""
    latest: dict[tuple[int, ...], int] = {}
    producers: list[int] = []
    for number, row in enumerate(rows):
        producers.append(latest.get(row.input_shape, -1))
        # A view has no memory of its own: to keep it is to keep the tensor behind it.
        latest[row.output_shape] = producers[-1] if row.category == "view" else number
    return producers
