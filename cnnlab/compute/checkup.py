"""A data set's check-up, and the search for labels that may be wrong."""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path
from typing import Any
from weakref import WeakKeyDictionary

import torch

from cnnlab.compute import answers
from cnnlab.config import RunConfig
from cnnlab.datasets import own
from cnnlab.datasets.loading import ImageData, stratified
from cnnlab.datasets.location import SPLITS
from cnnlab.datasets.own import ImageAt, OwnSet
from cnnlab.own_data.alike import smaller
from cnnlab.own_data.checkup import FEW_SUSPECTS, MOST_SUSPECTS, Checkup, Search, Suspect
from cnnlab.own_data.look_over import look_over
from cnnlab.training.cross_validation import Step, contradicted, cross_validate

FOLDS = 4
MOST_IMAGES = 20_000  # that are searched
SIDE = 28  # px of the images that the networks see: LeNet's own
IMAGES_TRAINED = 60_000  # by each network, in all epochs
LEAST_EPOCHS, MOST_EPOCHS = 3, 12
BATCH = 64

_known: WeakKeyDictionary[ImageData, Checkup] = WeakKeyDictionary()  # as long as the images are in memory


def checkup(home: Path, *, dataset: str, data: Path | None = None) -> Checkup:
    """The check-up of a data set. Raises DataError."""
    source = answers.load(home, dataset, data)
    if source not in _known:
        images = source.train_images.numpy(), source.test_images.numpy()
        _known[source] = look_over(images, (source.train_labels.numpy(), source.test_labels.numpy()), len(source.classes))
    return _known[source]


def search(home: Path, brought: OwnSet, folder: Path) -> Generator[Step, None, Search]:
    """Searches a user's own set for wrong labels, those of test images too. `folder` takes checkpoints. Raises DataError."""
    images, data = _images(home, brought)
    predicted = yield from cross_validate(_config(brought, len(images)), data, folds=FOLDS, folder=folder)
    right = predicted.classes == data.train_labels
    confident, others = contradicted(predicted, data.train_labels, fewest=FOLDS)
    less_sure = others[: max(0, FEW_SUSPECTS - len(confident))]
    suspects = []
    for row in confident[:MOST_SUSPECTS] + less_sure:
        label, other, sure = (each[row].item() for each in (data.train_labels, predicted.classes, predicted.confidence))
        suspects.append(Suspect(images[row].split, images[row].index, int(label), int(other), round(sure, 4)))
    return Search(
        "finished", 1.0, images=len(images), folds=FOLDS, accuracy=right.double().mean().item(), mistakes=int((~right).sum()),
        suspects=tuple(suspects), less_sure=len(less_sure),
    )  # fmt: skip


def _images(home: Path, brought: OwnSet) -> tuple[list[ImageAt], ImageData]:
    """The images of both splits that are not set aside, at most MOST_IMAGES, small; as the training images of a data set."""
    stored = {split: own.stored(home, brought, split) for split in SPLITS}
    places = [ImageAt(split, index) for split in SPLITS for index in own.kept(brought, split)]
    labels = torch.tensor([int(stored[place.split].labels[place.index]) for place in places])
    if len(places) > MOST_IMAGES:
        chosen = stratified(labels, MOST_IMAGES, brought.seed)
        places, labels = [places[row] for row in chosen.tolist()], labels[chosen]
    numbers = {split: [place.index for place in places if place.split == split] for split in SPLITS}
    images = torch.cat([torch.from_numpy(smaller(stored[split].images, SIDE, numbers[split])) for split in SPLITS])
    return places, ImageData(brought.name, brought.classes, images, labels, images[:0], labels[:0])


def _config(brought: OwnSet, images: int) -> RunConfig:
    epochs = min(MOST_EPOCHS, max(LEAST_EPOCHS, round(IMAGES_TRAINED / max(1, images))))
    settings: dict[str, Any] = {"architecture": "lenet", "options": {"activation": "relu", "pooling": "max"}, "device": "cpu"}
    settings |= {"optimizer": "adam", "learning_rate": 0.001, "normalization": "dataset", "batch_size": BATCH, "epochs": epochs}
    return RunConfig.make(dataset=brought.name, seed=brought.seed, **settings)
