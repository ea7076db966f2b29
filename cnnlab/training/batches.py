"""Which images make which batch. The order follows from seed and epoch alone, so any moment of a run can be found again."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor


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


def order(images: int, seed: int, epoch: int) -> Tensor:
    """The order of the images in `epoch`, drawn on the CPU so that it is the same on every device."""
    import torch  # the forecast, which counts batches, does without

    generator = torch.Generator().manual_seed(derived_seed(seed, epoch, "order"))
    return torch.randperm(images, generator=generator)


def derived_seed(seed: int, epoch: int, purpose: str) -> int:
    """A seed for one purpose in one epoch. Hashed, because seeds that differ by 1 must not give related streams."""
    digest = hashlib.blake2b(f"{seed}/{epoch}/{purpose}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") >> 1  # torch takes 63 bits everywhere
