"""Predictions for every image of a data set by networks that were not trained on it, and the labels that these contradict."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import torch
from torch import Tensor

from cnnlab.errors import DataError
from cnnlab.events import Progress, RunFailed
from cnnlab.training import checkpoints
from cnnlab.training.engine import train

if TYPE_CHECKING:
    from cnnlab.config import RunConfig
    from cnnlab.datasets.loading import ImageData


class Predicted(NamedTuple):
    """One row an image."""

    classes: Tensor  # int64
    confidence: Tensor  # float32, probability of that class


class Step(NamedTuple):
    """How far the work is."""

    done: float  # 0..1
    seconds_left: float | None  # estimate


def cross_validate(config: RunConfig, data: ImageData, *, folds: int, folder: Path) -> Generator[Step, None, Predicted]:
    """What networks trained by `config` on the other folds predict for each training image; the test images are not used.

    `folder` takes their checkpoints. Closing the generator ends the work. Raises DataError where a training fails.
    """
    fold_of = stratified_folds(data.train_labels, folds, config.seed)
    classes = torch.zeros(len(fold_of), dtype=torch.int64)
    confidence = torch.zeros(len(fold_of))
    for fold in range(folds):
        held = fold_of == fold
        part = replace(
            data, train_images=data.train_images[~held], train_labels=data.train_labels[~held],
            test_images=data.train_images[held], test_labels=data.train_labels[held],
        )  # fmt: skip
        for event in train(config, part, folder=folder, checkpoint_every=float("inf")):
            if isinstance(event, Progress):
                left = event.seconds_left + (folds - fold - 1) * (event.seconds + event.seconds_left)
                yield Step((fold + event.share_done) / folds, left)
            elif isinstance(event, RunFailed):
                raise DataError(event.message)
        last = checkpoints.load(folder / checkpoints.LAST)
        classes[held], confidence[held] = last["test_predicted"].long(), last["test_confidence"]
    return Predicted(classes, confidence)


def stratified_folds(labels: Tensor, folds: int, seed: int) -> Tensor:
    """The fold of each image, 0-based: every class is spread over all of them as evenly as possible, by `seed`."""
    order = torch.randperm(len(labels), generator=torch.Generator().manual_seed(seed))
    by_class = order[torch.argsort(labels[order], stable=True)]
    result = torch.empty(len(labels), dtype=torch.int64)
    result[by_class] = torch.arange(len(labels)) % folds
    return result


def contradicted(predicted: Predicted, labels: Tensor, *, fewest: int) -> tuple[list[int], list[int]]:
    """The images whose label is contradicted with confidence, and those of the other mistakes; of each the most confident first.

    After confident learning (Northcutt, Jiang, Chuang, 2021) the bound is each class's own: here the mean confidence of the images
    that are rightly predicted to be of it. Theirs is the mean over all images of that label, which is lower and finds more. Images
    of a class with fewer than `fewest` are left out: too little was learnt about it.
    """
    right = predicted.classes == labels
    count = int(max(labels.max(), predicted.classes.max())) + 1 if len(labels) else 0
    hits = torch.bincount(predicted.classes[right], minlength=count)
    sums = torch.bincount(predicted.classes[right], weights=predicted.confidence[right].double(), minlength=count)
    bounds = torch.where(hits > 0, sums / hits.clamp(min=1), torch.inf)
    enough = torch.bincount(labels, minlength=count) >= fewest
    wrong = torch.nonzero(~right & enough[labels]).flatten()
    wrong = wrong[torch.argsort(-predicted.confidence[wrong], stable=True)]
    sure = predicted.confidence[wrong] >= bounds[predicted.classes[wrong]]
    return wrong[sure].tolist(), wrong[~sure].tolist()
