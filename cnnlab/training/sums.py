"""The figures of the running epoch: sums over its images, and seconds by activity."""

from __future__ import annotations

from dataclasses import dataclass

import torch


@dataclass(frozen=True, slots=True)
class Totals:
    """Sums over the images of the running epoch so far."""

    loss: float = 0.0
    correct: int = 0
    images: int = 0
    finite_batches: int = 0  # batches until the loss overflowed, or all of them


class Sums:
    """`Totals` on the device, so that a batch adds to them without waiting."""

    def __init__(self, device: torch.device) -> None:
        wide = torch.float32 if device.type == "mps" else torch.float64  # mps has no float64
        self._loss = torch.zeros((), dtype=wide, device=device)
        self._counts = torch.zeros(2, dtype=torch.int64, device=device)
        self._images = 0

    def add(self, loss: torch.Tensor, logits: torch.Tensor, labels: torch.Tensor) -> None:
        """Adds a batch on the device, where a graph may replay it; its images are to be counted by `count`."""
        self._loss.add_(loss.detach(), alpha=len(labels))
        self._counts[0].add_((logits.detach().argmax(dim=1) == labels).sum())
        self._counts[1].add_(self._loss.isfinite())

    def count(self, images: int) -> None:
        self._images += images

    def read(self) -> Totals:
        """Waits for the device."""
        correct, finite = self._counts.tolist()
        return Totals(self._loss.item(), correct, self._images, finite)

    def write(self, totals: Totals) -> None:
        self._loss.fill_(totals.loss)
        self._counts[0].fill_(totals.correct)  # to copy both from the CPU would wait for the device
        self._counts[1].fill_(totals.finite_batches)
        self._images = totals.images


@dataclass(slots=True)
class Times:
    """Seconds of the running epoch, by activity."""

    load: float = 0.0
    compute: float = 0.0
    evaluation: float = 0.0
