"""Which images are trained on, and in which batch. All follows from seed and epoch, so any moment of a run can be found again."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import TYPE_CHECKING

from cnnlab.errors import DataError
from cnnlab.i18n import N_, say

if TYPE_CHECKING:
    from torch import Tensor

    from cnnlab.datasets.loading import ImageData

NO_IMAGES = N_("The data set {dataset} has no images to train or to test on; raise data_share or limit.")


def batch_count(images: int, batch_size: int) -> int:
    """The batches of an epoch.

    A last batch of a single image joins the one before, for every network alike: batch normalisation cannot take a deviation
    over one value, and a step along one image's gradient would be noise.
    """
    full, rest = divmod(images, batch_size)
    return max(1, full + (rest > 1))


def bounds(images: int, batch_size: int) -> tuple[tuple[int, int], ...]:
    """Where each batch of an epoch starts and ends. Every image is in exactly one batch."""
    starts = range(0, batch_count(images, batch_size) * batch_size, batch_size)
    return tuple(zip(starts, [*starts[1:], images], strict=True))


def validation_count(images: int, share: float) -> int:
    """How many of the training `images` are kept aside; at least one, where a share is asked for.

    Raises DataError where none would be left to train on.
    """
    if not share:
        return 0
    if images < 2:
        raise DataError(
            N_("A validation share needs at least 2 training images; raise data_share or limit, or set validation_share to 0.")
        )
    return max(1, round(share * images))


def check_filled(data: ImageData) -> None:
    """Raises DataError where there is nothing to train on, or nothing to test on."""
    if not len(data.train_images) or not len(data.test_images):
        raise DataError(say(NO_IMAGES, dataset=data.name))


def set_aside(data: ImageData, share: float, seed: int) -> tuple[ImageData, Tensor, Tensor]:
    """`data` with the images that remain to train on, and the images and labels kept aside: the same share of each class."""
    import torch

    from cnnlab.datasets.loading import stratified

    count = validation_count(len(data.train_labels), share)
    if not count:
        return data, data.train_images[:0], data.train_labels[:0]
    # A seed of its own: `ImageData.take` draws with the run's seed, and the two draws must not be related.
    kept = stratified(data.train_labels, count, derived_seed(seed, 0, "validation"))
    trains = torch.ones(len(data.train_labels), dtype=torch.bool)
    trains[kept] = False
    rest = replace(data, train_images=data.rows(trains.nonzero().flatten()), train_labels=data.train_labels[trains])
    return rest, data.rows(kept), data.train_labels[kept]


def order(images: int, seed: int, epoch: int) -> Tensor:
    """The order of the images in `epoch`, drawn on the CPU so that it is the same on every device."""
    import torch  # the forecast, which counts batches, does without

    generator = torch.Generator().manual_seed(derived_seed(seed, epoch, "order"))
    return torch.randperm(images, generator=generator)


def derived_seed(seed: int, epoch: int, purpose: str) -> int:
    """A seed for one purpose in one epoch. Hashed, because seeds that differ by 1 must not give related streams."""
    digest = hashlib.blake2b(f"{seed}/{epoch}/{purpose}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") >> 1  # torch takes 63 bits everywhere
