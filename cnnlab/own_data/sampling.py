"""A look at some pictures of a source: their sizes, and whether they have colour, for the size that the lab suggests."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from statistics import median

from cnnlab.own_data.decoding import Kind, picture
from cnnlab.own_data.values import LEAST_SIZE, SUGGESTED_SIZES

SAMPLED = 200  # pictures


class Sample:
    """Pictures from all over a source, whose length is not known before its end."""

    def __init__(self) -> None:
        self._kinds: list[Kind] = []
        self._step, self._seen = 1, 0

    def wants(self) -> bool:
        """Whether the next picture is to be offered."""
        self._seen += 1
        return self._seen % self._step == 0

    def offer(self, content: bytes | None) -> None:
        """Takes one picture; as the sample grows, every second one is dropped, and half as many are wanted."""
        if content and (found := picture(content, max(SUGGESTED_SIZES))):
            self._kinds.append(found[1])
        if len(self._kinds) >= 2 * SAMPLED:
            del self._kinds[::2]
            self._step *= 2

    @property
    def kinds(self) -> tuple[Kind, ...]:
        return tuple(self._kinds)


def suggested_size(kinds: Sequence[Kind]) -> int:
    """Pixels a side: the pictures' own where most are square and alike, else the power of two below the median of shorter sides."""
    if kinds:
        (width, height), count = Counter((kind.width, kind.height) for kind in kinds).most_common(1)[0]
        if width == height and count * 2 > len(kinds) and LEAST_SIZE <= width <= SUGGESTED_SIZES[-1]:
            return width
    middle = median(min(kind.width, kind.height) for kind in kinds) if kinds else SUGGESTED_SIZES[0]
    return max((size for size in SUGGESTED_SIZES if size <= middle), default=SUGGESTED_SIZES[0])


def suggested_channels(kinds: Sequence[Kind]) -> int:
    """1 where no picture has colour."""
    return 1 if kinds and all(kind.gray for kind in kinds) else 3
