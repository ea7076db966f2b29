"""How many values lie in each of equal steps between the smallest and the largest."""

from __future__ import annotations

import torch
from torch import Tensor

BINS = 24
_AT_ONCE = 1 << 23  # torch.histc counts in the values' own float32, which is exact up to twice as many


def histogram(values: Tensor, low: float, high: float) -> tuple[int, ...]:
    """The counts of float32 `values`, whose ends are `low` and `high`; one count where all are equal, or some are no numbers."""
    if not low < high:
        return (values.numel(),)
    counts = torch.zeros(BINS, dtype=torch.int64)
    if torch.are_deterministic_algorithms_enabled():
        values = values.cpu()  # torch warns of its count on a GPU, though whole numbers have the same sum in any order
    for some in values.flatten().split(_AT_ONCE):
        counts += torch.histc(some, BINS, low, high).long().cpu()
    return tuple(counts.tolist())
