"""What chance makes of a share that was measured on some images: where the true one may lie, and how far two equal ones part."""

from __future__ import annotations

import math

_Z = 1.96  # for 95 %


def wilson(share: float, images: int) -> tuple[float, float]:
    """The two-sided 95 % interval of a share of so many images (Wilson, 1927). It stays within 0 and 1, however few they are."""
    middle = share + _Z**2 / (2 * images)
    spread = _Z * math.sqrt(share * (1 - share) / images + _Z**2 / (4 * images**2))
    scale = 1 + _Z**2 / images
    return max(0.0, (middle - spread) / scale), min(1.0, (middle + spread) / scale)


def chance_gap(first: float, images: int, second: float, images_of_second: int) -> float:
    """The gap between two shares that chance alone exceeds in one of twenty cases: 1.96 standard errors of their difference.

    Each share counts one image more of either kind (Agresti and Caffo, 2000), so that two shares of 100 % have a gap too. Two
    networks that are tested on the same images err together, so their gap by chance is rather smaller.
    """
    return _Z * math.sqrt(_variance(first, images) + _variance(second, images_of_second))


def _variance(share: float, images: int) -> float:
    shrunk = (share * images + 1) / (images + 2)
    return shrunk * (1 - shrunk) / (images + 2)
