"""The inside of a made-up network for page tests: real answers, through JSON as from the helper, without a process or a run."""

from __future__ import annotations

import json
from dataclasses import asdict
from functools import cache
from pathlib import Path
from typing import Any

import torch

from cnnlab.architectures import card
from cnnlab.compute import inside, questions, trained, typed
from cnnlab.datasets.catalogue import entry
from cnnlab.training.transforms import Preparation
from cnnlab.values import EvaluatedRun

TESTED = 50  # images


@cache
def network(architecture: str, activation: str = "") -> trained.Network:
    """A network that nobody has trained, for the bundled sample."""
    torch.manual_seed(0)
    options = {"activation": activation} if activation else {}
    size = 28 if architecture in ("lenet", "mlp") else 32
    model = card(architecture).build((1, size, size), 10, options)
    record: dict[str, Any] = {
        "config": {"architecture": architecture, "options": card(architecture).settings(options)},
        "classes": entry("sample").classes,
        "input_shape": [1, size, size],
        "preparation": asdict(Preparation(1, size)),
        "history": [{"epoch": 3}],
        "model": model.state_dict(),
        "test_predicted": torch.zeros(TESTED, dtype=torch.uint8),
    }
    return trained.network_of(record)


class Helper:
    """Answers as the helper process does, about `network`, whatever the run."""

    def __init__(self, home: Path, opened: trained.Network) -> None:
        self.home = home
        self.network = opened
        self.asked: list[str] = []

    def ask(self, question: str, /, *, deadline: float | None = None, **arguments: Any) -> Any:
        self.asked.append(question)
        given = json.loads(typed.write(arguments))
        before, trained.open_network = trained.open_network, lambda *_: self.network
        inside.open_network = trained.open_network
        try:
            answer = questions.call(getattr(inside, question), self.home, question, given)
        finally:
            trained.open_network = inside.open_network = before
        return typed.read(questions.QUESTIONS[question][1], json.loads(typed.write(answer)))

    def evaluated(self, run_id: str) -> EvaluatedRun:
        return EvaluatedRun(run_id, "sample", None)
