"""When the next Progress is due, and its figures: since the last one, share of the run done, time left."""

from __future__ import annotations

from dataclasses import replace

from cnnlab.events import Progress
from cnnlab.training import clock
from cnnlab.training.gradients import gradient_norm
from cnnlab.training.session import Session
from cnnlab.training.sums import Totals

# Evaluating an image takes a forward pass only, about a third of the time of training on it.
_EVALUATION_COST = 1 / 3
_FIRST = 1 / 4  # of the usual interval: a user who has just started a run waits for its first point


class Meter:
    """Measures a session; a Progress is due about every `every` seconds, the first one sooner."""

    def __init__(self, session: Session, every: float) -> None:
        self._session, self._every = session, every
        self._began = clock.seconds()
        self._share_at_start = self._share(0)
        self._next = self._began + _FIRST * every
        self._last: Progress | None = None
        self.begin_epoch()

    def begin_epoch(self) -> None:
        """Starts a new window; its figures leave out earlier images."""
        self._window = self._session.totals()
        self._window_began = clock.seconds()

    @property
    def due(self) -> bool:
        return clock.seconds() >= self._next

    def training(self, totals: Totals) -> Progress:
        """The Progress over the images since the last call, from the epoch's `totals` so far."""
        session, before, now = self._session, self._window, clock.seconds()
        images = totals.images - before.images
        share, first = self._share(0), self._last is None
        self._last = Progress(
            epoch=session.epoch,
            batch=session.batch,
            batches=len(session.bounds),
            step=session.step,
            loss=(totals.loss - before.loss) / images,
            accuracy=(totals.correct - before.correct) / images,
            images_per_second=images / max(now - self._window_began, 1e-9),
            learning_rate=session.learning_rate,
            share_done=share,
            seconds=session.seconds,
            seconds_left=self._seconds_left(share),
            gradient_norm=gradient_norm(session),
        )
        self._window, self._window_began, self._next = totals, now, now + self._every
        if first:  # a run's first step loads libraries and takes its memory, as no later one does
            self._began, self._share_at_start = now, share
        return self._last

    def evaluation(self, images: int, seconds: float) -> Progress:
        """The Progress after `images` evaluated images in `seconds`; loss and accuracy stay those of the last training Progress."""
        share = self._share(images)
        self._next = clock.seconds() + self._every
        return replace(
            self._last or self._of_epoch(),
            phase="evaluation",
            images_per_second=images / max(seconds, 1e-9),
            share_done=share,
            seconds=self._session.seconds,
            seconds_left=self._seconds_left(share),
        )

    def _of_epoch(self) -> Progress:
        """The last training Progress, where a run resumes after the last batch of an epoch."""
        self._window, window = Totals(), self._window
        return self.training(window)

    def _share(self, evaluated: int) -> float:
        session = self._session
        epoch = len(session.train_images) + _EVALUATION_COST * sum(len(images) for images, _ in session.evaluated_on)
        trained = session.bounds[session.batch - 1][1] if session.batch else 0
        # The history has the evaluated epochs, not the running one.
        running = trained + _EVALUATION_COST * evaluated if len(session.history) < session.epoch else 0
        return min(1.0, (len(session.history) * epoch + running) / (session.config.epochs * epoch))

    def _seconds_left(self, share: float) -> float:
        elapsed = clock.seconds() - self._began
        return elapsed * (1 - share) / max(share - self._share_at_start, 1e-9)
