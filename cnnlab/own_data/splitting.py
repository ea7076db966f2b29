"""Which images are tested on, drawn class by class from a seed, and the order in which images are kept."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

import numpy as np

from cnnlab.datasets.location import Split


def drawn(labels: Sequence[int], share: float, seed: int) -> list[Split]:
    """A split for each image: the same `share` of each class for testing, at least one image where the class has two."""
    by_class: dict[int, list[int]] = defaultdict(list)
    for position, label in enumerate(labels):
        by_class[label].append(position)
    splits: list[Split] = ["train"] * len(labels)
    for label, of in sorted(by_class.items()):
        count = min(len(of) - 1, max(1, round(share * len(of))))
        for chosen in np.random.default_rng((seed, label)).permutation(len(of))[:count]:
            splits[of[chosen]] = "test"
    return splits


def in_turn(labels: Sequence[int]) -> list[int]:
    """A place for each image: the first of all classes, then the second ones, so that any part from the front has all classes."""
    seen: dict[int, int] = defaultdict(int)
    ranks = []
    for position, label in enumerate(labels):
        ranks.append((seen[label], label, position))
        seen[label] += 1
    places = [0] * len(labels)
    for place, (_rank, _label, position) in enumerate(sorted(ranks)):
        places[position] = place
    return places
