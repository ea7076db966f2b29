"""What the helper remembers: answers follow the files that they were made from, and speeds the settings that they depend on."""

import os

import pytest
import torch
from made_runs import CONFIG

from cnnlab.compute import predictions, speeds
from cnnlab.config import RunConfig
from cnnlab.runs.records import State
from cnnlab.training import checkpoints
from cnnlab.values import EvaluatedRun
from cnnlab.workers import runner


def test_predictions_follow_a_checkpoint_that_was_written_again(store):
    run_id = store.create(CONFIG.change(epochs=1), "t")
    assert runner.execute(store, run_id) is State.FINISHED
    run, path = EvaluatedRun(run_id, "sample", None), store.home / "runs" / run_id / checkpoints.BEST
    before = predictions.predictions(store.home, run=run, checkpoint="best")

    kept, times = checkpoints.load(path), path.stat()
    everything = torch.full_like(kept["test_predicted"], (int(kept["test_predicted"][0]) + 1) % 10)
    checkpoints.save(kept | {"test_predicted": everything}, path)
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns + 1))
    after = predictions.predictions(store.home, run=run, checkpoint="best")

    assert {item.predicted for item in after.items} == {int(everything[0])}
    assert before.items[0].predicted != after.items[0].predicted


CHANGES = {
    "architecture": "alexnet",
    "dataset": "cifar10",
    "image_size": 64,
    "batch_size": 64,
    "optimizer": "adam",
    "momentum": 0.5,
    "weight_decay": 0.1,
    "precision": "bfloat16",
    "random_crop": 2,
    "horizontal_flip": True,
    "gradient_clip": 1.0,
}


@pytest.mark.parametrize("setting", CHANGES)
def test_a_remembered_speed_is_not_used_for_a_setting_that_changes_the_work(setting):
    config = RunConfig.make(architecture="lenet", momentum=0.9, device="cpu")
    assert speeds._key(config, "CPU") != speeds._key(config.change(**{setting: CHANGES[setting]}), "CPU")


def test_a_remembered_speed_is_of_one_device():
    config = RunConfig.make()
    assert speeds._key(config, "CPU, 2 cores") != speeds._key(config, "CPU, 4 cores")


def test_settings_that_leave_the_work_as_it_is_share_a_speed():
    config = RunConfig.make(device="cpu")
    assert speeds._key(config, "CPU") == speeds._key(config.change(seed=7, epochs=99, learning_rate=0.5), "CPU")


def test_every_setting_is_part_of_the_key_unless_it_is_named_as_one_that_changes_no_speed():
    assert set(RunConfig.model_fields) >= speeds.NOT_IN_THE_KEY
    assert "precision" not in speeds.NOT_IN_THE_KEY
