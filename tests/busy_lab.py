"""A lab in which a class is at work: runs in every state, and no two of their figures alike."""

from __future__ import annotations

import itertools
from dataclasses import replace
from typing import Any

import pytest
from page_runs import RunsLab

from cnnlab.events import DAMAGED, CheckpointSaved, EpochDone, Progress, RunFailed, RunFinished, RunPaused, RunStarted, RunStopped
from cnnlab.runs.records import State
from cnnlab.values import EpochPredictions
from pages._parts.live.feed import Feed, feed
from pages._parts.live.pace import Pace
from pages._parts.run import view

BATCHES = 24  # in an epoch of each of these runs


class BusyLab(RunsLab):
    """Its networks are not equally sure of all images."""

    def predicted(self, run_id: str, epoch: int, images: tuple[int, ...]) -> EpochPredictions | None:
        found = super().predicted(run_id, epoch, images)
        return found and replace(found, confidence=tuple(0.4 + 0.1 * epoch + image % 20 / 100 for image in images))


def own_feed(monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a new server with two cores: nobody watches, and revisions begin at 1."""
    for name, value in {"_runs": {}, "_followed": {}, "_revisions": itertools.count(1), "pace": Pace(2)}.items():
        monkeypatch.setattr(feed, name, value)
    monkeypatch.setattr(Feed, "_work", lambda self: None)
    view._table.clear()  # it is kept by revision


def epoch(number: int, test_accuracy: float, *, validation: float | None = None) -> EpochDone:
    """An epoch whose figures differ from each other and from those of other epochs."""
    done = EpochDone(
        epoch=number, step=number * BATCHES, train_loss=2.4 - 0.31 * number, train_accuracy=0.2 + 0.11 * number,
        test_loss=2.5 - 0.27 * number, test_accuracy=test_accuracy, learning_rate=0.16 / number, seconds=8.25 + number,
        load_seconds=1.25, compute_seconds=5.75, evaluation_seconds=1.5,
    )  # fmt: skip
    if validation is None:
        return done
    return replace(done, validation_loss=2.45 - 0.29 * number, validation_accuracy=validation)


def report(lab: RunsLab, run_id: str, batch: int, *, left: float = 95.0, speed: float = 9_512.0) -> None:
    """Half a second of training, up to this batch of the current epoch."""
    run = lab.run(run_id)
    done = run.epochs_done + batch / BATCHES
    progress = Progress(
        epoch=run.epochs_done + 1, batch=batch, batches=BATCHES, step=run.epochs_done * BATCHES + batch, loss=2.3 - 0.3 * done,
        accuracy=0.12 + 0.1 * done, images_per_second=speed, learning_rate=0.16, share_done=done / run.config.epochs,
        seconds=10 * done, seconds_left=left,
    )  # fmt: skip
    lab.store.add(run_id, progress)


def begun(
    lab: RunsLab, name: str, *accuracies: float, owner: str = "", validation: tuple[float, ...] = (), end: State | None = None,
    message: str = "", checkpoint: bool = False, device: str = "cpu", **settings: Any,
) -> str:  # fmt: skip
    """A run with an epoch for each of `accuracies`, which then ended as `end` says, or trains."""
    run_id = lab.made(name, name=name, owner=owner, **settings)
    lab.store.transition(run_id, State.STARTING, device=device)
    started = RunStarted(device, f"the device {device}", 61_706, 6_000, 1_000, BATCHES, lab.run(run_id).config.epochs, 10)
    lab.store.add(run_id, started, to=State.RUNNING)
    report(lab, run_id, 6)
    for number, accuracy in enumerate(accuracies, 1):
        kept = validation[number - 1] if validation else None
        report(lab, run_id, BATCHES)
        lab.store.add(run_id, epoch(number, accuracy, validation=kept))
    if checkpoint:
        lab.store.add(run_id, CheckpointSaved("last", len(accuracies), None, len(accuracies) * BATCHES))
    done, seconds = len(accuracies), 9.75 * len(accuracies) + 3.25
    asked = {State.PAUSED: State.PAUSING, State.STOPPED: State.STOPPING}.get(end)
    if asked:
        lab.store.transition(run_id, asked)
    match end:
        case State.FINISHED:
            best = max(accuracies)
            last = accuracies[-1]
            finished = RunFinished(done, seconds, 0.2 + 0.11 * done, last, accuracies.index(best) + 1, best)
            lab.store.add(run_id, finished, to=end)
        case State.PAUSED:
            lab.store.add(run_id, RunPaused(done + 1, done * BATCHES + 6, seconds), to=end)
        case State.STOPPED:
            lab.store.add(run_id, RunStopped(done, seconds), to=end)
        case State.FAILED:
            lab.store.add(run_id, RunFailed("error", done, message), to=end, message=message)
        case State():
            lab.store.transition(run_id, end, message=message)
    return run_id


def at_rest(lab: RunsLab) -> None:
    """Runs that have ended or rest, the first of them an hour ago."""
    begun(lab, "learned", 0.51, 0.635, 0.62, owner="Ana", end=State.FINISHED, epochs=3)
    begun(lab, "guessed", 0.1, 0.11, end=State.FINISHED, epochs=2, device="cuda:0")
    begun(lab, "validated", 0.52, 0.54, 0.53, validation=(0.41, 0.45, 0.44), end=State.FINISHED, epochs=3, validation_share=0.2)
    begun(lab, "paused", 0.55, 0.56, owner="Ben", end=State.PAUSED, epochs=7, checkpoint=True)
    lab.pause(lab.made("put aside", name="put aside", epochs=8))
    begun(lab, "interrupted", 0.57, end=State.INTERRUPTED, message="Its process ended.", epochs=9, checkpoint=True)
    begun(lab, "interrupted at once", end=State.INTERRUPTED, message="Its process ended early.", epochs=10)
    begun(lab, "stopped", 0.58, 0.59, end=State.STOPPED, epochs=11, checkpoint=True)
    begun(lab, "stopped at once", end=State.STOPPED, epochs=12)
    begun(lab, "stopped at its end", 0.615, end=State.STOPPED, epochs=1)
    begun(lab, "failed", 0.605, end=State.FAILED, message="The device has no memory left.", epochs=13, checkpoint=True)
    damaged = begun(lab, "damaged", 0.602, epochs=14, checkpoint=True)
    lab.store.add(
        damaged, RunFailed(DAMAGED, 1, "No checkpoint can be read."), to=State.FAILED, message="No checkpoint can be read."
    )


def at_work(lab: RunsLab) -> None:
    """Runs that train or wait."""
    begun(lab, "training", 0.51, 0.53, owner="Ben", epochs=15)
    report(lab, begun(lab, "almost done", 0.65, epochs=2), 23, left=0.75, speed=12_345.6)
    lab.store.transition(lab.made("starting", name="starting", epochs=16), State.STARTING, device="cpu")
    begun(lab, "pausing", 0.61, end=State.PAUSING, epochs=17)
    begun(lab, "stopping", 0.62, end=State.STOPPING, epochs=18)
    again = begun(lab, "starting again", 0.63, end=State.PAUSED, epochs=19)
    lab.resume(again)
    lab.store.transition(again, State.STARTING)
    lab.made("waits", name="waits", epochs=20)
    lab.resume(begun(lab, "goes on", 0.64, end=State.PAUSED, epochs=21))
    lab.made("Ana’s first", name="Ana’s first", owner="Ana", epochs=22)
    lab.made("Ana’s second", name="Ana’s second", owner="Ana", epochs=23)
    lab.made("Ben’s", name="Ben’s", owner="Ben", epochs=24)
