"""What networks predict for the test images: one network's mistakes, or where two disagree.

Checkpoints keep the predictions of the last evaluation, so no forward pass is needed.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import torch
from torch import Tensor

from cnnlab import datasets, epoch_weights
from cnnlab.compute import answers
from cnnlab.errors import CheckpointError
from cnnlab.i18n import N_, say
from cnnlab.system.home import run_folder
from cnnlab.training import checkpoints
from cnnlab.training.evaluation import calibration, confusion, per_class
from cnnlab.values import Checkpoint, Disagreement, DisagreementPage, EvaluatedRun, Only, Order, Prediction, PredictionPage, Right

_FILES: dict[str, str] = {"last": checkpoints.LAST, "best": checkpoints.BEST}  # by the names in values.Checkpoint


def predictions(
    home: Path,
    *,
    run: EvaluatedRun,
    checkpoint: Checkpoint,
    label: int | None = None,
    predicted: int | None = None,
    only: Only = "all",
    order: Order = "number",
    offset: int = 0,
    count: int = 40,
) -> PredictionPage:
    """A page of test images with the predictions in a run's checkpoint: those of one true and one predicted class, or of all."""
    answers.check_page(count, offset)
    tested = last_evaluation(home, run.id, checkpoint)
    total = len(tested.predicted)
    images = answers.load(home, run.dataset, run.data)
    labels = images.test_labels[:total]  # a limit takes the first test images
    if len(labels) < total:
        raise CheckpointError(
            say(
                "The checkpoint of run {run} was made with {total:,} test images, but {name} has {count:,} now.",
                run=run.id,
                total=total,
                name=images.name,
                count=len(labels),
            )
        )
    right = tested.predicted == labels
    keep = torch.ones(total, dtype=torch.bool)
    if label is not None:
        keep &= labels == label
    if predicted is not None:
        keep &= tested.predicted == predicted
    if only != "all":
        keep &= right if only == "correct" else ~right
    chosen = torch.nonzero(keep).flatten()
    if order != "number":  # images of one confidence stay as they come, so that pages follow each other
        chosen = chosen[torch.argsort(tested.confidence[chosen], descending=order == "confident", stable=True)]
    counts = confusion(labels, tested.predicted, len(tested.classes))
    items = tuple(
        Prediction(
            answers.picture(images.test_images, images.test_labels, index),
            int(tested.predicted[index]),
            float(tested.confidence[index]),
        )
        for index in chosen[offset : offset + count].tolist()
    )
    return PredictionPage(
        checkpoint=checkpoint,
        epoch=tested.epoch,
        classes=tested.classes,
        total=len(chosen),
        test_images=total,
        correct=int(right.sum()),
        confusion=tuple(map(tuple, counts.tolist())),
        figures=per_class(counts),
        items=items,
        calibration=calibration(tested.confidence, right),
    )


def disagreements(
    home: Path, *, first: EvaluatedRun, second: EvaluatedRun, right: Right = "any", offset: int = 0, count: int = 40
) -> DisagreementPage:
    """A page of the test images that two runs classify differently; `right` keeps those that one, or neither, gets right."""
    answers.check_page(count, offset)
    if first.dataset != second.dataset:
        titles = [datasets.entry(run.dataset).title for run in (first, second)]
        raise CheckpointError(
            say(
                "These two runs were tested on different images ({first} and {second}): choose two runs of one data set.",
                first=titles[0],
                second=titles[1],
            )
        )
    one, other = (last_evaluation(home, run.id, "best") for run in (first, second))
    if len(one.predicted) != len(other.predicted):
        raise CheckpointError(
            say(
                "These two runs were tested on different numbers of images ({first:,} and {second:,}): choose two runs with the "
                "same setting “At most this many images”.",
                first=len(one.predicted),
                second=len(other.predicted),
            )
        )
    images = answers.load(home, first.dataset, first.data)
    total = len(one.predicted)
    labels = images.test_labels[:total]  # a limit takes the first test images
    if len(labels) < total or not _same_labels(home, first, second, labels):
        raise CheckpointError(
            N_("The test images have changed since one of these runs was tested; train it again to compare them.")
        )
    pair = torch.stack((one.predicted, other.predicted))
    confidence = torch.stack((one.confidence, other.confidence))
    correct = pair == labels
    apart = pair[0] != pair[1]
    kinds = {"any": apart, "first": apart & correct[0], "second": apart & correct[1], "neither": apart & ~correct.any(0)}
    chosen = torch.nonzero(kinds[right]).flatten()
    return DisagreementPage(
        classes=one.classes,
        test_images=total,
        epochs=(one.epoch, other.epoch),
        both=int(correct.all(0).sum()),
        only_first=int(kinds["first"].sum()),
        only_second=int(kinds["second"].sum()),
        neither=int(kinds["neither"].sum()),
        total=len(chosen),
        items=tuple(
            Disagreement(
                answers.picture(images.test_images, images.test_labels, index),
                tuple(pair[:, index].tolist()),
                tuple(confidence[:, index].tolist()),
            )
            for index in chosen[offset : offset + count].tolist()
        ),
    )


@dataclass(frozen=True, slots=True)
class LastEvaluation:
    """A checkpoint's predictions for the test images, without its weights."""

    epoch: int
    classes: tuple[str, ...]
    predicted: Tensor
    confidence: Tensor


def last_evaluation(home: Path, run_id: str, checkpoint: str) -> LastEvaluation:
    """What the checkpoint ("best" or "last") of a run predicts. Raises CheckpointError where there is none that can be read."""
    return _read(*checkpoint_file(home, run_id, checkpoint))


def checkpoint_file(home: Path, run_id: str, checkpoint: str) -> tuple[Path, int]:
    """The file of a run's checkpoint ("best" or "last"), and when it was written. Raises CheckpointError where there is none."""
    if checkpoint not in _FILES:
        raise CheckpointError(say("There is no checkpoint {checkpoint!r}.", checkpoint=checkpoint[:20]))
    path = run_folder(home, run_id) / _FILES[checkpoint]
    try:
        return path, path.stat().st_mtime_ns
    except FileNotFoundError:
        raise CheckpointError(N_("This run has no checkpoint yet: the first is saved when its first epoch is done.")) from None
    except OSError as error:
        raise CheckpointError(
            say("The checkpoint {name} cannot be read: {reason}.", name=path.name, reason=error.strerror)
        ) from error


def weights_file(home: Path, run_id: str, checkpoint: str, epoch: int | None) -> tuple[Path, int]:
    """As `checkpoint_file`; with `epoch` the file of the weights that were kept after it."""
    if epoch is None:
        return checkpoint_file(home, run_id, checkpoint)
    path = epoch_weights.file_of(run_folder(home, run_id), epoch)
    try:
        return path, path.stat().st_mtime_ns
    except OSError:
        raise CheckpointError(
            say("The weights after epoch {epoch:,} are not kept any more; choose another epoch.", epoch=epoch)
        ) from None


@lru_cache(maxsize=16)  # about 50 KB each; the weights are released
def _read(path: Path, changed: int) -> LastEvaluation:
    kept = checkpoints.load(path)
    if not kept["history"]:
        raise CheckpointError(N_("This run has evaluated no test images yet: it does so when its first epoch is done."))
    evaluated = kept["history"][-1]["epoch"]  # in the middle of an epoch a checkpoint keeps the evaluation after the one before
    return LastEvaluation(evaluated, tuple(kept["classes"]), kept["test_predicted"].long(), kept["test_confidence"])


def _same_labels(home: Path, first: EvaluatedRun, second: EvaluatedRun, labels: Tensor) -> bool:
    if first.data == second.data:
        return True
    return torch.equal(answers.load(home, second.dataset, second.data).test_labels[: len(labels)], labels)
