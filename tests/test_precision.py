"""The precision of a run: chosen by a measurement that leaves no trace, and kept when the run is resumed."""

from contextlib import nullcontext
from types import SimpleNamespace

import pytest
import torch
from quadrants import quadrants, settings

from cnnlab.errors import ConfigError
from cnnlab.events import Notice, RunFinished, RunPaused
from cnnlab.training import checkpoints, initialization, precision
from cnnlab.training.engine import train
from cnnlab.training.precision import Choice, choose
from cnnlab.training.transforms import Preparation
from cnnlab.values import Device

# Batch normalisation keeps statistics and dropout draws random numbers: traces that a trial could leave.
AUTO = settings(
    architecture="lenet", options={"batch_norm": True, "dropout": 0.5, "kernel_size": 3, "channels": (4, 4)}, precision="auto"
)


@pytest.fixture
def two_precisions(monkeypatch):
    """A device with bfloat16 on any machine: the CPU emulates it."""
    monkeypatch.setattr(precision, "has_bfloat16", lambda device: True)


def network_and_data():
    data = quadrants()
    return initialization.network(AUTO, 3), data, Preparation.for_run(AUTO, data)


@pytest.mark.parametrize("training", [True, False])
def test_trying_leaves_no_trace(two_precisions, training):
    model, data, preparation = network_and_data()
    model.train(training)
    model(preparation.test(data.train_images))  # statistics of its own, where it trains
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    state = torch.get_rng_state()
    found = choose(model, data.train_images, data.train_labels, preparation)
    assert found.precision in {"float32", "bfloat16"}
    assert found.speedup > 0
    assert model.training == training
    assert torch.equal(torch.get_rng_state(), state)
    assert all(torch.equal(tensor, before[name]) for name, tensor in model.state_dict().items())
    assert all(parameter.grad is None for parameter in model.parameters())


@pytest.mark.parametrize(("speedup", "chosen"), [(2.4, "bfloat16"), (1.1, "float32"), (0.3, "float32")])
def test_bfloat16_is_taken_where_it_is_clearly_faster(two_precisions, monkeypatch, speedup, chosen):
    monkeypatch.setattr(precision, "_speedup", lambda *_: speedup)
    model, data, preparation = network_and_data()
    found = choose(model, data.train_images, data.train_labels, preparation)
    assert found == Choice(chosen, speedup)
    assert chosen in found.sentence
    assert f"{speedup:.1f} times" in found.sentence


@pytest.mark.parametrize(
    ("cost", "chosen"), [({"float32": 0.3, "bfloat16": 0.1}, "bfloat16"), ({"float32": 0.1, "bfloat16": 0.3}, "float32")]
)
def test_the_faster_precision_is_taken(two_precisions, monkeypatch, cost, chosen):
    """By a clock that only passes through the network move, each in the time of its precision."""
    model, data, preparation = network_and_data()
    now, computing = [0.0], []

    def autocast(_device, name):
        computing.append(name)
        return nullcontext()

    def forward(*_):
        now[0] += cost[computing[-1]]

    model.register_forward_hook(forward)
    monkeypatch.setattr(precision, "autocast", autocast)
    monkeypatch.setattr(precision, "time", SimpleNamespace(perf_counter=lambda: now[0]))

    found = choose(model, data.train_images, data.train_labels, preparation)

    assert found.precision == chosen
    assert found.speedup == pytest.approx(cost["float32"] / cost["bfloat16"])


def test_a_device_without_bfloat16_is_not_tried(monkeypatch):
    monkeypatch.setattr(precision, "has_bfloat16", lambda device: False)
    model, data, preparation = network_and_data()
    found = choose(model, data.train_images, data.train_labels, preparation)
    assert found == Choice("float32")
    assert "float32" in found.sentence


def test_a_run_says_what_it_chose_and_keeps_to_it(two_precisions, monkeypatch, tmp_path):
    data = quadrants()
    monkeypatch.setattr(precision, "_speedup", lambda *_: 2.4)
    stream = train(AUTO, data, folder=tmp_path, progress_every=0.0, pausing=lambda: True)
    events = list(stream)
    assert isinstance(events[-1], RunPaused)
    assert [event.message for event in events if isinstance(event, Notice)] == [
        "Computes in bfloat16, measured to be 2.4 times as fast here as float32. "
        "The help of Precision gives its measured effect on accuracy."
    ]
    _, checkpoint = checkpoints.load_latest(tmp_path)
    assert checkpoint["precision"] == "bfloat16"
    monkeypatch.setattr(precision, "_speedup", lambda *_: pytest.fail("a resumed run is not measured again"))
    events = list(train(AUTO, data, folder=tmp_path, resume=checkpoint))
    assert isinstance(events[-1], RunFinished)
    assert checkpoints.load_latest(tmp_path)[1]["precision"] == "bfloat16"


def test_a_checkpoint_from_before_precisions_were_kept_goes_on_as_configured(tmp_path):
    data = quadrants()
    exact = AUTO.change(precision="float32")
    assert isinstance(list(train(exact, data, folder=tmp_path, progress_every=0.0, pausing=lambda: True))[-1], RunPaused)
    _, checkpoint = checkpoints.load_latest(tmp_path)
    del checkpoint["precision"]
    assert isinstance(list(train(exact, data, folder=tmp_path, resume=checkpoint))[-1], RunFinished)


@pytest.mark.parametrize(("chosen", "matmul"), [("tf32", "high"), ("float32", "highest"), ("bfloat16", "highest")])
def test_tf32_is_for_the_dense_layers_of_an_nvidia_gpu(monkeypatch, chosen, matmul):
    seen = []
    monkeypatch.setattr(torch, "set_float32_matmul_precision", seen.append)
    precision.set_float32(chosen, torch.device("cuda:1"))
    precision.set_float32(chosen, torch.device("cpu"))
    assert seen == [matmul]


def test_tf32_is_refused_where_no_device_has_it():
    precision.check("tf32", Device("cuda:0", "NVIDIA H100"))
    with pytest.raises(
        ConfigError, match=r"which NVIDIA GPUs have, and this run would train on CPU, .*: choose float32 or auto"
    ) as error:
        list(train(AUTO.change(precision="tf32"), quadrants()))
    assert error.value.field == "precision"
