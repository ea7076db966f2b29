"""Images that are in a data set more than once: to the bit, and nearly.

Up to 5,000 images are compared each with each. In a larger set candidates come from a difference hash (64 bits: whether each
of 8×8 places is brighter than its left neighbour). The list is sorted by the hash four times, each time with another quarter of
the bits in front, and each image is compared with the next ones: two that differ in few bits stand side by side in at least one
order. So the work grows with the number of images, however alike they are; about half of the pairs above 0.95 are found. A
candidate counts where the pictures themselves agree: 70,000 images of 28×28 px take 3 s, 60,000 in colour 2 s (two cores).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from hashlib import blake2b

import numpy as np
from numpy.typing import NDArray

from cnnlab.datasets.catalogue import GRAY

Floats = NDArray[np.float32]

PIECE = 16_000_000  # bytes of images that are read at once, which take six times as much while they are reduced
EVERY_PAIR = 5_000  # images that are compared each with each: half a second
ROWS = 250  # of them at once, which takes 5 MB
MOST_LIKE_ONE = 32  # earlier images that are kept for each, the most alike
NEXT = 8  # images behind each one in a sorted list
FEW_BITS = 10  # of 64 in which candidates may differ
SIDE = 16  # px of the small pictures that are compared
SHOWN = 96  # px at most of a picture in a list: forty photographs of 224 px are 6 MB
# Correlation of two small pictures. Photographs above the first show the same thing, saved, cut or coloured again. Digits and
# silhouettes are often as close by chance: where more than a fiftieth of a set is, only what is almost identical counts.
ALIKE, ALMOST_IDENTICAL = 0.95, 0.99
MANY = 0.02

_ONES = np.array([number.bit_count() for number in range(256)], np.uint8)  # NumPy counts bits itself only from 2.0 on


@dataclass(frozen=True, slots=True)
class Repeats:
    """Pairs of images by their numbers, the lower first. A group of n identical images is n-1 pairs with its first."""

    same: NDArray[np.int64]  # pairs × 2
    near: NDArray[np.int64]
    threshold: float  # correlation above which two count as nearly the same
    complete: bool  # whether each image was compared with each; else `near` misses about half of what there is


def repeats(*parts: NDArray[np.uint8]) -> Repeats:
    """The repeated images of uint8 N×C×H×W, which may be memory-mapped; numbers go on from one part to the next."""
    digests = np.concatenate([_digests(piece) for part in parts for piece in _pieces(part)])
    _rest, first, group = np.unique(digests.view("V16").ravel(), return_index=True, return_inverse=True)
    numbers = np.arange(len(digests))
    original = first[group.ravel()]
    same = np.stack([original, numbers], 1)[original != numbers]
    singles = np.flatnonzero(original == numbers)
    pairs, likeness = _near(parts, singles)
    threshold = ALIKE
    if len(np.unique(pairs[likeness >= ALIKE])) > MANY * len(digests):
        threshold = ALMOST_IDENTICAL
    kept = likeness >= threshold
    order = np.argsort(-likeness[kept], kind="stable")
    return Repeats(same, singles[pairs[kept][order]], threshold, len(singles) <= EVERY_PAIR)


def colourless(images: NDArray[np.uint8]) -> int:
    """How many of the images have equal red, green and blue in every pixel."""
    return sum(int((piece == piece[:, :1]).all(axis=(1, 2, 3)).sum()) for piece in _pieces(images))


def smaller(images: NDArray[np.uint8], side: int, numbers: Sequence[int] | None = None) -> NDArray[np.uint8]:
    """All images, or those of these numbers, with `side`×`side` pixels where they have more."""
    chosen = np.arange(len(images)) if numbers is None else np.asarray(numbers, np.int64)
    pieces = (images[part] for part in np.array_split(chosen, 1 + len(chosen) * images[:1].nbytes // PIECE))
    return np.concatenate([_reduced(np.asarray(piece), side) for piece in pieces])


def _reduced(images: NDArray[np.uint8], side: int) -> NDArray[np.uint8]:
    if images.shape[2] <= side:
        return images
    return np.rint(_means(images.astype(np.float32), side, side)).astype(np.uint8)


def _near(parts: Sequence[NDArray[np.uint8]], singles: NDArray[np.int64]) -> tuple[NDArray[np.int64], Floats]:
    """Candidates as pairs of places in `singles`, and how alike they are, -1..1."""
    reduced = [(_means(gray, 8, 9), _means(gray, SIDE, SIDE)) for part in parts for gray in map(_gray, _pieces(part))]
    steps, values = (np.concatenate(each)[singles] for each in zip(*reduced, strict=True))
    values = values.reshape(len(singles), SIDE * SIDE)
    if len(singles) <= EVERY_PAIR:
        return _compared(values)
    bits = (steps[:, :, 1:] > steps[:, :, :-1]).reshape(len(singles), 64)
    hashes = np.packbits(bits, axis=1)
    found = [np.empty((0, 2), np.int64)]
    for quarter in range(4):
        # Every fourth bit, so that each quarter has parts of the whole picture.
        bits_in_order = np.concatenate([np.arange((quarter + turn) % 4, 64, 4) for turn in range(4)])
        keys = np.ascontiguousarray(np.packbits(bits[:, bits_in_order], axis=1)).view(">u8").ravel()
        order = np.argsort(keys, kind="stable")
        for distance in range(1, min(NEXT, len(order) - 1) + 1):
            one, other = order[:-distance], order[distance:]
            close = _ONES[hashes[one] ^ hashes[other]].sum(axis=1) <= FEW_BITS
            found.append(np.stack([np.minimum(one, other)[close], np.maximum(one, other)[close]], 1))
    pairs = np.unique(np.concatenate(found), axis=0)
    return pairs, _likeness(values, pairs)


def _compared(values: Floats) -> tuple[NDArray[np.int64], Floats]:
    """Each row with each: pairs that are alike, and how much."""
    values = _unit(values)
    pairs, likeness = [np.empty((0, 2), np.int64)], [np.empty(0, np.float32)]
    for begin in range(0, len(values), ROWS):
        rows = np.arange(begin, min(begin + ROWS, len(values)))
        alike = values[rows] @ values[: rows[-1] + 1].T
        alike[np.arange(len(alike[0])) >= rows[:, None]] = -1  # only earlier ones, so that no pair is there twice
        if alike.shape[1] > MOST_LIKE_ONE:  # where all are alike, there would be millions
            alike[alike < np.partition(alike, -MOST_LIKE_ONE, axis=1)[:, [-MOST_LIKE_ONE]]] = -1
        place, earlier = np.nonzero(alike >= ALIKE)
        pairs.append(np.stack([earlier, rows[place]], 1))
        likeness.append(alike[place, earlier])
    return np.concatenate(pairs), np.concatenate(likeness)


def _unit(values: Floats) -> Floats:
    """Rows whose products are correlations."""
    values = values - values.mean(axis=1, keepdims=True)
    return values / np.maximum(np.linalg.norm(values, axis=1, keepdims=True), SIDE)  # a picture of one tone is like no other


def _likeness(values: Floats, pairs: NDArray[np.int64]) -> Floats:
    """The correlation of each pair of rows."""
    values = _unit(values)
    parts = (pairs[begin : begin + 50_000] for begin in range(0, len(pairs), 50_000))
    return np.concatenate([np.empty(0, np.float32), *((values[part[:, 0]] * values[part[:, 1]]).sum(axis=1) for part in parts)])


def _pieces(images: NDArray[np.uint8]) -> Iterator[NDArray[np.uint8]]:
    """At least one, so that there is always something to put together."""
    count = max(1, PIECE // max(1, images[:1].nbytes))
    for begin in range(0, max(1, len(images)), count):
        yield images[begin : begin + count]


def _digests(images: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """16 bytes for each image that only the same pixels share."""
    digests = (blake2b(np.ascontiguousarray(image).tobytes(), digest_size=16).digest() for image in images)
    return np.frombuffer(b"".join(digests), np.uint8).reshape(len(images), 16)


def _gray(images: NDArray[np.uint8]) -> Floats:
    if images.shape[1] == 1:
        return images[:, 0].astype(np.float32)
    return np.einsum("nchw,c->nhw", images.astype(np.float32), np.asarray(GRAY, np.float32))


def _means(images: Floats, height: int, width: int) -> Floats:
    """Means over a grid of `height`×`width` parts, which need not end at whole pixels."""
    return _parts(images.shape[-2], height) @ images @ _parts(images.shape[-1], width).T


def _parts(size: int, parts: int) -> Floats:
    """How much of each of `size` pixels belongs to each part, its sum 1."""
    edges = np.linspace(0, size, parts + 1)
    pixels = np.arange(size)
    overlap = np.minimum(pixels + 1, edges[1:, None]) - np.maximum(pixels, edges[:-1, None])
    covered = np.clip(overlap, 0, None)
    return (covered / covered.sum(axis=1, keepdims=True)).astype(np.float32)
