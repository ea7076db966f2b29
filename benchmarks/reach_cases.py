"""What `benchmarks.reach` times: recipes named for an accuracy, with the goal of each. Needs no torch and no pydantic."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Goal:
    """A recipe, and the accuracy on the test images for which it is named."""

    preset: str
    accuracy: float  # 0..1
    epochs: float  # of the course's loop, within which it should be reached

    @property
    def target(self) -> str:
        """Its name in a record, as `benchmarks.targets` has it."""
        return self.preset.replace("-", "_")


@dataclass(frozen=True)
class Case:
    """The goals on one data set, and the course's recipe there."""

    data: str
    title: str
    course: str  # preset
    goals: tuple[Goal, ...]


CASES = (
    Case("mnist", "MNIST", "lenet-mnist", (Goal("mnist-99", 0.99, 1.0), Goal("mnist-99-4", 0.994, 2.5))),
    Case(
        "fashion-mnist",
        "Fashion-MNIST",
        "lenet-fashion-mnist",
        (Goal("fashion-90", 0.90, 2.0), Goal("fashion-92", 0.92, 4.0), Goal("fashion-93", 0.93, 10.0)),
    ),
    Case(
        "cifar10",
        "CIFAR-10",
        "resnet-cifar10",
        (Goal("cifar10-70", 0.70, 3.0), Goal("cifar10-80", 0.80, 10.0), Goal("cifar10-85", 0.85, 25.0)),
    ),
)
SMALL = Case("sample", "Fashion-MNIST sample", "lenet-sample", (Goal("lenet-sample", 0.1, 100.0),))
