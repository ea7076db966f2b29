"""What is recorded of gradients, weights and kernels after each epoch: torch's own figures, at hardly any cost to the training."""

from __future__ import annotations

import json
import math

import pytest
import torch
from quadrants import quadrants, settings

from cnnlab import epoch_flow
from cnnlab.epoch_flow import EpochFlow, LayerFlow, Recorder, read
from cnnlab.events import RunPaused
from cnnlab.training import checkpoints, flow
from cnnlab.training.engine import train
from cnnlab.training.session import Session

LENET = {"architecture": "lenet", "options": {"activation": "relu"}}
DATA = quadrants(train=90, test=30)


def by_hand(config, epochs):
    """The same training step by step, with copies of the weights around each step."""
    session, found = Session(config, DATA), []
    for _ in range(epochs):
        session.begin_epoch()
        batches, sums = len(session.bounds), {}
        while not session.epoch_is_over:
            before = {name: weight.detach().clone() for name, weight in session.model.named_parameters()}
            batch = session.batch
            session.advance()
            if not flow.is_watched(batch, batches):
                continue
            for path, module in session.model.named_modules():
                own = dict(module.named_parameters(path, recurse=False))
                if not own or next(iter(own.values())).ndim < 2:
                    continue
                gradient, moved, length = (
                    math.sqrt(sum(float((each**2).sum()) for each in tensors))
                    for tensors in (
                        [weight.grad for weight in own.values()],
                        [weight.detach() - before[name] for name, weight in own.items()],
                        [before[name] for name in own],
                    )
                )
                sums.setdefault(path, []).append((gradient, moved / length))
        session.close_epoch(_evaluation(), None)
        found.append({path: [sum(each) / len(each) for each in zip(*pairs, strict=True)] for path, pairs in sums.items()})
    return session, found


def _evaluation():
    from cnnlab.training.evaluation import Evaluation

    return Evaluation(1.0, 0.5, torch.zeros(30, dtype=torch.uint8), torch.zeros(30))


@pytest.mark.parametrize(
    "changes", [LENET, {}, LENET | {"gradient_clip": 0.5, "optimizer": "adam"}], ids=["lenet", "mlp", "clipped"]
)
def test_gradients_and_updates_of_each_layer_are_those_of_the_steps(changes, tmp_path):
    config = settings(epochs=2, batch_size=10, **changes)
    list(train(config, DATA, folder=tmp_path))

    session, expected = by_hand(config, 2)
    recorded = read(tmp_path)

    assert [each.epoch for each in recorded] == [0, 1, 2]
    for one, layers in zip(recorded[1:], expected, strict=True):
        assert [layer.path for layer in one.layers] == list(layers)
        for layer in one.layers:
            assert (layer.gradient, layer.update) == pytest.approx(tuple(layers[layer.path]), rel=1e-3)
    for layer in recorded[2].layers:
        weights = session.model.get_submodule(layer.path).weight.detach()
        assert (layer.low, layer.high) == pytest.approx((float(weights.min()), float(weights.max())), rel=1e-4)
        assert sum(layer.counts) == weights.numel()
    assert {(layer.gradient, layer.update) for layer in recorded[0].layers} == {(None, None)}


def test_the_first_kernels_are_kept_from_before_the_training_on(tmp_path):
    config = settings(epochs=2, **LENET)
    first = Session(config, DATA).model.get_submodule("conv1").weight.detach()
    list(train(config, DATA, folder=tmp_path))

    before, _, after = read(tmp_path)

    assert before.kernels == after.kernels == tuple(first.shape)
    assert before.values == pytest.approx(first.flatten().tolist(), rel=1e-3)
    last = checkpoints.load(tmp_path / checkpoints.LAST)["model"]["conv1.weight"]
    assert after.values == pytest.approx(last.flatten().tolist(), rel=1e-3)


def test_of_large_first_layers_a_part_is_kept_and_of_a_dense_network_none():
    large = flow.Flow(torch.nn.Sequential(torch.nn.Conv2d(64, 96, 11)), None)
    shape, values = large._kernels()
    assert (shape, len(values)) == ((16, 1, 11, 11), 16 * 121)
    assert flow.Flow(torch.nn.Sequential(torch.nn.Linear(4, 2)), None)._kernels() == ((), ())


@pytest.mark.parametrize(
    ("batches", "watched"), [(1, [0]), (3, [0, 1, 2]), (4, [0, 1, 2, 3]), (8, [1, 3, 5, 7]), (94, [23, 46, 70, 93])]
)
def test_a_few_batches_spread_over_the_epoch_are_watched(batches, watched):
    assert [batch for batch in range(batches) if flow.is_watched(batch, batches)] == watched


def test_of_a_deep_network_half_as_many_batches_are_watched(tmp_path):
    for layers, watched in ((flow.DEEP, 4), (flow.DEEP + 1, 2)):
        seen = flow.Flow(torch.nn.Sequential(*(torch.nn.Linear(1, 1) for _ in range(layers))), tmp_path)
        for batch in range(20):
            seen.advance(lambda: None, batch, 20)
        assert len(seen._watched) == watched


def test_watching_changes_no_digit_and_needs_a_folder(tmp_path):
    config = settings(epochs=2, **LENET)
    list(train(config, DATA, folder=tmp_path / "watched"))
    watched = checkpoints.load(tmp_path / "watched" / checkpoints.LAST)["model"]
    session = Session(config, DATA)
    for _ in range(2):
        session.begin_epoch()
        while not session.epoch_is_over:
            session.advance()
        session.close_epoch(_evaluation())
    assert all(torch.equal(watched[name], weight) for name, weight in session.model.state_dict().items())
    assert len(list(train(config, DATA))) > 0  # without a folder, as before


def test_a_resumed_run_repeats_no_epoch_in_the_record(tmp_path):
    config = settings(epochs=3, batch_size=10, **LENET)
    for event in train(config, DATA, folder=tmp_path, pausing=lambda: True):
        last = event
    assert isinstance(last, RunPaused)
    _, checkpoint = checkpoints.load_latest(tmp_path)
    list(train(config, DATA, folder=tmp_path, resume=checkpoint))
    assert [each.epoch for each in read(tmp_path)] == [0, 1, 2, 3]


def made(epoch):
    return EpochFlow(epoch, (LayerFlow("a", 0.5 * epoch, 0.001, -1.0, 1.0, (1, 2, 3)),), (1, 1, 1, 2), (0.5, -0.25))


def test_a_new_process_drops_the_epochs_that_it_repeats_and_what_is_torn(tmp_path):
    recorder = Recorder(tmp_path)
    for epoch in range(4):
        recorder.write(made(epoch))
    with (tmp_path / epoch_flow.FILE).open("a", encoding="utf-8") as file:
        file.write('{"epoch": 4, "layers": [')
    assert read(tmp_path) == tuple(map(made, range(4)))

    again = Recorder(tmp_path)
    again.write(made(2))
    again.write(made(3))

    assert read(tmp_path) == tuple(map(made, range(4)))
    assert len((tmp_path / epoch_flow.FILE).read_text(encoding="utf-8").splitlines()) == 4


@pytest.mark.parametrize("content", ["", "null\n", "[]\n", '{"epoch": 1}\n', "\x00\xff\n", json.dumps({"epoch": "1"}) + "\n"])
def test_a_file_that_is_none_has_no_epochs(content, tmp_path):
    (tmp_path / epoch_flow.FILE).write_text(content, encoding="utf-8")
    assert read(tmp_path) == ()
    assert read(tmp_path / "nowhere") == ()


def test_the_file_is_bounded_and_a_disk_that_refuses_ends_nothing(tmp_path, monkeypatch):
    monkeypatch.setattr(epoch_flow, "LARGEST", 500)
    recorder = Recorder(tmp_path)
    for epoch in range(50):
        recorder.write(made(epoch))
    assert (tmp_path / epoch_flow.FILE).stat().st_size <= 500
    assert [each.epoch for each in read(tmp_path)] == list(range(len(read(tmp_path))))
    (tmp_path / "file").write_text("x", encoding="utf-8")
    Recorder(tmp_path / "file").write(made(0))


def test_weights_that_are_all_alike_or_no_numbers_have_a_histogram_too():
    assert flow._histogram(torch.zeros(6, 5)) == (0.0, 0.0, (30,))
    assert flow._histogram(torch.tensor([[1.0, math.nan]])) == (0.0, 0.0, ())
