"""What a run's figures mean for a learner: one cause, one sentence with the evidence, and what to change. Needs no torch."""

from __future__ import annotations

import math

_EXPLODED = 5  # times the loss of guessing: no network that learns ends there


def at_chance(accuracy: float, classes: int) -> bool:
    """Too close to guessing to count as learned."""
    return accuracy < 1.5 / classes


def guessing_loss(classes: int) -> float:
    """The cross-entropy of a network that gives each class the same probability."""
    return math.log(classes)


def did_not_learn(classes: int, train_loss: float | None, best_test_accuracy: float | None) -> bool:
    """Whether a run with these results ended without having learned: it still guesses, or its loss has grown far above guessing."""
    if train_loss is None or best_test_accuracy is None:
        return False
    return at_chance(best_test_accuracy, classes) or not train_loss < _EXPLODED * guessing_loss(classes)
