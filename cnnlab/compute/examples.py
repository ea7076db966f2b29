"""A few test images of every class, and what a run's last checkpoint predicts for them."""

from __future__ import annotations

from pathlib import Path

import torch

from cnnlab.compute import answers
from cnnlab.compute.predictions import last_evaluation
from cnnlab.values import EpochPredictions, EvaluatedRun, ExampleImages

MOST = 20  # images


def examples(home: Path, *, run: EvaluatedRun, limit: int | None, number: int) -> ExampleImages:
    """Set `number`, from 1, of at most MOST test images, as many of each class; after its last image a class begins again."""
    images = answers.load(home, run.dataset, run.data)
    labels = images.test_labels[:limit]  # a limit takes the first test images
    by_class = [torch.nonzero(labels == label).flatten().tolist() for label in range(len(images.classes))]
    by_class = [places for places in by_class if places][:MOST]
    each = MOST // max(1, len(by_class))
    first = (max(1, number) - 1) * each
    chosen = [places[(first + turn) % len(places)] for turn in range(each) for places in by_class if turn < len(places)]
    return ExampleImages(
        pictures=tuple(answers.picture(images.test_images, images.test_labels, index) for index in chosen),
        test_images=len(labels),
        sets=max((-(-len(places) // each) for places in by_class), default=1),
    )


def last_predicted(home: Path, *, run_id: str, images: tuple[int, ...]) -> EpochPredictions:
    """What the run's last checkpoint predicts for the test images with these numbers. Raises CheckpointError."""
    kept = last_evaluation(home, run_id, "last")
    total = len(kept.predicted)
    tested = [image for image in images if 0 <= image < total]
    return EpochPredictions(kept.epoch, total, tuple(kept.predicted[tested].tolist()), tuple(kept.confidence[tested].tolist()))
