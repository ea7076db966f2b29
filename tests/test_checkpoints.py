"""Checkpoints: whole or missing, safe to load, and sufficient to repeat the evaluation."""

import json
import os
import pickle
import stat
from pathlib import Path

import pytest
import torch
from quadrants import quadrants, settings

from cnnlab.architectures import card
from cnnlab.errors import CheckpointError
from cnnlab.events import EpochDone
from cnnlab.training import checkpoints, layout
from cnnlab.training.engine import train
from cnnlab.training.evaluation import evaluate
from cnnlab.training.session import Session
from cnnlab.training.transforms import Preparation


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    folder = tmp_path_factory.mktemp("run")
    config = settings(architecture="lenet", options={"activation": "relu", "batch_norm": True}, normalization="dataset", epochs=2)
    emitted = list(train(config, quadrants(), folder=folder))
    return folder / "last.pt", config, [event for event in emitted if isinstance(event, EpochDone)]


def test_a_checkpoint_explains_itself(trained):
    path, config, epochs = trained

    content = checkpoints.load(path)

    assert content["config"] == json.loads(config.to_json())
    assert content["classes"] == ["left", "right", "below"]
    assert content["input_shape"] == [1, 12, 12]
    assert (content["epoch"], content["batch"], content["step"]) == (2, 6, 12)
    assert [EpochDone(**done) for done in content["history"]] == epochs
    assert content["test_accuracy"] == epochs[-1].test_accuracy
    assert content["best_test_accuracy"] == max(done.test_accuracy for done in epochs)


def test_the_network_rebuilt_from_a_checkpoint_predicts_what_is_stored_in_it(trained):
    content = checkpoints.load(trained[0])
    data, config = quadrants(), content["config"]
    model = card(config["architecture"]).build(tuple(content["input_shape"]), len(content["classes"]), config["options"])
    model.load_state_dict(content["model"])

    evaluation = evaluate(model, data.test_images, data.test_labels, Preparation(**content["preparation"]))

    assert content["test_predicted"].dtype == torch.uint8
    assert torch.equal(evaluation.predicted, content["test_predicted"])
    torch.testing.assert_close(evaluation.confidence, content["test_confidence"])
    assert (content["test_predicted"] == data.test_labels).float().mean().item() == pytest.approx(content["test_accuracy"])


def test_a_run_goes_on_with_the_threads_and_the_kernels_that_are_its_own():
    """The number of threads, which decides the order of sums; but not the fused kernels of another device."""
    config, before = settings(optimizer="adam"), torch.get_num_threads()
    state = Session(config, quadrants()).state()
    state["threads"] = before + 1
    state["optimizer"]["param_groups"][0]["fused"] = True
    try:
        session = Session(config, quadrants())
        session.restore(state)
        assert torch.get_num_threads() == before + 1
        assert session.optimizer.param_groups[0]["fused"] is None
        session.begin_epoch()
        session.advance()
        del state["threads"]  # as in older checkpoints
        session.restore(state)
    finally:
        torch.set_num_threads(before)


def test_a_file_cut_off_anywhere_is_a_checkpoint_error(trained, tmp_path):
    whole, cut = trained[0].read_bytes(), tmp_path / "last.pt"

    for length in [*range(0, len(whole), len(whole) // 150), len(whole) - 1]:
        cut.write_bytes(whole[:length])
        with pytest.raises(CheckpointError, match="damaged"):
            checkpoints.load(cut)


def test_a_file_with_other_content_is_a_checkpoint_error(tmp_path):
    path = tmp_path / "last.pt"
    torch.save({"weights": torch.zeros(3)}, path)
    with pytest.raises(CheckpointError, match="not a checkpoint"):
        checkpoints.load(path)

    path.write_bytes(pickle.dumps({"format": 1, "config": print}, protocol=2))
    with pytest.raises(CheckpointError, match="damaged"):
        checkpoints.load(path)

    path.write_text("hello")
    with pytest.raises(CheckpointError, match="damaged"):
        checkpoints.load(path)


def test_another_format_and_a_missing_part_are_named(trained, tmp_path):
    content, path = checkpoints.load(trained[0]), tmp_path / "last.pt"

    torch.save(content | {"format": 99}, path)
    with pytest.raises(CheckpointError, match="format 99"):
        checkpoints.load(path)

    del content["optimizer"]
    torch.save(content, path)
    with pytest.raises(CheckpointError, match="optimizer missing"):
        checkpoints.load(path)


def test_a_missing_checkpoint_says_when_there_will_be_one(tmp_path):
    with pytest.raises(CheckpointError, match="first epoch"):
        checkpoints.load(tmp_path / "last.pt")


def test_a_failed_save_leaves_the_old_checkpoint_as_it_was(trained, tmp_path, monkeypatch):
    content, path = checkpoints.load(trained[0]), tmp_path / "last.pt"
    checkpoints.save(content, path)

    def disk_full(_content, file):
        file.write(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(torch, "save", disk_full)
    with pytest.raises(CheckpointError, match="No space left"):
        checkpoints.save(content | {"epoch": 3}, path)

    assert checkpoints.load(path)["epoch"] == 2
    assert list(tmp_path.iterdir()) == [path]


def test_a_checkpoint_is_on_the_disk_before_it_gets_its_name_and_its_name_is_too(trained, tmp_path, monkeypatch):
    """A power cut at any moment leaves the old checkpoint or the new one, and never an empty file."""
    content, done = checkpoints.load(trained[0]), []
    partial, sync, rename = tmp_path / ".last.pt.partial", os.fsync, Path.replace

    def synced(number):
        done.append("content" if stat.S_ISREG(os.fstat(number).st_mode) else "name")
        if done[-1] == "content":
            assert os.fstat(number).st_size == partial.stat().st_size > 10_000  # nothing is left in the program's own buffer
        sync(number)

    monkeypatch.setattr(checkpoints.os, "fsync", synced)
    monkeypatch.setattr(Path, "replace", lambda path, target: done.append("renamed") or rename(path, target))

    checkpoints.save(content, tmp_path / "last.pt")

    assert done == ["content", "renamed", "name"]


@pytest.mark.parametrize("links", [True, False])
def test_the_best_is_written_once_though_it_is_the_last_too(trained, tmp_path, monkeypatch, links):
    content, written = checkpoints.load(trained[0]), []
    save = torch.save
    monkeypatch.setattr(checkpoints.torch, "save", lambda content, file: (written.append(content["epoch"]), save(content, file)))
    if not links:
        monkeypatch.setattr(checkpoints.os, "link", lambda *_: (_ for _ in ()).throw(OSError("no hard links here")))
    for epoch, best in ((1, True), (2, True), (3, False)):
        checkpoints.save_last(content | {"epoch": epoch}, tmp_path, best=best)

    found = {name: checkpoints.load(tmp_path / name)["epoch"] for name in ("best.pt", "last.previous.pt", "last.pt")}
    assert found == {"best.pt": 2, "last.previous.pt": 2, "last.pt": 3}
    assert written == ([1, 2, 3] if links else [1, 1, 2, 2, 3])
    assert len(list(tmp_path.iterdir())) == 3  # nothing half done stays


@pytest.mark.parametrize(
    ("damaged", "taken"), [((), "last.pt"), (("last.pt",), "last.previous.pt"), (("last.pt", "last.previous.pt"), "best.pt")]
)
def test_the_latest_undamaged_checkpoint_is_taken(trained, tmp_path, damaged, taken):
    content = checkpoints.load(trained[0])
    for epoch, name in enumerate(("best.pt", "last.previous.pt", "last.pt"), start=1):
        checkpoints.save(content | {"epoch": epoch}, tmp_path / name)
    for name in damaged:
        (tmp_path / name).write_bytes(b"torn")

    path, found = checkpoints.load_latest(tmp_path)

    assert path.name == taken
    assert found["epoch"] == {"best.pt": 1, "last.previous.pt": 2, "last.pt": 3}[taken]


NORMED = settings(architecture="lenet", options={"activation": "relu", "batch_norm": True})


def variance_error(session, images):
    """The largest relative error of the variance that the first batch norm takes of `images`, beside float64."""
    norm = next(module for module in session.model.modules() if isinstance(module, torch.nn.BatchNorm2d))
    norm.momentum = 1.0
    seen = []
    norm.register_forward_hook(lambda _module, inputs, _output: seen.append(inputs[0]))
    with torch.no_grad():
        session.model.train()(session.preparation.test(images))
    exact = seen[0].double().var((0, 2, 3))
    return ((norm.running_var.double() - exact).abs() / exact).max().item()


def test_batch_norm_keeps_its_digits_however_many_images_a_batch_has():
    """Where PyTorch adds up a channel in one float32 number, the error here is above 10⁻⁴."""
    data = quadrants(train=2048)
    config = NORMED.change(batch_size=2048, image_size=28, initialization="pytorch")

    assert variance_error(Session(config, data), data.train_images) < 1e-5


def test_a_run_goes_on_with_the_layout_that_it_began_with(tmp_path, monkeypatch):
    """Checkpoints from before layouts were named are of the early one; another one would change the last digits."""
    config, data = NORMED.change(epochs=2), quadrants()
    with monkeypatch.context() as early:
        early.setattr(layout, "EXACT", layout.EARLY)
        early.setattr(layout, "arrange", lambda model, device, _name: model.to(device, memory_format=torch.channels_last) and [])
        list(train(config, data, folder=tmp_path / "whole"))
        list(train(config.change(epochs=1), data, folder=tmp_path / "resumed"))
    checkpoint = checkpoints.load(tmp_path / "resumed" / "last.pt")
    del checkpoint["layout"]

    list(train(config, data, folder=tmp_path / "resumed", resume=checkpoint))

    whole, resumed = (checkpoints.load(tmp_path / name / "last.pt") for name in ("whole", "resumed"))
    assert resumed["layout"] == layout.EARLY
    assert all(torch.equal(whole["model"][name], tensor) for name, tensor in resumed["model"].items())
    list(train(config, data, folder=tmp_path / "new"))
    assert checkpoints.load(tmp_path / "new" / "last.pt")["layout"] == layout.EXACT


@pytest.mark.parametrize("channels", [1, 3])
def test_images_lie_as_a_gpu_computes_and_stay_what_they_are(channels):
    batch = torch.rand(2, channels, 4, 5)
    ordered = layout.images(batch, torch.device("cuda:0"))

    assert torch.equal(ordered, batch)
    assert ordered.stride() == (20 * channels, 1, 5 * channels, channels)
    layer = torch.nn.Conv2d(channels, 3, 3).to(memory_format=torch.channels_last)
    assert torch.equal(layer(ordered), layer(batch.contiguous(memory_format=torch.channels_last)))
    assert layout.images(batch, torch.device("cpu")) is batch
