"""A tiny data set for tests of training: noise of 12×12 pixels, where a bright quadrant gives the class."""

import torch

from cnnlab.config import RunConfig
from cnnlab.datasets.loading import ImageData

CORNERS = ((0, 0), (0, 6), (6, 0))


def quadrants(train=90, test=30, seed=1):
    generator = torch.Generator().manual_seed(seed)
    train_images, train_labels = _images(train, generator)
    test_images, test_labels = _images(test, generator)
    return ImageData("quadrants", ("left", "right", "below"), train_images, train_labels, test_images, test_labels)


def _images(count, generator):
    labels = torch.arange(count) % len(CORNERS)
    images = torch.randint(0, 120, (count, 1, 12, 12), generator=generator, dtype=torch.uint8)
    for image, label in zip(images, labels.tolist(), strict=True):
        top, left = CORNERS[label]
        image[0, top : top + 6, left : left + 6] += 90
    return images, labels


def settings(**changes):
    """A configuration that learns the quadrants within a second."""
    base = {
        "architecture": "mlp",
        "options": {"hidden": (16,)},
        "image_size": 12,
        "learning_rate": 0.2,
        "batch_size": 16,
        "epochs": 3,
    }
    return RunConfig.make(**(base | {"device": "cpu"} | changes))
