"""How the values of a layer are distributed: zeros, silent channels, saturation."""

from __future__ import annotations

from torch import Tensor

from cnnlab.inside_values import Statistics
from cnnlab.training.activity import SATURATED
from cnnlab.training.histogram import histogram


def statistics(values: Tensor, kind: str) -> Statistics:
    """Of a layer's output for one image: C×H×W, or one value a unit. `kind` is the layer's, as the layer table names it."""
    channels = values.flatten(1) if values.ndim > 1 else values[:, None]
    low, high = values.min().item(), values.max().item()
    ends = SATURATED.get(kind)
    return Statistics(
        count=values.numel(),
        low=low,
        mean=values.mean().item(),
        high=high,
        deviation=values.std(correction=0).item(),
        zeros=(values == 0).double().mean().item(),
        silent=tuple((channels == 0).all(1).nonzero().flatten().tolist()),
        channels=len(channels),
        saturated_low=(values < ends[0]).double().mean().item() if ends else None,
        saturated_high=(values > ends[1]).double().mean().item() if ends else None,
        histogram=histogram(values, low, high),
    )
