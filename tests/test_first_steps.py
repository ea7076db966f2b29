"""The first step of each size on a GPU, in which cuDNN tries its kernels, is not timed. The GPU is pretended: nothing of it ran."""

from __future__ import annotations

from contextlib import nullcontext
from types import SimpleNamespace

import pytest
import torch
from torch import nn

from cnnlab.training import precision
from cnnlab.training.calibration import _Stepper

SEARCH = 23.0  # times as long as later steps of that size


class Clock:
    """Moves on when a step is done; the first one of each kind takes long."""

    def __init__(self):
        self.now, self.known, self.steps = 0.0, set(), []

    def work(self, kind, seconds):
        self.steps.append(kind)
        self.now += seconds * (1.0 if kind in self.known else SEARCH)
        self.known.add(kind)

    def __call__(self):
        return self.now


@pytest.mark.parametrize(("device", "first"), [("cuda", 1.0), ("cpu", SEARCH)])
def test_a_measured_speed_leaves_the_search_out(device, first):
    clock = Clock()
    hooks = []
    session = SimpleNamespace(device=SimpleNamespace(type=device), sums=SimpleNamespace(read=lambda: None), bounds=(), batch=0)
    session.optimizer = SimpleNamespace(register_step_pre_hook=hooks.append, register_step_post_hook=hooks.append)

    def advance():
        (_, size) = session.bounds[0]
        clock.work(size, 0.01 * size)
        for hook in hooks:
            hook()

    session.advance, session.use_batches = advance, lambda bounds: setattr(session, "bounds", bounds)
    stepper = _Stepper(session, clock)

    assert [stepper.step(size) for size in (4, 4, 8)] == pytest.approx([0.04 * first, 0.04, 0.08 * first])
    assert len(stepper.optimizing) == 3
    assert stepper.passes(8) == pytest.approx(0.08 * first)


class Images:
    """Images of a pretended GPU."""

    device = SimpleNamespace(type="cuda")

    def __init__(self, count):
        self.images = torch.rand(count, 4)

    def __len__(self):
        return len(self.images)

    def __getitem__(self, chosen):
        return self.images[chosen]


def test_the_choice_of_a_precision_leaves_the_search_out(monkeypatch):
    clock, kind = Clock(), [""]

    def in_precision(_device, name):
        kind[0] = name
        return nullcontext()

    monkeypatch.setattr(precision, "autocast", in_precision)
    monkeypatch.setattr(precision, "_wait", lambda device: None)
    monkeypatch.setattr(precision, "time", SimpleNamespace(perf_counter=clock))
    network = nn.Linear(4, 3)

    def model(inputs):
        clock.work((kind[0], len(inputs)), 0.002 * len(inputs) / (2 if kind[0] == "bfloat16" else 1))
        return network(inputs)

    model.zero_grad = network.zero_grad
    found = precision._speedup(model, Images(64), torch.zeros(64, dtype=torch.long), SimpleNamespace(test=lambda images: images))

    assert found == pytest.approx(2.0)
    assert clock.known == {(name, size) for name, size in clock.steps}
    assert clock.steps.count(("bfloat16", 64)) == 1 + 1 + 3  # the search, one to begin with, and three turns
