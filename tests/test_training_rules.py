"""Rules of training at their bounds: when a network is compiled, what a checkpoint keeps, and in which order things happen."""

from __future__ import annotations

import errno
import json
import os
import sys
from types import SimpleNamespace

import pytest
import torch
from quadrants import quadrants, settings

from cnnlab import epoch_predictions
from cnnlab.errors import CheckpointError
from cnnlab.events import Notice, Progress
from cnnlab.text import percent
from cnnlab.training import checkpoints, compiling, engine, layout, optimizers
from cnnlab.training.compiling import Compiler
from cnnlab.training.engine import train
from cnnlab.training.session import Session
from cnnlab.training.transforms import Preparation
from cnnlab.training.trial import without_trace

# Compiling


@pytest.fixture
def session():
    return Session(settings(compile=True, epochs=2, batch_size=30), quadrants())


@pytest.fixture
def started(monkeypatch):
    """The commands of the compiling processes, which never end."""
    commands = []

    def popen(command, **how):
        commands.append((command, how))
        return SimpleNamespace(poll=lambda: None, kill=lambda: None, communicate=lambda: ("", None))

    monkeypatch.setattr(compiling.subprocess, "Popen", popen)
    return commands


@pytest.mark.parametrize(("left", "starts"), [(266.0, False), (267.0, True)])
def test_compiling_begins_where_a_seventh_of_the_time_left_is_more_than_it_takes(session, started, tmp_path, left, starts):
    compiler = Compiler(session, tmp_path)

    assert compiler.poll(left) is None
    assert compiler.poll(left) is None

    assert len(started) == starts
    compiler.close()


def test_the_compiling_process_gets_the_network_and_the_cache(session, started, tmp_path):
    Compiler(session, tmp_path / "cache").poll(1e6)

    ((command, how),) = started
    assert command[:3] == [sys.executable, "-m", "cnnlab.training.compile_ahead"]
    assert json.loads(command[3]) == {
        "settings": {
            **{"architecture": "mlp", "options": {"activation": "relu", "batch_norm": False, "dropout": 0.0, "hidden": [16]}},
            **{"channels": 1, "image_size": 12, "seed": 0, "initialization": "pytorch"},
        },
        **{"classes": 3, "input_shape": [30, 1, 12, 12], "precision": "float32", "device": "cpu"},
        **{"threads": torch.get_num_threads(), "layout": layout.EXACT},
    }
    assert how["env"]["TORCHINDUCTOR_CACHE_DIR"] == str(tmp_path / "cache")
    assert sys.path[-1] in how["env"]["PYTHONPATH"].split(os.pathsep)
    assert how["env"].items() >= {name: value for name, value in os.environ.items() if name == "PATH"}.items()


def test_nothing_is_compiled_for_batches_that_are_never_full(started, tmp_path):
    few = Session(settings(compile=True, batch_size=100), quadrants(train=90))

    assert Compiler(few, tmp_path).poll(1e6) is None
    assert not started


@pytest.mark.parametrize("case", [(2.0, 5.9, False), (2.0, 6.0, True), (1.1, 34.0, True), (1.1, 32.0, False), (1.09, 1e6, False)])
def test_the_run_switches_where_it_gains_more_than_the_switch_costs(session, monkeypatch, tmp_path, case):
    speedup, left, switches = case
    monkeypatch.setattr(Compiler, "_switch", lambda _: None)
    Compiler(session, tmp_path)._file.write_text(json.dumps({"speedup": speedup}))
    compiler = Compiler(session, tmp_path)

    notice = compiler.poll(left)

    assert (notice is not None) == switches
    if notice:
        assert notice.message == (
            f"The network is compiled and {speedup:.1f} times as fast from here on, by a measurement beside the training."
        )
        assert (notice.kind, notice.epoch, compiler.poll(left)) == ("compiled", 0, None)


def test_a_speed_is_remembered_for_one_network_one_machine_and_one_version(session, monkeypatch, tmp_path):
    names = {Compiler(session, tmp_path)._file.name}
    for changed in (
        {"batch_size": 31, "epochs": 2},
        {"options": {"hidden": (17,)}},
        {"image_size": 13},
        {"precision": "bfloat16"},
        {"channels": 3},
    ):
        other = Session(settings(**{"batch_size": 30} | changed), quadrants())
        names.add(Compiler(other, tmp_path)._file.name)
    monkeypatch.setattr(session, "device_name", "another machine")
    names.add(Compiler(session, tmp_path)._file.name)
    monkeypatch.setattr(torch, "__version__", "0")
    names.add(Compiler(session, tmp_path)._file.name)
    same = Session(settings(batch_size=30, seed=9, learning_rate=0.7, epochs=9), quadrants())
    monkeypatch.undo()

    assert len(names) == 8
    assert Compiler(same, tmp_path)._file.name in names


@pytest.mark.parametrize("content", ["", "{}", "[1]", '{"speedup": "fast"}'])
def test_a_remembered_speed_that_cannot_be_read_is_measured_again(session, started, tmp_path, content):
    Compiler(session, tmp_path)._file.write_text(content)

    Compiler(session, tmp_path).poll(1e6)

    assert started


# Trials and layouts


@pytest.mark.parametrize("training", [True, False])
def test_a_trial_trains_and_leaves_the_network_as_it_was(training):
    model = torch.nn.Sequential(torch.nn.BatchNorm1d(3), torch.nn.Dropout(0.5)).train(training)
    before, state = model[0].running_mean.clone(), torch.get_rng_state()

    with pytest.raises(KeyError), without_trace(model, torch.device("cpu")):
        assert model.training
        model(torch.rand(4, 3)).sum().backward()
        raise KeyError

    assert model.training == training
    assert torch.equal(model[0].running_mean, before) and model[0].num_batches_tracked == 0
    assert torch.equal(torch.get_rng_state(), state)
    assert model[0].weight.grad is None


def test_large_inputs_of_batch_norm_lie_channel_by_channel_and_small_ones_as_they_come():
    norm, seen = torch.nn.BatchNorm2d(2), []
    (handle,) = layout.arrange(norm, torch.device("cpu"))
    norm.register_forward_hook(lambda _, inputs, __: seen.append(inputs[0].is_contiguous()))
    for side in (256, 257):  # 2 images of 256×256 have 2¹⁷ values a channel
        norm(torch.rand(2, 2, side, side).to(memory_format=torch.channels_last))
    handle.remove()
    norm(torch.rand(2, 2, 257, 257).to(memory_format=torch.channels_last))

    assert seen == [False, True, False]


# Checkpoints


def test_each_fault_of_a_checkpoint_is_a_sentence_of_its_own(tmp_path):
    path = tmp_path / "last.pt"
    session = Session(settings(), quadrants())
    whole = session.state()
    for content, sentence in (
        (None, "There is no checkpoint last.pt; it is written when the first epoch is done."),
        (whole | {"format": 2}, "The checkpoint last.pt has format 2, this version reads format 1; train again."),
        (
            {name: value for name, value in whole.items() if name not in ("rng", "epoch")},
            r"The checkpoint last.pt is incomplete \(epoch, rng missing\); train again to replace it.",
        ),
    ):
        if content is not None:
            checkpoints.save(content, path)
        with pytest.raises(CheckpointError, match=sentence):
            checkpoints.load(path)


def test_a_full_disk_is_a_fault_that_passes_and_another_is_not(tmp_path, monkeypatch):
    def failing(number):
        def save(*_):
            raise OSError(number, os.strerror(number))

        return save

    for number, temporary, words in (
        (errno.ENOSPC, True, "Delete runs, or other files."),
        (errno.EIO, False, "choose another folder."),
    ):
        monkeypatch.setattr(checkpoints.torch, "save", failing(number))
        with pytest.raises(CheckpointError) as failed:
            checkpoints.save({}, tmp_path / "best.pt")
        assert failed.value.temporary is temporary
        assert str(failed.value).startswith("The checkpoint best.pt cannot be written")
        assert str(failed.value).endswith(words)
        assert os.strerror(number) in str(failed.value)
        assert list(tmp_path.iterdir()) == []


def test_the_latest_checkpoint_is_the_last_then_the_one_before_then_the_best(tmp_path):
    state = Session(settings(), quadrants()).state()
    names = ("best.pt", "last.previous.pt", "last.pt")
    assert checkpoints.load_latest(tmp_path) is None
    for step, name in enumerate(names):
        checkpoints.save(state | {"step": step}, tmp_path / name)
        path, content = checkpoints.load_latest(tmp_path)
        assert (path.name, content["step"]) == (name, step)
    for name in names:
        (tmp_path / name).write_bytes(b"x")
    with pytest.raises(CheckpointError, match=r"last\.pt is damaged"):
        checkpoints.load_latest(tmp_path)
    checkpoints.drop_previous(tmp_path)
    checkpoints.drop_previous(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["best.pt", "last.pt"]


def test_predictions_are_saved_before_the_best_and_the_last_and_all_before_the_epoch_is_told(tmp_path, monkeypatch):
    order = []
    monkeypatch.setattr(
        epoch_predictions, "write", lambda folder, epoch, classes, *_: order.append(("predictions", epoch, classes))
    )
    replace = checkpoints.disk.replace

    def replaced(source, path):
        replace(source, path)
        if path.name in ("best.pt", "last.pt"):
            order.append(path.name)

    monkeypatch.setattr(checkpoints.disk, "replace", replaced)

    for event in train(settings(epochs=1), quadrants(), folder=tmp_path, progress_every=3600):
        order.append(type(event).__name__)

    assert order[2:] == [
        *(("predictions", 1, 3), "best.pt", "last.pt", "EpochDone", "CheckpointSaved", "CheckpointSaved", "RunFinished")
    ]


def test_a_checkpoint_comes_within_an_epoch_once_its_time_has_come(tmp_path):
    emitted = list(train(settings(epochs=1), quadrants(), folder=tmp_path, progress_every=0, checkpoint_every=0))

    names = [type(event).__name__ for event in emitted if not isinstance(event, Notice)]
    assert names[:5] == ["RunStarted", "Progress", "CheckpointSaved", "Progress", "CheckpointSaved"]
    assert [event.batch for event in emitted if isinstance(event, Progress) and event.phase == "training"] == [1, 2, 3, 4, 5, 6]


def test_a_state_explains_its_run(tmp_path):
    config = settings(schedule="step", validation_share=0.1, seed=4, normalization="half", channels=3)
    list(train(config, quadrants(), folder=tmp_path))

    kept = checkpoints.load(tmp_path / "last.pt")

    assert kept["config"]["options"]["hidden"] == [16]
    assert {name: kept["config"][name] for name in ("seed", "validation_share", "schedule")} == {
        **{"seed": 4, "validation_share": 0.1, "schedule": "step"}
    }
    assert (kept["classes"], kept["input_shape"], kept["precision"]) == (["left", "right", "below"], [3, 12, 12], "float32")
    assert (kept["preparation"]["normalization"], kept["preparation"]["channels"]) == ("half", 3)
    assert (kept["epoch"], kept["batch"], kept["step"], len(kept["history"])) == (
        3,
        5,
        15,
        3,
    )  # the last image joins the batch before
    assert kept["sums"]["images"] == 81
    best = max(kept["history"], key=lambda done: done["validation_accuracy"])
    assert (kept["best_epoch"], kept["best_test_accuracy"]) == (best["epoch"], best["test_accuracy"])
    assert kept["test_accuracy"] == kept["history"][-1]["test_accuracy"]
    assert (kept["test_predicted"].shape, kept["test_predicted"].dtype, kept["test_confidence"].dtype) == (
        *((30,), torch.uint8, torch.float32),
    )
    assert kept["rng"]["seed"] == 4 and kept["rng"]["cuda"] is None


def test_early_stopping_says_by_which_images_it_went(tmp_path):
    config = settings(epochs=40, learning_rate=1e-9, patience=2)

    for share, words in ((0.0, "test"), (0.3, "validation")):
        emitted = list(train(config.change(validation_share=share), quadrants()))
        (notice,) = (event for event in emitted if isinstance(event, Notice))
        best = emitted[-1].best_test_accuracy if not share else emitted[-1].best_validation_accuracy
        assert notice.message == (
            f"Stopped early after epoch 3 of 40: the accuracy on the {words} images has not been better than {percent(best)} "
            "since epoch 1, and the patience is 2."
        )
        assert emitted[-1].stopped_early


def test_an_overflow_in_the_evaluation_is_named_as_one_after_the_epoch(monkeypatch):
    def boundless(_config, parameters):
        return torch.optim.SGD(parameters, lr=float("inf"))

    monkeypatch.setattr(optimizers, "optimizer", boundless)

    failed = list(train(settings(batch_size=90), quadrants()))[-1]

    assert (failed.epoch, failed.kind) == (1, "not-finite")


def test_a_share_of_progress_counts_an_evaluated_image_a_third(monkeypatch):
    monkeypatch.setattr(engine, "evaluation_batch", lambda *_: 15)
    emitted = train(settings(epochs=1, batch_size=45), quadrants(train=90, test=30), progress_every=0)

    shares = [round(event.share_done * 100, 6) for event in emitted if isinstance(event, Progress)]

    assert shares == [45.0, 90.0, 95.0, 100.0]


def test_a_run_prepares_by_the_statistics_of_the_images_that_it_trains_on():
    data, config = quadrants(), settings(normalization="dataset", validation_share=0.5)
    session = Session(config, data)

    pixels = session.train_images.double() / 255
    assert session.preparation.mean == pytest.approx((pixels.mean().item(),))
    assert session.preparation.std == pytest.approx((pixels.std(correction=0).item(),))
    assert len(session.validation_images) == 45
    assert Preparation.for_run(config, data).mean != session.preparation.mean
