"""Training as a generator of events: `for event in train(config, data)`. It knows no store, no process and no screen."""

from __future__ import annotations

import math
import time
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from cnnlab.errors import CNNLabError
from cnnlab.evaluation import Evaluation, comfortable_batch, evaluate_in_steps
from cnnlab.events import CheckpointSaved, EpochDone, Event, Notice, RunFailed, RunFinished, RunStarted
from cnnlab.training import checkpoints, diagnosis
from cnnlab.training.progress import Meter
from cnnlab.training.session import Session

if TYPE_CHECKING:
    from cnnlab.config import RunConfig
    from cnnlab.datasets.loading import ImageData

_STUCK_NOTICES = 3  # the fourth would say nothing new


def train(
    config: RunConfig,
    data: ImageData,
    *,
    folder: Path | None = None,
    progress_every: float = 0.5,
    resume: checkpoints.Checkpoint | None = None,
) -> Iterator[Event]:
    """Trains as `config` says on all of `data`, and tells what happens; the last event is RunFinished or RunFailed.

    A smaller share of the images is the caller's to take (`ImageData.take`). A Progress comes every `progress_every` seconds
    and at the end of an epoch's training. `folder` gets last.pt and best.pt after every epoch, before its EpochDone is told.
    Closing the generator ends the run. With `resume` it goes on from that checkpoint of a run with the same configuration.

    Raises ConfigError, ShapeError, DataError, DeviceError or CheckpointError before the first event where the run cannot begin.
    """
    session = None
    try:
        begun = Session(config, data)
        if resume is not None:
            begun.restore(resume)
        session = begun
        yield from _run(session, folder, progress_every)
        return
    except _NotFiniteError as error:
        failed = RunFailed("not-finite", error.epoch, str(error))
    except CNNLabError as error:
        if session is None:
            raise
        failed = RunFailed("error", session.epoch, str(error))
    except (MemoryError, RuntimeError) as error:
        if not _out_of_memory(error):
            raise
        judging = session is not None and session.epoch > 0 and session.epoch_is_over
        device = session.device_name if session else "the device"
        message = diagnosis.out_of_memory(config, device, "evaluation" if judging else "training")
        failed = RunFailed("out-of-memory", session.epoch if session else 0, message)
    yield failed


class _NotFiniteError(Exception):
    def __init__(self, session: Session, batch: int) -> None:
        self.epoch = session.epoch
        super().__init__(diagnosis.not_finite(session.config, session.epoch, batch, len(session.bounds)))


def _run(session: Session, folder: Path | None, progress_every: float) -> Iterator[Event]:
    yield RunStarted(
        device=str(session.device),
        device_name=session.device_name,
        parameters=sum(parameter.numel() for parameter in session.model.parameters() if parameter.requires_grad),
        train_images=len(session.train_images),
        test_images=len(session.test_images),
        batches_per_epoch=len(session.bounds),
        epochs=session.config.epochs,
        classes=len(session.classes),
    )
    meter = Meter(session, progress_every)
    while session.epoch < session.config.epochs or not session.epoch_is_over:
        if session.epoch_is_over:
            session.begin_epoch()
        yield from _train_epoch(session, meter)
        evaluation = yield from _evaluate(session, meter)
        done = session.close_epoch(evaluation)
        saved = _save(session, folder)
        yield done
        yield from _notices(session, done)
        yield from saved
    last = session.history[-1]
    yield RunFinished(
        epochs=len(session.history),
        seconds=meter.seconds,
        train_accuracy=last.train_accuracy,
        test_accuracy=last.test_accuracy,
        best_epoch=session.best_epoch,
        best_test_accuracy=session.best_accuracy,
    )


def _train_epoch(session: Session, meter: Meter) -> Iterator[Event]:
    meter.begin_epoch()
    while not session.epoch_is_over:
        session.advance()
        if meter.due or session.epoch_is_over:
            totals = session.totals()
            if totals.finite_batches < session.batch:
                raise _NotFiniteError(session, totals.finite_batches + 1)
            yield meter.training(totals)


def _evaluate(session: Session, meter: Meter) -> Generator[Event, None, Evaluation]:
    # Judging needs less memory than training, so what fits in a training batch fits here.
    size = max(session.config.batch_size, comfortable_batch(session.config.image_size, session.device))
    steps = evaluate_in_steps(
        session.model,
        session.test_images,
        session.test_labels,
        session.preparation,
        batch_size=size,
        precision=session.config.precision,
    )
    began = time.perf_counter()
    try:
        while True:
            judged = next(steps)
            if meter.due:
                yield meter.evaluation(judged, time.perf_counter() - began)
    except StopIteration as end:
        evaluation: Evaluation = end.value
    finally:
        steps.close()
    session.times.evaluation = time.perf_counter() - began
    if not math.isfinite(evaluation.loss):
        raise _NotFiniteError(session, batch=0)
    return evaluation


def _save(session: Session, folder: Path | None) -> list[CheckpointSaved]:
    """Writes the best before the last: whoever resumes from the last then finds the best that it speaks of."""
    if folder is None:
        return []
    state, accuracy = session.state(), session.history[-1].test_accuracy
    saved = []
    if session.best_epoch == session.epoch:
        checkpoints.save(state, folder / checkpoints.BEST)
        saved.append(CheckpointSaved("best", session.epoch, accuracy))
    checkpoints.save(state, folder / checkpoints.LAST)
    saved.append(CheckpointSaved("last", session.epoch, accuracy))
    return saved


def _notices(session: Session, done: EpochDone) -> Iterator[Event]:
    classes = len(session.classes)
    stuck = [epoch.epoch for epoch in session.history if diagnosis.at_chance(epoch.train_accuracy, classes)]
    if done.epoch in stuck[:_STUCK_NOTICES]:
        yield Notice("stuck-at-chance", done.epoch, diagnosis.stuck_at_chance(session.config, done, classes))


def _out_of_memory(error: Exception) -> bool:
    # The CPU's allocator, mps and cuDNN raise a plain RuntimeError; only its text tells.
    if isinstance(error, torch.OutOfMemoryError | MemoryError):
        return True
    return any(words in str(error) for words in ("DefaultCPUAllocator", "out of memory", "ALLOC_FAILED"))
