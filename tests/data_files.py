"""Tiny data sets in the file formats that the lab reads."""

import numpy as np
from PIL import Image

from cnnlab.datasets import entry
from cnnlab.datasets.idx import write_idx

FASHION, MNIST, CIFAR = entry("fashion-mnist"), entry("mnist"), entry("cifar10")


def folder_of(entry, places):
    """The folder where `places` has the data set, or None."""
    location = places.locate(entry)
    return location.folder if location else None


def write_tiny(folder, *, train=40, test=20, suffix="", seed=0):
    """A data set in MNIST's files; the classes take turns."""
    folder.mkdir(parents=True, exist_ok=True)
    random = np.random.default_rng(seed)
    for prefix, count in (("train", train), ("t10k", test)):
        write_idx(folder / f"{prefix}-images-idx3-ubyte{suffix}", random.integers(0, 256, (count, 28, 28), np.uint8))
        write_idx(folder / f"{prefix}-labels-idx1-ubyte{suffix}", (np.arange(count) % 10).astype(np.uint8))
    return folder


def write_pictures(folder, *, train=3, test=2, suffix="png"):
    """CIFAR-10 as one folder for each class; the red value is the label, the green one the number of the image."""
    for split, count in (("train", train), ("test", test)):
        for label, name in enumerate(CIFAR.classes):
            (folder / split / name).mkdir(parents=True)
            for number in range(count):
                Image.new("RGB", (32, 32), (label, number, 7)).save(folder / split / name / f"{number:04}.{suffix}")
    return folder
