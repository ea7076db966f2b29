"""Loads a data set once into uint8 tensors; everything after this happens on whole batches."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path

import numpy as np
import torch

from cnnlab.datasets import mapped
from cnnlab.datasets.arrays import Arrays
from cnnlab.datasets.catalogue import GRAY, Entry, images_used
from cnnlab.datasets.known import entry as entry_called
from cnnlab.datasets.location import SPLITS, Location
from cnnlab.datasets.places import Places
from cnnlab.datasets.reading import from_best, own_set, read_split, signature


@dataclass(frozen=True, eq=False)
class ImageData:
    """A data set in memory: images uint8 N×C×H×W, labels int64 N."""

    name: str
    classes: tuple[str, ...]
    train_images: torch.Tensor
    train_labels: torch.Tensor
    test_images: torch.Tensor
    test_labels: torch.Tensor
    variant: str = ""  # "JPEG copy" where the files are not the original ones
    spool: Path | None = None  # where a part of the images becomes a file: they are too many for memory and stay on the disk
    _statistics: dict[int, tuple[tuple[float, ...], tuple[float, ...]]] = field(default_factory=dict, init=False, repr=False)

    @property
    def channels(self) -> int:
        return self.train_images.shape[1]

    @property
    def size(self) -> int:
        """Height and width in pixels; images are square."""
        return self.train_images.shape[2]

    def take(self, share: float = 1.0, limit: int | None = None, seed: int = 0) -> ImageData:
        """A part of it: `share` of the training images, and at most `limit` training and `limit` test images.

        `seed` draws training images so that the mix of classes stays. Test images are always the first ones, so that runs
        with different seeds are evaluated on the same images and an image keeps its number.
        """
        count, tests = images_used(len(self.train_labels), len(self.test_labels), share, limit)
        if count == len(self.train_labels) and tests == len(self.test_labels):
            return self
        chosen = stratified(self.train_labels, count, seed)
        return replace(
            self,
            train_images=self.rows(chosen),
            train_labels=self.train_labels[chosen],
            test_images=self.test_images[:tests],
            test_labels=self.test_labels[:tests],
        )

    def rows(self, chosen: torch.Tensor) -> torch.Tensor:
        """The training images of these numbers, which stay on the disk where all of them do."""
        return mapped.rows(self.train_images, chosen, self.spool)

    def statistics(self, channels: int | None = None) -> tuple[tuple[float, ...], tuple[float, ...]]:
        """Mean and standard deviation of the training images on the scale 0..1, one value a channel.

        `channels` are those of the network's input: grey is repeated and colour becomes grey before the measurement.
        """
        channels = channels or self.channels
        if channels not in self._statistics:
            self._statistics[channels] = _measure(self.train_images, channels)
        return self._statistics[channels]


def load(dataset: str | Entry, places: Places) -> ImageData:
    """The data set `dataset`; a second call in a process returns the same object while its files are as they were.

    Raises DataError if it is not on this machine or its files are damaged, ConfigError for an unknown name.
    """
    entry = dataset if isinstance(dataset, Entry) else entry_called(dataset)
    return from_best(entry, places, lambda location: _load(entry, location, places.own, signature(location)))


@lru_cache(maxsize=3)  # the largest, CIFAR-10, takes 184 MB
def _load(entry: Entry, location: Location, cache: Path, signature: str) -> ImageData:
    if location.layout == "own":
        return _own(entry, location)
    train, test = (_tensors(read_split(entry, location, split, cache)) for split in ("train", "test"))
    return ImageData(entry.name, entry.classes, *train, *test, variant=location.variant)


def _own(entry: Entry, location: Location) -> ImageData:
    size = entry.channels * entry.size**2 * (entry.train_images + entry.test_images)
    spool = location.folder if mapped.stays_on_disk(size) else None
    parts = []
    for split in SPLITS:
        _rest, stored, kept = own_set(location, entry, split)
        images, labels, chosen = mapped.tensor(stored.images), stored.labels.astype(np.int64)[kept], torch.tensor(kept)
        if len(chosen) < len(images):
            images = mapped.rows(images, chosen, spool)
        elif spool is None:
            images = images.clone()
        parts += [images, torch.from_numpy(labels)]
    return ImageData(entry.name, tuple(map(str, entry.classes)), *parts, spool=spool)  # plain text: checkpoints hold no other class


def _tensors(arrays: Arrays) -> tuple[torch.Tensor, torch.Tensor]:
    return torch.from_numpy(np.ascontiguousarray(arrays.images)), torch.from_numpy(arrays.labels)


def stratified(labels: torch.Tensor, count: int, seed: int) -> torch.Tensor:
    """`count` positions, ascending, with the mix of classes of `labels`.

    Every image gets a random place in the queue of its class; the queues move at the same pace.
    """
    order = torch.randperm(len(labels), generator=torch.Generator().manual_seed(seed))
    shuffled = labels.cpu()[order]
    by_class = torch.argsort(shuffled, stable=True)
    sizes = torch.bincount(shuffled)
    starts = torch.cumsum(sizes, 0) - sizes
    place = torch.empty(len(labels), dtype=torch.float64)
    sorted_labels = shuffled[by_class]
    place[by_class] = (torch.arange(len(labels)) - starts[sorted_labels] + 0.5).double() / sizes[sorted_labels]
    return order[torch.argsort(place, stable=True)[:count]].sort().values.to(labels.device)


def _measure(images: torch.Tensor, channels: int) -> tuple[tuple[float, ...], tuple[float, ...]]:
    if channels == 1 and images.shape[1] == 3:
        moments = [_gray_moments(images)]
    else:
        moments = [_moments(images[:, channel]) for channel in range(images.shape[1])]
    if channels == 3 and len(moments) == 1:
        moments *= 3
    means = tuple(first for first, _ in moments)
    return means, tuple(max(second - first * first, 0.0) ** 0.5 for first, second in moments)


def _moments(plane: torch.Tensor) -> tuple[float, float]:
    """Mean of the values and of their squares, exactly: a pixel has 256 values, so counting them is enough."""
    step = max(1, 4_000_000 // max(1, plane[0].numel()))  # bounds the memory
    counts = sum(torch.bincount(part.reshape(-1), minlength=256) for part in plane.split(step)).tolist()
    pixels = plane.numel()
    return (
        sum(count * value for value, count in enumerate(counts)) / (255 * pixels),
        sum(count * value * value for value, count in enumerate(counts)) / (255**2 * pixels),
    )


def _gray_moments(images: torch.Tensor) -> tuple[float, float]:
    weights = torch.tensor(GRAY, dtype=torch.float64, device=images.device)
    total = squares = 0.0
    for part in images.split(max(1, 1_024_000 // max(1, images[0, 0].numel()))):  # 8 MB a channel in float64
        gray = torch.einsum("nchw,c->nhw", part.double() / 255, weights)
        total += gray.sum().item()
        squares += gray.square().sum().item()
    pixels = images[:, 0].numel()
    return total / pixels, squares / pixels
