"""What the batches of an epoch read, drawn ahead: tables on the device with a row for each full batch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from cnnlab.training.transforms import Draws, moved

_DRAWS = ("shifts", "mirrored", "gray")


@dataclass(frozen=True, slots=True)
class Row:
    """What one batch reads, on the device."""

    order: Tensor  # int64, the numbers of its images
    draws: Draws


class Tables:
    """The order of the images, the augmentation's draws and the learning rates of an epoch.

    A step finds its row by a counter on the device and then advances it, so nothing in a step of a full batch is a number that
    varies from batch to batch: a CUDA graph, which freezes such numbers, may replay it. Filling keeps the tables where they lie.
    """

    def __init__(self, device: torch.device) -> None:
        self.at = torch.zeros(1, dtype=torch.int64, device=device)  # the row of the next batch
        self.first = self.full = 0  # the batch that the draws begin with; the number of full batches, which come first
        self.rest: Row | None = None  # of a last batch of another size
        self.version = 0  # of the places in memory
        self._device = device
        self._tables: dict[str, Tensor] = {}

    def fill(
        self,
        bounds: Sequence[tuple[int, int]],
        order: Tensor,
        *,
        first: int = 0,
        draws: Sequence[Draws] = (),
        rates: Sequence[float] = (),
    ) -> None:
        """`draws` are those of each batch from `first` on, or none at all; `rates` are those of all batches, or none."""
        start, end = bounds[0]
        size = end - start
        self.first, self.full = first, sum(end - start == size for start, end in bounds)
        self._write("order", order[: self.full * size].view(self.full, size))
        for name in _DRAWS:
            drawn = [values for each in draws[: max(0, self.full - first)] if (values := getattr(each, name)) is not None]
            if drawn:
                self._write(name, torch.stack(drawn), first)
        if rates:
            self._write("rates", torch.tensor(rates[: self.full], dtype=torch.float32))
        self.at.fill_(first)
        self.rest = None
        if self.full < len(bounds):
            start, end = bounds[-1]
            self.rest = Row(moved(order[start:end], self._device), (draws[-1] if draws else Draws()).to(self._device))

    def row(self) -> Row:
        """That of the next full batch."""
        return Row(self._next("order"), Draws(*(self._next(name) if name in self._tables else None for name in _DRAWS)))

    def rate(self) -> Tensor:
        """The learning rate of the next full batch, float32 without a dimension."""
        return self._next("rates")

    def _next(self, name: str) -> Tensor:
        return self._tables[name].index_select(0, self.at)[0]

    def _write(self, name: str, values: Tensor, first: int = 0) -> None:
        """The rows before `first` belong to batches that are done, and are never read."""
        table, shape = self._tables.get(name), (self.full, *values.shape[1:])
        if table is None or table.shape != shape:
            table = self._tables[name] = torch.zeros(shape, dtype=values.dtype, device=self._device)
            self.version += 1
        table[first:].copy_(values, non_blocking=self._device.type == "cuda")  # as `moved`
