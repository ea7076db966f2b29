"""The figures of a run that a diagnosis rests on, gathered from its events."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from statistics import median
from typing import TYPE_CHECKING

from cnnlab.events import (
    EpochDone,
    Event,
    Progress,
    RunFailed,
    RunFinished,
    RunInterrupted,
    RunPaused,
    RunResumed,
    RunStarted,
    RunStopped,
    best_epoch,
)
from cnnlab.i18n import N_
from cnnlab.intervals import wilson

if TYPE_CHECKING:
    from cnnlab.config import RunConfig

EXPLODED = 5  # times the loss of guessing: no network that learns stays there
_WINDOW = 30  # steps whose mean counts as the present; fewer would jump by chance


def at_chance(accuracy: float, classes: int) -> bool:
    """Too close to guessing to count as learned."""
    return accuracy < times_chance(1.5, classes)


def times_chance(factor: float, classes: int) -> float:
    """So many times the share that guessing gets right; of few classes as far above it as of ten, or two would never be learned."""
    return min(factor / classes, 1 / classes + (factor - 1) / 10)


def guessing_loss(classes: int) -> float:
    """The cross-entropy of a network that gives each class the same probability."""
    return math.log(classes)


def did_not_learn(classes: int, train_loss: float | None, best_test_accuracy: float | None) -> bool:
    """Whether a run with these results ended without having learned: it still guesses, or its loss has grown far above guessing."""
    if train_loss is None or best_test_accuracy is None:
        return False
    return at_chance(best_test_accuracy, classes) or not train_loss < EXPLODED * guessing_loss(classes)


@dataclass(frozen=True)
class Evidence:
    """One run at one moment. "Watched" figures are of the validation images where there are any, else of the test images."""

    config: RunConfig
    started: RunStarted
    epochs: tuple[EpochDone, ...]
    progress: tuple[Progress, ...]  # of training; may be thinned
    last: Event  # of the run's life

    @classmethod
    def of(cls, config: RunConfig, events: Iterable[Event]) -> Evidence | None:
        """None before training has begun."""
        kept = tuple(events)
        started = next((event for event in reversed(kept) if isinstance(event, RunStarted)), None)
        epochs = tuple(event for event in kept if isinstance(event, EpochDone))
        progress = tuple(event for event in kept if isinstance(event, Progress) and event.phase == "training")
        life = [event for event in kept if isinstance(event, _LIFE)]
        if started is None or not (epochs or progress or isinstance(life[-1], RunFailed)):
            return None
        return cls(config, started, epochs, progress, life[-1])

    @property
    def classes(self) -> int:
        return self.started.classes

    @property
    def over(self) -> bool:
        return isinstance(self.last, RunFinished | RunStopped)

    @property
    def guessing(self) -> float:
        return guessing_loss(self.classes)

    @property
    def chance(self) -> float:
        return 1 / self.classes

    @cached_property
    def step(self) -> int:
        return max([event.step for event in (*self.epochs[-1:], *self.progress[-1:])], default=0)

    @property
    def planned(self) -> int:
        """Steps in the whole run."""
        return self.config.epochs * self.started.batches_per_epoch

    @property
    def steps_in_all(self) -> int:
        """Those planned; of a run that is over, those done."""
        return self.step if self.over else self.planned

    @cached_property
    def _present(self) -> tuple[float, float]:
        """Training loss and accuracy over the last steps."""
        done = self.epochs[-1] if self.epochs else None
        since = max(self.step - max(_WINDOW, self.started.batches_per_epoch // 4), done.step if done else 0)
        window = [event for event in self.progress if event.step > since]
        covered = window[-1].step - since if window else 0
        if done and covered < _WINDOW:
            return done.train_loss, done.train_accuracy
        window = window or list(self.progress[-1:])
        return sum(e.loss for e in window) / len(window), sum(e.accuracy for e in window) / len(window)

    @property
    def loss(self) -> float:
        return self._present[0]

    @property
    def accuracy(self) -> float:
        return self._present[1]

    @cached_property
    def guesses(self) -> bool:
        """Whether neither the training images nor the watched ones are recognised now."""
        watched = self.watched_accuracies[-1:]
        return at_chance(self.accuracy, self.classes) and all(at_chance(share, self.classes) for share in watched)

    @cached_property
    def peak(self) -> float:
        """The highest training loss ever reported."""
        return max(event.loss for event in self.progress) if self.progress else max(e.train_loss for e in self.epochs)

    @cached_property
    def best_accuracy(self) -> float:
        """The highest training accuracy over at least `_WINDOW` steps, or over an epoch."""
        found = [done.train_accuracy for done in self.epochs]
        window: list[Progress] = []
        for event in self.progress:
            window = [each for each in window if each.step > event.step - _WINDOW] + [event]
            if len(window) >= 3:  # one report may cover a single small batch
                found.append(sum(each.accuracy for each in window) / len(window))
        return max(found, default=self.accuracy)

    @property
    def rate(self) -> float:
        """The learning rate now."""
        newest = max((*self.epochs[-1:], *self.progress[-1:]), key=lambda event: event.step)
        return newest.learning_rate

    @property
    def norm(self) -> float | None:
        """The length of the gradient at the last report."""
        return self.progress[-1].gradient_norm if self.progress else None

    @property
    def rising(self) -> bool:
        """Whether the schedule still raises the learning rate."""
        if self.over or self.config.schedule not in ("warm-up", "one-cycle"):
            return False
        return self.step < self.rises_until and self.rate < 0.9 * self.config.learning_rate

    @property
    def rises_until(self) -> int:
        """The step at which the rate has risen. One cycle rises over three tenths of the run."""
        if self.config.schedule == "one-cycle":
            return round(0.3 * self.planned)
        return min(self.planned, self.config.warmup_epochs * self.started.batches_per_epoch)

    # Epochs

    @property
    def watched(self) -> str:
        return N_("test") if self.epochs and self.epochs[-1].validation_loss is None else N_("validation")

    @property
    def watched_images(self) -> int:
        """0 where it is not known: early versions did not record how many were kept for validation."""
        return self.started.test_images if self.watched == "test" else self.started.validation_images

    @property
    def interval(self) -> tuple[float, float]:
        """The 95 % interval of the best epoch's watched accuracy; no wider than a point where the images are not known."""
        score = max(self.watched_accuracies, default=0.0)
        return wilson(score, self.watched_images) if self.watched_images else (score, score)

    @cached_property
    def watched_losses(self) -> list[float]:
        return [done.test_loss if done.validation_loss is None else done.validation_loss for done in self.epochs]

    @cached_property
    def watched_accuracies(self) -> list[float]:
        return [done.score for done in self.epochs]

    @property
    def best(self) -> EpochDone | None:
        return best_epoch(self.epochs)

    @cached_property
    def turn(self) -> int:
        """The index of the epoch with the lowest watched loss."""
        return self.watched_losses.index(min(self.watched_losses))

    @cached_property
    def smooth_losses(self) -> list[float]:
        """The watched losses as medians of three neighbours: one epoch may jump by chance."""
        return smoothed(self.watched_losses)


def smoothed(values: Sequence[float]) -> list[float]:
    """Each value as the median of it and its neighbours."""
    return [median(values[max(0, i - 1) : i + 2]) for i in range(len(values))]


_LIFE = RunStarted | RunPaused | RunInterrupted | RunStopped | RunFailed | RunFinished | RunResumed
