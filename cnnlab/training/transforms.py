"""From uint8 batches to the input of a network, on the device of the batch: augmentation, channels, scale, normalisation, size."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import torch
from torch.nn import functional

from cnnlab.datasets.catalogue import GRAY

if TYPE_CHECKING:
    from cnnlab.config import Channels, Normalization, RunConfig
    from cnnlab.datasets.loading import ImageData


@dataclass(frozen=True, slots=True)
class Draws:
    """What chance decides for the images of one batch; None where the settings leave nothing to it."""

    shifts: torch.Tensor | None = None  # int64 2×N, down and to the right
    mirrored: torch.Tensor | None = None  # bool N
    gray: torch.Tensor | None = None  # bool N

    def to(self, device: torch.device) -> Draws:
        return Draws(*(None if drawn is None else moved(drawn, device) for drawn in (self.shifts, self.mirrored, self.gray)))


@dataclass(frozen=True, slots=True)
class Preparation:
    """The steps from a uint8 batch N×C×H×W to float32 N×`channels`×`image_size`×`image_size`.

    In this order: random shift and flip (training only), scale to 0..1, channels (grey is repeated three times; colour becomes
    grey with the weights GRAY), random greyscale (training only), normalisation, resizing. Test images get all but
    the random steps: the course does not normalise them, which costs it most of its accuracy on CIFAR-10.
    """

    channels: Channels
    image_size: int
    normalization: Normalization = "none"
    mean: tuple[float, ...] = ()  # with "dataset": one value a channel, on the scale 0..1
    std: tuple[float, ...] = ()
    horizontal_flip: bool = False
    random_crop: int = 0
    random_grayscale: float = 0.0

    @classmethod
    def for_run(cls, config: RunConfig, data: ImageData) -> Preparation:
        """The preparation that `config` asks for, with the statistics of the training images in `data`."""
        channels = config.channels or data.channels
        mean, std = data.statistics(channels) if config.normalization == "dataset" else ((), ())
        return cls(
            channels=channels,
            image_size=config.image_size or data.size,
            normalization=config.normalization,
            mean=mean,
            std=tuple(value or 1.0 for value in std),  # a channel of one value has a deviation of 0
            horizontal_flip=config.horizontal_flip,
            random_crop=config.random_crop,
            random_grayscale=config.random_grayscale,
        )

    @property
    def random(self) -> bool:
        """Whether a training batch is augmented by draws."""
        return bool(self.random_crop or self.horizontal_flip or self.random_grayscale)

    def draw(self, count: int, channels: int, generator: torch.Generator) -> Draws:
        """The draws for `count` images of `channels` channels, on the CPU, so that a seed augments alike on every device."""
        shifts = mirrored = gray = None
        if self.random_crop:
            shifts = torch.randint(0, 2 * self.random_crop + 1, (2, count), generator=generator)
        if self.horizontal_flip:
            mirrored = torch.rand(count, generator=generator) < 0.5
        if self.random_grayscale and self.channels == 3 and channels == 3:
            gray = torch.rand(count, generator=generator) < self.random_grayscale
        return Draws(shifts, mirrored, gray)

    def train(self, batch: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        """A training batch, augmented by draws from `generator`."""
        return self.augmented(batch, self.draw(len(batch), batch.shape[1], generator).to(batch.device))

    def augmented(self, batch: torch.Tensor, draws: Draws, *, fixed_shapes: bool = False) -> torch.Tensor:
        """A training batch with these draws, which lie on its device.

        With `fixed_shapes` no tensor's shape depends on a draw, also on the CPU; the images are the same to the bit.
        """
        if draws.shifts is not None:
            batch = _crop(batch, self.random_crop, draws.shifts)
        if draws.mirrored is not None:
            batch = torch.where(draws.mirrored[:, None, None, None], batch.flip(3), batch)
        images = _scaled(batch)
        if draws.gray is not None:
            if fixed_shapes or images.device.type != "cpu":
                # To find the drawn ones would wait for the device, and no CUDA graph can hold a number that varies.
                images = torch.where(draws.gray[:, None, None, None], _gray(images), images)
            else:  # of a tenth of the images, a quarter of the time of the above
                chosen = draws.gray.nonzero().flatten()
                images[chosen] = _gray(images[chosen]).expand(-1, 3, -1, -1)
        return self._finish(images)

    def test(self, batch: torch.Tensor) -> torch.Tensor:
        """A batch for evaluation, without random steps."""
        return self._finish(_scaled(batch))

    def constants(self, device: torch.device) -> tuple[torch.Tensor, ...]:
        """The tensors that it keeps on `device` between two batches."""
        return tuple(_per_channel(values, device) for values in (self.mean, self.std) if self.normalization == "dataset")

    def _finish(self, images: torch.Tensor) -> torch.Tensor:
        if self.channels == 1 and images.shape[1] == 3:
            images = _gray(images)
        elif self.channels == 3 and images.shape[1] == 1:
            images = images.repeat(1, 3, 1, 1)
        if self.normalization == "half":
            images.sub_(0.5).div_(0.5)
        elif self.normalization == "dataset":
            images.sub_(_per_channel(self.mean, images.device)).div_(_per_channel(self.std, images.device))
        # Last, because normalising small images costs less; resizing keeps weighted means, so the order changes nothing else.
        if images.shape[2:] != (self.image_size, self.image_size):
            shrinks = self.image_size < images.shape[2]
            images = functional.interpolate(images, size=(self.image_size,) * 2, mode="bilinear", antialias=shrinks)
        return images


def moved(drawn: torch.Tensor, device: torch.device) -> torch.Tensor:
    """`drawn` on `device`, without waiting for it where it need not."""
    # CUDA has read ordinary memory when the call returns, so it need not wait; other devices do not promise that.
    return drawn.to(device, non_blocking=device.type == "cuda")


def _scaled(batch: torch.Tensor) -> torch.Tensor:
    return batch.float().div_(255)


def _gray(images: torch.Tensor) -> torch.Tensor:
    red, green, blue = images.unbind(1)
    return (red * GRAY[0]).add_(green, alpha=GRAY[1]).add_(blue, alpha=GRAY[2])[:, None]


def _crop(batch: torch.Tensor, padding: int, shifts: torch.Tensor) -> torch.Tensor:
    """Black borders of `padding` pixels, then a window of the old size at an offset of its own for every image."""
    height, width = batch.shape[2:]
    # All windows, as a view without a copy: N×C×rows×columns×height×width. Half the time of two gathers.
    windows = functional.pad(batch, (padding,) * 4).unfold(2, height, 1).unfold(3, width, 1)
    return windows[torch.arange(len(batch), device=batch.device), :, shifts[0], shifts[1]]


@lru_cache(maxsize=32)
def _per_channel(values: tuple[float, ...], device: torch.device) -> torch.Tensor:
    # Cached, because making it on a GPU waits for a copy. Not an inference tensor, even if an evaluation is the first caller.
    with torch.inference_mode(False):
        return torch.tensor(values, dtype=torch.float32, device=device)[:, None, None]
