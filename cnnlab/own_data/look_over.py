"""Looks a data set over before training: its balance, its colours, and images that are in it more than once."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from cnnlab.datasets.location import SPLITS
from cnnlab.datasets.pictures import png_data_uri
from cnnlab.own_data.alike import ALMOST_IDENTICAL, SHOWN, colourless, repeats, smaller
from cnnlab.own_data.checkup import MOST_PAIRS, Checkup, Pair, Place, Repeated

MOST_BYTES = 4_000_000_000  # of images that are compared: half a minute

Images = NDArray[np.uint8]  # N×C×H×W


def look_over(images: tuple[Images, Images], labels: tuple[NDArray[np.int64], NDArray[np.int64]], classes: int) -> Checkup:
    """The check-up of training images and test images, which may be memory-mapped, with their labels."""
    return _Looked(images, labels, classes).checkup()


class _Looked:
    """Training images first, then test images; `numbers` are those that are compared."""

    def __init__(
        self, images: tuple[Images, Images], labels: tuple[NDArray[np.int64], NDArray[np.int64]], classes: int
    ) -> None:  # fmt: skip
        self.images, self.labels, self.classes = images, labels, classes
        self.step = 1 + sum(each.nbytes for each in self.images) // MOST_BYTES
        self.compared = tuple(each[:: self.step] for each in self.images)

    def checkup(self) -> Checkup:
        found = repeats(*self.compared)
        every = [(*map(self._place, pair), exact) for pairs, exact in ((found.same, True), (found.near, False)) for pair in pairs]
        every.sort(key=lambda pair: (pair[0].label == pair[1].label, pair[0].split == pair[1].split, not pair[2]))
        train, test = (tuple(np.bincount(each, minlength=self.classes).tolist()) for each in self.labels)
        return Checkup(
            train_counts=train,
            test_counts=test,
            compared=sum(map(len, self.compared)),
            colourless=colourless(self.images[0]) if self.images[0].shape[1] == 3 else 0,
            same=self._counted(found.same),
            near=self._counted(found.near),
            almost=found.threshold == ALMOST_IDENTICAL,
            pairs=tuple(Pair(*places, exact, self._side_by_side(*places)) for *places, exact in every[:MOST_PAIRS]),
            all_pairs=len(every),
            complete=found.complete,
        )

    def _counted(self, pairs: NDArray[np.int64]) -> Repeated:
        first, second = pairs[:, 0], pairs[:, 1]
        tests = len(self.compared[0])  # the number of the first one
        across = (first < tests) & (second >= tests)
        labels = np.concatenate([each[:: self.step] for each in self.labels])
        return Repeated(
            training=len(np.unique(second[second < tests])),
            test=len(np.unique(second[first >= tests])),
            across=len(np.unique(second[across])),
            other_label=int((labels[first] != labels[second]).sum()),
        )

    def _place(self, number: int) -> Place:
        train = len(self.compared[0])
        split, index = (0, int(number) * self.step) if number < train else (1, int(number - train) * self.step)
        return Place(SPLITS[split], index, int(self.labels[split][index]))

    def _side_by_side(self, *places: Place) -> str:
        both = [smaller(self.images[SPLITS.index(each.split)], SHOWN, [each.index])[0] for each in places]
        white = np.full((*both[0].shape[:2], 2), 255, np.uint8)
        return png_data_uri(np.concatenate([both[0], white, both[1]], axis=2))
