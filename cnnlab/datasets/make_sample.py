"""Makes the bundled sample from the full Fashion-MNIST: `python -m cnnlab.datasets.make_sample FOLDER`."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

from cnnlab.datasets.catalogue import entry
from cnnlab.datasets.idx import write_idx
from cnnlab.datasets.layouts import idx_names
from cnnlab.datasets.places import SAMPLE_FOLDER, Places, Split
from cnnlab.datasets.reading import located, read_split
from cnnlab.errors import CNNLabError

SEED = 2017  # the year of Fashion-MNIST; any fixed number does
PER_CLASS: dict[Split, int] = {"train": 600, "test": 100}


def make_sample(source: Path, target: Path = SAMPLE_FOLDER) -> None:
    """Draws the same number of images of every class, training images from the training images only, and keeps their order."""
    fashion = entry("fashion-mnist")
    location = located(fashion, Places(home=source, data=source))
    target.mkdir(parents=True, exist_ok=True)
    random = np.random.default_rng(SEED)
    for split, count in PER_CLASS.items():
        images, labels = read_split(fashion, location, split, source)
        drawn = [random.choice(np.flatnonzero(labels == label), count, replace=False) for label in range(len(fashion.classes))]
        chosen = np.sort(np.concatenate(drawn))
        for name, values in zip(idx_names(split), (images[chosen, 0], labels[chosen]), strict=True):
            write_idx(target / f"{name}.gz", values)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("Usage: python -m cnnlab.datasets.make_sample FOLDER, where FOLDER has Fashion-MNIST in torchvision's layout.")
    try:
        make_sample(Path(sys.argv[1]))
    except CNNLabError as error:
        sys.exit(str(error))
