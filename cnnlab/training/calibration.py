"""How fast a network trains here: a few timed steps with its own batch size and device, on random images."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import torch

from cnnlab import datasets
from cnnlab.datasets.loading import ImageData
from cnnlab.layers.memory import evaluation_batch
from cnnlab.training import graph
from cnnlab.training.costs import Speed
from cnnlab.training.evaluation import evaluate
from cnnlab.training.session import Session

if TYPE_CHECKING:
    from cnnlab.config import RunConfig

VERSION = 5  # raise it when training gets faster or slower, so that stored speeds are measured again
SECONDS = 3.0  # for everything timed; building the network and the first batch, which loads libraries, come on top
_FIRST_WORK = 20_000_000_000  # multiplications in the first batch: about half a second on two cores
_EVALUATION = 0.2  # share of the time that is kept for evaluation
_CAREFUL = 0.8  # of the time left, for a batch of which only a smaller one has been timed
_MOST_STEPS = 30
_REPLAYS = 20

Clock = Callable[[], float]


def calibrate(config: RunConfig, *, macs: int, seconds: float = SECONDS, clock: Clock = time.perf_counter) -> Speed:
    """Times forward and backward pass, the optimiser's step and evaluation, of a network with `macs` multiplications an image.

    Batches grow from a small one to the run's own, or to what the time allows; larger ones are extrapolated from the last two
    sizes. Sets torch's random state. With a `clock` of processor time, other programs do not count.
    """
    session = _session(config)
    stepper = _Stepper(session, clock)
    full = len(session.train_images)
    size = max(min(2, full), min(full, _FIRST_WORK // max(1, 3 * macs)))
    stepper.step(size)
    stepper.forget()
    until = clock() + seconds
    training_until = until - _EVALUATION * seconds
    took = stepper.step(size)
    while size < full:
        # An image costs no more in a larger batch, and the optimiser's step the same, so this much fits in the rest.
        left = training_until - clock() - stepper.optimizing[-1]
        larger = min(full, int(_CAREFUL * size * left / max(took - stepper.optimizing[-1], 1e-6)))
        if larger < 1.5 * size:
            break
        size, took = larger, stepper.step(larger)
    for _ in range(_MOST_STEPS):
        if clock() + took > training_until:
            break
        took = stepper.step(size)
    evaluation = _evaluation(session, size, until, clock)
    replayed = _replayed(session, full, clock) if size == full else None
    if replayed is not None:
        return Speed(image=replayed / full, step=0.0, evaluation=evaluation, batch=size)
    return Speed(image=stepper.passes(full) / full, step=statistics.median(stepper.optimizing), evaluation=evaluation, batch=size)


class _Stepper:
    """Trains a session with batches of any size, and records how long they took."""

    def __init__(self, session: Session, clock: Clock) -> None:
        self._session, self._clock = session, clock
        self._begun = 0.0
        self._known: set[int] = set()
        self.optimizing: list[float] = []
        self._passes: dict[int, list[float]] = {}
        session.optimizer.register_step_pre_hook(self._before)
        session.optimizer.register_step_post_hook(self._after)

    def step(self, size: int) -> float:
        """Seconds that a batch of `size` took.

        On a GPU the first one of each size is not timed: its kernels are loaded then, which takes many times as long.
        """
        if self._session.device.type == "cuda" and size not in self._known:
            self._known.add(size)
            self._session.use_batches(((0, size),))
            self._session.advance()
            self._session.sums.read()
            self.optimizing.pop()
        self._session.use_batches(((0, size),))
        took = _timed(self._session, self._session.advance, self._clock)
        self._passes.setdefault(size, []).append(max(0.0, took - self.optimizing[-1]))
        return took

    def forget(self) -> None:
        self.optimizing.clear()
        self._passes.clear()

    def passes(self, size: int) -> float:
        """Seconds of forward and backward pass for a batch of `size`, from the batches that were timed."""
        known = sorted(self._passes)
        largest = known[-1]
        longest = statistics.median(self._passes[largest])
        if size <= largest:
            return longest
        per_image = longest / largest
        if len(known) > 1:
            # Part of the time is for the weights, whatever the batch. Noise must not make that part more than half.
            before = statistics.median(self._passes[known[-2]])
            per_image = min(per_image, max(per_image / 2, (longest - before) / (largest - known[-2])))
        return longest + per_image * (size - largest)

    def _before(self, *_: Any) -> None:
        self._begun = self._clock()

    def _after(self, *_: Any) -> None:
        # On a GPU the call returns before the step is done; the rest counts as part of the passes.
        self.optimizing.append(self._clock() - self._begun)


def _session(config: RunConfig) -> Session:
    entry = datasets.entry(config.dataset)
    generator = torch.Generator().manual_seed(0)
    count = config.batch_size
    shape = (count, entry.channels, entry.size, entry.size)
    images = torch.randint(0, 256, shape, dtype=torch.uint8, generator=generator)
    labels = torch.randint(0, len(entry.classes), (count,), generator=generator)
    data = ImageData(entry.name, entry.classes, images, labels, images, labels)
    settings = vars(config) | {"validation_share": 0.0}  # all images are trained on, and all are evaluated
    session = Session(SimpleNamespace(**settings), data)  # type: ignore[arg-type]  # a session reads attributes only
    session.graph = graph.StepGraph(None)  # a replay has no optimiser's step of its own, which is timed alone first
    session.begin_epoch()
    return session


def _replayed(session: Session, size: int, clock: Clock) -> float | None:
    """Seconds of a whole step where a run of these settings replays one; None where it does not, or nothing can be recorded.

    Several in a row, because a replay returns long before the device is done.
    """
    session.graph = graph.for_run(session.config, session.device)
    if not session.graph.possible:
        return None
    session.use_batches(((0, size),))  # also fills the table of learning rates
    for _ in range(graph.EAGER + 1):
        _again(session)
    if not session.graph.recorded:
        return None
    session.sums.read()

    def replays() -> None:
        for _ in range(_REPLAYS):
            _again(session)

    return min(_timed(session, replays, clock) for _ in range(2)) / _REPLAYS


def _again(session: Session) -> None:
    session.batch = 0
    session.tables.at.zero_()
    session.advance()


def _evaluation(session: Session, size: int, until: float, clock: Clock) -> float:
    """Seconds for one image. The first batch loads libraries, and counts only if there is no time for a second.

    A GPU takes as many at a time as in a run: a small batch of a small network takes it as long as a large one.
    """
    images, labels = session.test_images[:size], session.test_labels[:size]
    if session.device.type != "cpu":
        size = evaluation_batch(session.config.image_size, session.device.type, session.config.batch_size)
        chosen = torch.arange(size, device=images.device) % len(images)
        images, labels = images[chosen], labels[chosen]

    def evaluation() -> Any:
        return evaluate(session.model, images, labels, session.preparation, batch_size=size, precision=session.precision)

    times = [_timed(session, evaluation, clock)]
    while len(times) < _MOST_STEPS and clock() + min(times) < until:
        times.append(_timed(session, evaluation, clock))
    return statistics.median(times[1:] or times) / size


def _timed(session: Session, work: Callable[[], Any], clock: Clock) -> float:
    begun = clock()
    work()
    session.sums.read()  # waits for the device
    return clock() - begun
