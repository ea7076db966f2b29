"""Which images make which batch: an order that follows from seed and epoch alone, so that any moment can be found again."""

from __future__ import annotations

import hashlib

import torch
from torch import Tensor


def bounds(images: int, batch_size: int) -> tuple[tuple[int, int], ...]:
    """Where each batch of an epoch starts and ends. Every image is in exactly one batch.

    A last batch of a single image joins the one before: batch normalisation cannot take a deviation over one value, and
    a step along one image's gradient would be noise. It holds for every network, so that all see the same batches.
    """
    starts = list(range(0, images, batch_size))
    if len(starts) > 1 and batch_size > 1 and images - starts[-1] == 1:
        starts.pop()
    return tuple(zip(starts, [*starts[1:], images], strict=True))


def order(images: int, seed: int, epoch: int) -> Tensor:
    """The order of the images in `epoch`, drawn on the CPU so that it is the same on every device."""
    generator = torch.Generator().manual_seed(derived_seed(seed, epoch, "order"))
    return torch.randperm(images, generator=generator)


def derived_seed(seed: int, epoch: int, purpose: str) -> int:
    """A seed for one purpose in one epoch. Hashed, because seeds that differ by 1 must not give related streams."""
    digest = hashlib.blake2b(f"{seed}/{epoch}/{purpose}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") >> 1  # torch takes 63 bits everywhere
