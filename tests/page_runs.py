"""A lab for the tests of Train and Predict: a real store in a temporary folder, no processes, made-up training."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import Any

from page_fakes import PIXEL, FakeLab

from cnnlab import datasets, presets
from cnnlab.config import RunConfig
from cnnlab.errors import CNNLabError
from cnnlab.events import EpochDone, Event, Progress, RunStarted
from cnnlab.lab import Lab
from cnnlab.looking import Looking
from cnnlab.runs.records import Run, State
from cnnlab.runs.store import Store
from cnnlab.values import (
    ClassFigures,
    ConfidenceBin,
    Device,
    DeviceState,
    EpochPredictions,
    ExampleImages,
    OwnAnswer,
    Picture,
    Prediction,
    PredictionPage,
)  # fmt: skip


class OwnAnswers:
    """A network that takes every picture for the class of its run's seed, with 90 %; it keeps every question."""

    def __init__(self, lab: RunsLab) -> None:
        self.lab, self.asked, self.refusal = lab, [], None

    def answer(self, run_id: str, pixels: bytes, shape: tuple[int, ...], *, checkpoint: str = "best") -> OwnAnswer:
        self.asked.append((run_id, pixels, shape, checkpoint))
        if self.refusal:
            raise self.refusal
        config = self.lab.run(run_id).config
        classes = datasets.entry(config.dataset).classes
        probabilities = tuple(0.9 if label == config.seed % 10 else 0.0125 if label else 0.0 for label in range(10))
        return OwnAnswer("best", 1, classes, probabilities, (1, 28, 28), (0.1307,), (0.3081,), -0.424, 2.82, PIXEL)


class RunsLab(FakeLab):
    """FakeLab with runs. `begin`, `report` and `epoch` play the part of the runner."""

    def __init__(self, home: Path, here: tuple[str, ...] = ("sample", "mnist", "fashion-mnist", "cifar10")) -> None:
        super().__init__(here)
        self.store = Store(home)
        self.refusal: CNNLabError | None = None
        self.wrong = range(0, 50)  # the images, of 100, with a wrong prediction
        self.unrecorded: set[int] = set()  # epochs
        self.asked_for_examples: list[int] = []
        self.own_pictures = OwnAnswers(self)
        self.inside_network = ("lenet", "relu")

    def ready(self) -> bool:
        return True

    def presets(self):
        return presets.presets()

    def devices(self, meanwhile=None):
        return (Device("cpu", "CPU, 2 cores"), Device("cuda:0", "NVIDIA H100"))

    def device_states(self):
        cpu, *cards = (device for device in self.devices() if not device.problem)
        states = [DeviceState(card, 80_000_000_000, 60_000_000_000, 61, 97) for card in cards]
        return (DeviceState(cpu, 16_000_000_000, 4_000_000_000), *states)

    def training(self) -> tuple[Run, ...]:
        return Lab.training(self)

    def start(self, config: RunConfig, *, token: str, name: str = "", owner: str = "", note: str = "") -> str:
        if self.refusal:
            raise self.refusal
        return self.store.create(config, token, name or f"{config.architecture} on {config.dataset}", owner=owner, note=note)

    def __getattr__(self, name: str) -> Any:
        # These need nothing but the store.
        if name in ("stop", "pause", "resume", "extend", "rename", "annotate", "tag", "queue", "move_in_queue", "summaries"):
            return getattr(self.store, name)
        raise AttributeError(name)

    @cached_property
    def inside(self) -> Looking:
        """The inside of a LeNet, whatever the run. Loaded where a test needs it, because it needs torch."""
        from page_inside import Helper, network

        self.inside_helper = Helper(self.store.home, network(*self.inside_network))
        return Looking(self.store.home, self.inside_helper.ask, self.inside_helper.evaluated)

    def delete(self, run_id: str, *, owner: str | None = None) -> None:
        self.store.delete(run_id, owner=owner)

    def start_over(self, run_id: str, *, owner: str | None = None) -> None:
        self.store.start_over(run_id, owner=owner, first=lambda: None)

    def resumes_by_itself(self, run_id: str) -> bool:
        return run_id in self.store.auto_resumable()

    def disk_bytes(self, run_id: str) -> int:
        return 12_345_678

    def run(self, run_id: str) -> Run:
        return self.store.run(run_id)

    def runs(self, limit: int = 200) -> tuple[Run, ...]:
        return self.store.runs(limit)

    def events(self, run_id: str, after: int = 0) -> tuple[Event, ...]:
        return tuple(event for _, event in self.store.events(run_id, after))

    def epochs(self, run_id: str) -> tuple[EpochDone, ...]:
        return self.store.epochs(run_id)

    def progress(self, run_id: str, points: int = 500) -> tuple[Progress, ...]:
        return self.store.progress(run_id, points)

    def predictions(self, run_id, *, checkpoint="best", label=None, predicted=None, only="all", order="number", offset=0, count=40):
        """Each wrong image is taken for the next class; the last image is the surest."""
        run = self.run(run_id)
        classes = datasets.entry(run.config.dataset).classes
        every = [Prediction(Picture(i, i % 10, PIXEL), (i + (i in self.wrong)) % 10, 0.625 + i / 1e6) for i in range(100)]
        wanted = [
            each
            for each in every
            if label in (None, each.picture.label)
            and predicted in (None, each.predicted)
            and (only == "all" or (only == "mistakes") == (each.picture.label != each.predicted))
        ]
        if order == "confident":
            wanted.reverse()
        counts = [[sum((e.picture.label, e.predicted) == (a, b) for e in every) for b in range(10)] for a in range(10)]
        return PredictionPage(
            checkpoint=checkpoint,
            epoch=run.epochs_done,
            classes=classes,
            total=len(wanted),
            test_images=100,
            correct=sum(counts[i][i] for i in range(10)),
            confusion=tuple(map(tuple, counts)),
            figures=(ClassFigures(10, 0.9, 0.5, 0.5),) * 10,
            items=tuple(wanted[offset : offset + count]),
            calibration=tuple(
                ConfidenceBin(n / 10, (n + 1) / 10, *figures)
                for n, figures in enumerate(
                    [(0, 0.0, 0.0)] * 6 + [(40, 0.625, 0.5), (0, 0.0, 0.0), (10, 0.85, 0.8), (50, 0.95, 0.5)]
                )
            ),
        )

    def examples(self, run_id, number=1):
        self.asked_for_examples.append(number)
        return ExampleImages(tuple(Picture(i, i % 10, PIXEL) for i in range(20 * number - 20, 20 * number)), 100, 5)

    def last_recorded(self, run_id):
        return max({0, *range(1, self.run(run_id).epochs_done + 1)} - self.unrecorded)

    def predicted(self, run_id, epoch, images):
        """After epoch 1 fifteen of twenty images are wrong, and five fewer after each epoch."""
        if epoch in self.unrecorded:
            return None
        wrong = {image for image in images if image % 20 < 20 - 5 * epoch}
        predicted = tuple((image + (image in wrong)) % 10 for image in images)
        return EpochPredictions(epoch, 100, predicted, (0.625,) * len(images))

    # The runner's part

    def made(self, word: str = "a", name: str = "", owner: str = "", **settings) -> str:
        """A queued run."""
        return self.start(RunConfig.make(**settings), token=word, name=name, owner=owner)

    def begin(self, run_id: str) -> None:
        """Starts the run: it trains and has stored its first progress."""
        epochs = self.run(run_id).config.epochs
        self.store.transition(run_id, State.STARTING, device="cpu")
        self.store.add(run_id, RunStarted("cpu", "CPU, 2 cores", 61_706, 6_000, 1_000, 24, epochs, 10), to=State.RUNNING)
        self.report(run_id, epoch=1, batch=12, share_done=0.05)

    def report(self, run_id: str, *, epoch: int, batch: int, share_done: float) -> None:
        """Stores one more Progress."""
        self.store.add(run_id, Progress(epoch, batch, 24, batch, 2.0, 0.25, 9_500.0, 0.1, share_done, 4.0, 80.0))

    def epoch(self, run_id: str, number: int = 1, test_accuracy: float = 0.5) -> None:
        """Finishes an epoch."""
        self.store.add(run_id, EpochDone(number, number * 24, 2.0, 0.25, 1.9, test_accuracy, 0.1, 8.0, 1.0, 6.0, 1.0))

    def trained(self, word: str = "a", **settings) -> str:
        """A run that has finished its one epoch."""
        run_id = self.made(word, epochs=1, **settings)
        self.begin(run_id)
        self.epoch(run_id)
        self.store.transition(run_id, State.FINISHED)
        return run_id
