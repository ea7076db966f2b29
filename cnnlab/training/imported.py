"""A run that trains nothing: weights from a file, evaluated on the images, so that Predict and Inside can show them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from cnnlab import epoch_predictions
from cnnlab.architectures import card
from cnnlab.events import CheckpointSaved, Event, Notice, RunFinished
from cnnlab.i18n import N_
from cnnlab.training import checkpoints, weights_file
from cnnlab.training.engine import started
from cnnlab.training.evaluation import evaluate
from cnnlab.training.randomness import own_random_numbers
from cnnlab.training.session import Session
from cnnlab.training.sums import Totals

if TYPE_CHECKING:
    from cnnlab.config import RunConfig
    from cnnlab.datasets.loading import ImageData

NOTICE = N_(
    "The weights were imported from a file, and nothing was trained here: the figures of epoch 1 are those of the network as it "
    "came, on the training images and on the test images. More epochs train it further."
)


@own_random_numbers
def imported(config: RunConfig, data: ImageData, *, file: Path, folder: Path) -> Iterator[Event]:
    """The events of a run of one epoch whose weights are those of `file`. Raises CheckpointError where they do not fit."""
    tensors = weights_file.read(file)
    session = Session(config, data)
    weights_file.fit(session.model, tensors, card(config.architecture).called(config.options))
    session.model.load_state_dict(tensors)
    yield started(session)
    yield Notice("imported", 1, NOTICE)
    session.begin_epoch()
    session.batch = len(session.bounds)  # a longer run goes on with the next epoch
    options = {"batch_size": config.batch_size, "precision": session.precision}
    sets = ((session.train_images, session.train_labels), *session.evaluated_on)
    seen, *tested = (evaluate(session.model, *each, session.preparation, **options) for each in sets)
    images = len(session.train_images)
    session.sums.write(Totals(seen.loss * images, round(seen.accuracy * images), images, len(session.bounds)))
    done = session.close_epoch(*tested)
    epoch_predictions.write(folder, 1, len(session.classes), tested[0].predicted.tolist(), tested[0].confidence.tolist())
    state = session.state()
    checkpoints.save_last(state, folder, best=True)
    yield done
    for kind in ("best", "last"):
        yield CheckpointSaved(kind, 1, done.test_accuracy, 0)
    yield RunFinished(
        epochs=1,
        seconds=session.seconds,
        train_accuracy=done.train_accuracy,
        test_accuracy=done.test_accuracy,
        best_epoch=1,
        best_test_accuracy=done.test_accuracy,
        best_validation_accuracy=done.validation_accuracy,
    )
