"""What only a GPU can show; `python -m pytest -m gpu` on a machine that has one."""

from __future__ import annotations

import gc
import sys

import pytest
import torch
from quadrants import quadrants, settings
from test_resume import same, untimed

from cnnlab.events import EpochDone, Notice, RunFinished, RunPaused
from cnnlab.training import checkpoints, devices, graph, saving, step
from cnnlab.training.engine import train
from cnnlab.training.session import Session

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


def test_a_best_epoch_that_waits_to_be_written_takes_no_memory_of_the_gpu():
    session = Session(CONFIG, quadrants())
    session.begin_epoch()
    while not session.epoch_is_over:
        session.advance()

    copied = saving._copy(session)

    assert {tensor.device.type for tensor in saving._tensors(copied)} == {"cpu"}
    assert same(copied, saving._on_host(session.state()))


def test_memory_comes_back_after_a_run():
    kept = []
    for _ in range(3):
        list(train(CONFIG, quadrants()))
        gc.collect()
        torch.cuda.empty_cache()
        kept.append((torch.cuda.memory_allocated(), torch.cuda.memory_reserved()))

    assert kept[2] == kept[1], "libraries keep their work space from the first run on, and no run keeps anything"


# The step as one CUDA graph

LENET = {"options": {"activation": "relu", "batch_norm": True, "dropout": 0.3}, "batch_size": 8, "learning_rate": 0.01}
AUGMENTED = {"horizontal_flip": True, "random_crop": 1, "normalization": "dataset"}
RECIPES = {
    "sgd": {"momentum": 0.9, "weight_decay": 0.001, "schedule": "cosine", "gradient_clip": 0.5, "label_smoothing": 0.1},
    "adam": {"optimizer": "adam", "schedule": "one-cycle"},
    "adamw in bfloat16": {"optimizer": "adamw", "precision": "bfloat16", "gradient_clip": 0.5},
    "tf32": {"precision": "tf32"},
}


@pytest.fixture
def repeatable(monkeypatch):
    """Kernels that add up in the same order each time; the fastest do not promise it."""
    monkeypatch.setattr(torch.backends.cudnn, "deterministic", True)
    monkeypatch.setattr(torch.backends.cudnn, "benchmark", False)


def learned(config, epochs=2):
    torch.manual_seed(5)
    session = Session(config, quadrants())
    for _ in range(epochs):
        session.begin_epoch()
        while not session.epoch_is_over:
            session.advance()
    assert session.graph.take_notice() is None
    return session


@pytest.mark.parametrize("recipe", RECIPES)
def test_replayed_steps_equal_eager_ones_to_the_bit(repeatable, monkeypatch, recipe):
    config = CONFIG.change(**(LENET | AUGMENTED | RECIPES[recipe]))
    replayed = learned(config)
    assert replayed.graph.recorded

    monkeypatch.setattr(graph, "EAGER", sys.maxsize)
    eager = learned(config)

    assert not eager.graph.recorded
    assert same(replayed.state(), eager.state())


@pytest.mark.filterwarnings("ignore:Synchronization debug mode is a prototype")
def test_an_epoch_of_replays_never_waits_for_the_gpu():
    session = learned(CONFIG.change(**(LENET | AUGMENTED), gradient_clip=0.5))
    try:
        torch.cuda.set_sync_debug_mode("error")
        session.begin_epoch()
        while not session.epoch_is_over:
            session.advance()
    finally:
        torch.cuda.set_sync_debug_mode("default")

    assert session.graph.recorded
    assert session.totals().finite_batches == len(session.bounds)


@pytest.mark.parametrize("moment", [6, 15])
def test_a_run_that_was_paused_amid_replays_ends_the_same_to_the_bit(repeatable, tmp_path, moment):
    config = CONFIG.change(**(LENET | AUGMENTED | RECIPES["adam"]))
    list(train(config, quadrants(), folder=tmp_path / "whole", progress_every=0.0))
    seen = []
    for event in train(config, quadrants(), folder=tmp_path / "paused", progress_every=0.0, pausing=lambda: len(seen) >= moment):
        seen.append(event)
    assert isinstance(seen[-1], RunPaused)

    torch.cuda.manual_seed(77)
    _, checkpoint = checkpoints.load_latest(tmp_path / "paused")
    events = list(train(config, quadrants(), folder=tmp_path / "paused", progress_every=0.0, resume=checkpoint))

    assert not any(isinstance(event, Notice) for event in (*seen, *events))
    assert same(*(checkpoints.load(tmp_path / name / "last.pt") for name in ("whole", "paused")))


def test_a_step_that_waits_for_the_gpu_is_not_recorded_and_the_run_goes_on(repeatable, monkeypatch):
    config = CONFIG.change(**(LENET | AUGMENTED | RECIPES["adam"]))
    plain = step.load

    def waiting(session):
        images, labels = plain(session)
        images.sum().item()
        return images, labels

    with monkeypatch.context() as patch:
        patch.setattr(step, "load", waiting)
        events = list(train(config, quadrants(), progress_every=0.0))
    monkeypatch.setattr(graph, "EAGER", sys.maxsize)
    eager = list(train(config, quadrants(), progress_every=0.0))

    (notice,) = (event for event in events if isinstance(event, Notice))
    assert notice.kind == "graph"
    assert untimed(events) == untimed(eager), "dropout draws on as if nothing had been tried"
