"""Training as a generator of events: `for event in train(config, data)`. It knows no store, no process and no screen."""

from __future__ import annotations

import math
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from cnnlab import epoch_predictions
from cnnlab.diagnosis.overflow import overflow
from cnnlab.errors import CheckpointError, CNNLabError
from cnnlab.events import CheckpointSaved, Event, Notice, RunFailed, RunFinished, RunPaused, RunResumed, RunStarted
from cnnlab.layers.memory import evaluation_batch
from cnnlab.training import checkpoints, clock, devices, diagnosis, features, gpu_errors, pretrained, process
from cnnlab.training.compiling import Compiler
from cnnlab.training.evaluation import Evaluation
from cnnlab.training.flow import Flow, looked_at
from cnnlab.training.kept import Kept
from cnnlab.training.progress import Meter
from cnnlab.training.randomness import own_random_numbers
from cnnlab.training.saving import Saver
from cnnlab.training.session import Session
from cnnlab.values import Device

if TYPE_CHECKING:
    from cnnlab.config import RunConfig
    from cnnlab.datasets.loading import ImageData


@own_random_numbers
def train(
    config: RunConfig,
    data: ImageData,
    *,
    folder: Path | None = None,
    progress_every: float = 0.5,
    checkpoint_every: float = 30.0,
    resume: checkpoints.Checkpoint | None = None,
    pausing: Callable[[], bool] = lambda: False,
    compiled: Path | None = None,
    weights: Sequence[Path] = (),
) -> Iterator[Event]:
    """Trains by `config` on all of `data` and yields events; the last is RunFinished, RunPaused or RunFailed.

    The caller takes a share of the images (`ImageData.take`); of these, the run keeps its validation share aside. Its random
    numbers are its own: those that the caller draws from torch's generators between two events change nothing, and are not changed.
    A Progress comes every `progress_every` seconds and at the end of an epoch's training. `folder` gets its predictions after every
    epoch, before its EpochDone; so it gets last.pt and best.pt, those of a large network less often (`training.saving`); and
    last.pt within an epoch, after a Progress, `checkpoint_every` seconds after the last checkpoint.
    Closing the generator ends the run, and writes what of its epochs is not written. With `resume`, a checkpoint of a run with the
    same configuration, the first event is RunResumed. `pausing` is called after each event: once True, the run saves a checkpoint
    and yields RunPaused.
    `compiled` is the folder for compiled networks; without it nothing is compiled, whatever the configuration says. `weights` are
    folders with files of published weights, for a network that begins with such.

    Raises ConfigError, ShapeError, DataError, DeviceError or CheckpointError before the first event where the run cannot begin,
    and a temporary CheckpointError later on a full disk: the run can go on from its last checkpoint.
    """
    session = None
    try:
        begun, resumed = Session(config, data, resume.get("precision") if resume else None), resume is not None
        if resume is not None:
            begun.restore(resume)
            del resume  # its tensors take as much as the network and its optimiser
        else:
            pretrained.begin(begun.model, config.architecture, config.options, weights)
        session, begun.features = begun, features.of(begun)
        yield _resumed(session) if resumed else started(session)
        if config.precision == "auto" and not resumed:
            yield Notice("precision", 0, session.choice.sentence)
        compiler = Compiler(session, compiled) if compiled is not None and config.compile else None
        training = _Training(session, folder, progress_every, checkpoint_every, pausing)
        try:
            yield from training.run(compiler)
        finally:
            if compiler is not None:
                compiler.close()
        return
    except _NotFiniteError as error:
        failed = RunFailed(error.kind, error.epoch, str(error))
    except CNNLabError as error:
        if session is None or error.temporary:
            raise
        failed = RunFailed("error", session.epoch, str(error))
    except (MemoryError, RuntimeError) as error:
        failed = _failure_of_the_device(error, config, session)
        if failed is None:
            raise
    yield failed


def _failure_of_the_device(error: Exception, config: RunConfig, session: Session | None) -> RunFailed | None:
    """What an error of the device means for people; None for a fault of the program."""
    epoch = session.epoch if session else 0
    device = Device(str(session.device), session.device_name) if session else devices.find(config.device)
    if gpu_errors.out_of_memory(error, gpu_errors.free_share(device.name)):
        room = process.lift_bound()
        evaluating = session is not None and session.epoch > 0 and session.epoch_is_over
        total = devices.total_memory(device.name)
        message = diagnosis.out_of_memory(config, device, "evaluation" if evaluating else "training", total, room)
        return RunFailed("out-of-memory", epoch, message)
    meaning = gpu_errors.meaning(str(error)) if device.name.startswith("cuda") else ""
    return RunFailed("error", epoch, diagnosis.failed(device, meaning)) if meaning else None


class _NotFiniteError(Exception):
    def __init__(self, session: Session, batch: int) -> None:
        self.epoch = session.epoch
        batches, sound = len(session.bounds), session.sound_at_first
        self.kind, message = overflow(session.config, session.epoch, batch, batches, sound_at_first=sound)
        super().__init__(message)


def _resumed(session: Session) -> RunResumed:
    return RunResumed(
        epoch=session.epoch,
        step=session.step,
        epochs_done=len(session.history),
        epochs=session.config.epochs,
        device=str(session.device),
        device_name=session.device_name,
        seconds=session.seconds,
    )


def started(session: Session) -> RunStarted:
    """The first event of a run that begins."""
    return RunStarted(
        device=str(session.device),
        device_name=session.device_name,
        parameters=sum(parameter.numel() for parameter in session.model.parameters() if parameter.requires_grad),
        train_images=len(session.train_images),
        test_images=len(session.test_images),
        validation_images=len(session.validation_images),
        batches_per_epoch=len(session.bounds),
        epochs=session.config.epochs,
        classes=len(session.classes),
    )


class _Training:
    """The events after the first. A step of it returns False or None where a pause was requested."""

    def __init__(
        self, session: Session, folder: Path | None, progress_every: float, checkpoint_every: float, pausing: Callable[[], bool]
    ) -> None:
        self.session, self.folder, self.pausing = session, folder, pausing
        self.meter = Meter(session, progress_every)
        self.flow, self.kept = Flow(session.model, folder, lambda: looked_at(session)), Kept(session, folder)
        self.saver = Saver(session, folder, checkpoint_every)
        self.settled = False  # whether the time left can be estimated

    def run(self, compiler: Compiler | None) -> Iterator[Event]:
        try:
            yield from self.events(compiler)
        except GeneratorExit:
            with suppress(CheckpointError, RuntimeError):  # nobody is left to hear of it
                self.saver.rest()
            raise
        except BaseException:
            yield from self.saver.after_error()
            raise

    def events(self, compiler: Compiler | None) -> Iterator[Event]:
        session = self.session
        if not session.step:
            self.flow.record(0)
            self.kept.record(0)
        while not session.is_over:
            if len(session.history) == session.epoch:
                session.begin_epoch()
            complete = yield from self.train_epoch(compiler)
            evaluations = (yield from self.evaluate()) if complete else None
            if evaluations is None:
                yield from self.saver.write()
                yield self.paused()
                return
            done = session.close_epoch(*evaluations)
            saved = self.save_epoch()
            yield done
            yield from saved
            if self.pausing() and not session.is_over:
                yield from self.saver.rest()
                yield self.paused()
                return
        if self.folder is not None:
            checkpoints.drop_previous(self.folder)
        last, best = session.history[-1], session.best or session.history[-1]
        if stopped_early := len(session.history) < session.config.epochs:
            yield Notice("early-stopping", last.epoch, diagnosis.stopped_early(session.config, last, best))
        yield RunFinished(
            epochs=len(session.history),
            seconds=session.seconds,
            train_accuracy=last.train_accuracy,
            test_accuracy=last.test_accuracy,
            best_epoch=best.epoch,
            best_test_accuracy=best.test_accuracy,
            best_validation_accuracy=best.validation_accuracy,
            stopped_early=stopped_early,
        )

    def train_epoch(self, compiler: Compiler | None) -> Generator[Event, None, bool]:
        session, meter = self.session, self.meter
        meter.begin_epoch()
        self.flow.begin_epoch()
        while not session.epoch_is_over:
            self.flow.advance(session.advance, session.batch, len(session.bounds))
            if notice := session.graph.take_notice():
                yield notice
            if meter.due or session.epoch_is_over:
                totals = session.totals()
                if totals.finite_batches < session.batch:
                    raise _NotFiniteError(session, totals.finite_batches + 1)
                progress = meter.training(totals)
                yield progress
                if self.pausing():
                    return False
                # Not at the first one: the first batch loads libraries, so the time left would be far too long.
                if compiler is not None and self.settled and (notice := compiler.poll(progress.seconds_left)):
                    yield notice
                self.settled = True
                if self.saver.due:
                    yield from self.saver.write_if_free()
        return True

    def evaluate(self) -> Generator[Event, None, list[Evaluation] | None]:
        session, began, done = self.session, clock.seconds(), 0
        found = []
        for images, labels in session.evaluated_on:
            evaluation = yield from self.evaluate_on(images, labels, done, began)
            if evaluation is None:
                return None
            if not math.isfinite(evaluation.loss):
                raise _NotFiniteError(session, batch=0)
            found.append(evaluation)
            done += len(images)
        session.times.evaluation = clock.seconds() - began
        return found

    def evaluate_on(
        self, images: torch.Tensor, labels: torch.Tensor, before: int, began: float
    ) -> Generator[Event, None, Evaluation | None]:
        """`before` images have been evaluated since `began`."""
        session, meter = self.session, self.meter
        size = evaluation_batch(session.config.image_size, session.device.type, session.config.batch_size)
        steps = features.evaluating(session, images, labels, before, batch_size=size, precision=session.precision)
        try:
            while True:
                done = next(steps)
                if meter.due:
                    yield meter.evaluation(before + done, clock.seconds() - began)
                    if self.pausing():
                        return None
        except StopIteration as end:
            return end.value
        finally:
            steps.close()

    def save_epoch(self) -> list[CheckpointSaved]:
        """Predictions come before the checkpoints: a process that is killed in between repeats the epoch."""
        session, folder = self.session, self.folder
        if folder is None:
            return []
        if tested := session.evaluation:
            predicted, confidence = tested.predicted.tolist(), tested.confidence.tolist()
            epoch_predictions.write(folder, session.epoch, len(session.classes), predicted, confidence)
        self.flow.record(session.epoch)
        saved = self.saver.epoch()
        self.kept.record(session.epoch)  # after the checkpoints, which need the room more
        return saved

    def paused(self) -> RunPaused:
        return RunPaused(len(self.session.history), self.session.step, self.saver.seconds)
