"""Which training images a run's network finds most like an image."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from pathlib import Path

import torch
from torch import Tensor

from cnnlab.compute import answers
from cnnlab.compute.predictions import weights_file
from cnnlab.compute.trained import Network, looking, open_network
from cnnlab.datasets.catalogue import images_used
from cnnlab.datasets.loading import ImageData, stratified
from cnnlab.errors import ConfigError
from cnnlab.i18n import say
from cnnlab.inside.nearness import features, nearest
from cnnlab.inside_values import InsideLayer, Look, Neighbour, Neighbours
from cnnlab.layers.memory import evaluation_batch

MOST = 32  # neighbours of one image
MOST_IMAGES = 10_000  # training images that are compared
WORK = 100_000_000_000  # multiply-accumulates for them all: a few seconds on two cores


def neighbours(home: Path, *, look: Look, count: int = 8) -> Neighbours:
    """The `count` training images nearest to the test image in the network's last hidden layer.

    Compared are the first training images of the run: as many as the network computes in seconds, at most 10,000. Their values
    are kept in memory. Raises CheckpointError, DataError, or ConfigError for an image that the run was not tested on.
    """
    if not 1 <= count <= MOST:
        raise ConfigError(say("count must be from 1 to {most}, not {count}.", most=MOST, count=count), "count")
    network, image = looking(home, look)
    _, changed = weights_file(home, look.run.id, look.checkpoint, look.epoch)
    layer, given = last_hidden(network)
    with network.working():
        known = _known(home, replace(look, image=0, right=0, down=0, own=None), changed)
        own = features(network.model, layer.path, image.pixels[None], network.preparation.test, batch=1, given=given)[0]
    data = answers.load(home, look.run.dataset, look.run.data)
    numbers = trained_on(data, network)[: len(known)].tolist()
    return Neighbours(
        layer=layer.path,
        given=given,
        features=known.shape[1],
        compared=len(known),
        found=tuple(
            Neighbour(answers.picture(data.train_images, data.train_labels, numbers[place]), distance)
            for place, distance in nearest(own, known, count)
        ),
    )


def last_hidden(network: Network) -> tuple[InsideLayer, bool]:
    """The layer whose input is the last hidden one, and True; without a dense layer at the end the last layer, and False."""
    dense = [layer for layer in network.about.layers if layer.category == "dense"]
    return (dense[-1], True) if dense else (network.about.layers[-1], False)


@lru_cache(maxsize=2)  # 10,000 images take 3 MB for LeNet, 20 MB for 512 features
def _known(home: Path, look: Look, changed: int) -> Tensor:
    network = open_network(home, look.run, look.checkpoint, look.epoch)
    layer, given = last_hidden(network)
    data = answers.load(home, look.run.dataset, look.run.data)
    images = data.train_images[trained_on(data, network)[: max(1, min(MOST_IMAGES, WORK // max(1, network.macs)))]]
    batch = evaluation_batch(network.about.input_shape[-1], "cpu", 256)
    return features(network.model, layer.path, images, network.preparation.test, batch=batch, given=given)


def trained_on(data: ImageData, network: Network) -> Tensor:
    """The numbers of the training images that the run took, those included that it kept aside for validation."""
    share, limit, seed = network.taken
    total = len(data.train_labels)
    count, _ = images_used(total, len(data.test_labels), share, limit)
    return torch.arange(total) if count == total else stratified(data.train_labels, count, seed)
