"""What only a GPU can show; `python -m pytest -m gpu` on a machine that has one."""

from __future__ import annotations

import gc

import pytest
import torch
from quadrants import quadrants, settings

from cnnlab.events import EpochDone, RunFinished, RunPaused
from cnnlab.training import checkpoints, devices
from cnnlab.training.engine import train

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="needs an NVIDIA GPU, which tests see with -m gpu alone"),
]
CONFIG = settings(architecture="lenet", epochs=3, device="cuda:0")


def test_the_first_gpu_is_proved_and_offered():
    found = devices.survey()

    assert [device.problem for device in found] == [""] * len(found)
    assert found[1].name == "cuda:0"
    assert devices.resolve("auto").startswith("cuda:")


def test_training_on_a_gpu_finds_what_the_cpu_finds():
    results = [
        [event for event in train(CONFIG.change(device=device), quadrants()) if isinstance(event, EpochDone)]
        for device in ("cpu", "cuda:0")
    ]

    for on_cpu, on_gpu in zip(*results, strict=True):
        assert on_gpu.train_loss == pytest.approx(on_cpu.train_loss, rel=0.01)


def test_a_paused_run_goes_on_and_learns_the_same(tmp_path):
    whole = [event for event in train(CONFIG, quadrants()) if isinstance(event, EpochDone)]
    first = list(train(CONFIG, quadrants(), folder=tmp_path, progress_every=0.0, pausing=lambda: True))
    assert isinstance(first[-1], RunPaused)

    _, checkpoint = checkpoints.load_latest(tmp_path)
    rest = list(train(CONFIG, quadrants(), folder=tmp_path, resume=checkpoint))

    assert isinstance(rest[-1], RunFinished)
    assert rest[-1].test_accuracy == pytest.approx(whole[-1].test_accuracy, abs=0.05)


def test_a_paused_run_repeats_its_digits_where_that_was_chosen(tmp_path):
    config = CONFIG.change(deterministic=True)
    whole = [event.train_loss for event in train(config, quadrants()) if isinstance(event, EpochDone)]
    list(train(config, quadrants(), folder=tmp_path, progress_every=0.0, pausing=lambda: True))

    _, checkpoint = checkpoints.load_latest(tmp_path)
    rest = [event.train_loss for event in train(config, quadrants(), resume=checkpoint) if isinstance(event, EpochDone)]

    assert rest == whole[-len(rest) :]


def test_memory_comes_back_after_a_run():
    list(train(CONFIG, quadrants()))
    gc.collect()

    assert torch.cuda.memory_allocated() == 0
