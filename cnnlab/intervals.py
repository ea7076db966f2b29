"""How far a share that was measured on some images may lie from the share among all images of their kind."""

from __future__ import annotations

import math

_Z = 1.96  # for 95 %


def wilson(share: float, images: int) -> tuple[float, float]:
    """The two-sided 95 % interval of a share of so many images (Wilson, 1927). It stays within 0 and 1, however few they are."""
    middle = share + _Z**2 / (2 * images)
    spread = _Z * math.sqrt(share * (1 - share) / images + _Z**2 / (4 * images**2))
    scale = 1 + _Z**2 / images
    return max(0.0, (middle - spread) / scale), min(1.0, (middle + spread) / scale)
