"""Advice when training goes wrong fits the configuration."""

import pytest

from cnnlab.config import RunConfig
from cnnlab.events import EpochDone
from cnnlab.training import diagnosis
from cnnlab.values import Device

CPU = Device("cpu", "CPU, 2 cores")


def epoch(number=1, step=235, train_accuracy=0.1, test_accuracy=0.1):
    return EpochDone(number, step, 2.3, train_accuracy, 2.3, test_accuracy, 0.1, 1.0, 0.1, 0.8, 0.1)


@pytest.mark.parametrize(
    ("settings", "done", "advice"),
    [
        ({"architecture": "lenet", "learning_rate": 0.9}, epoch(1), "the course's LeNet needed two epochs"),
        ({"architecture": "lenet", "learning_rate": 0.9}, epoch(4), "try ReLU with a smaller learning rate"),
        ({"architecture": "nin", "learning_rate": 0.1}, epoch(1), "NiN without batch normalisation sometimes never leaves chance"),
        (
            {"architecture": "googlenet", "optimizer": "adam", "learning_rate": 0.001},
            epoch(1),
            "GoogLeNet without batch normalisation",
        ),
        (
            {"architecture": "mlp", "optimizer": "adam", "learning_rate": 0.1},
            epoch(1),
            "0.1 is high for Adam: start again with 0.001",
        ),
        ({"architecture": "mlp", "learning_rate": 0.9}, epoch(1), "0.9 is high for SGD with this network: start again with 0.1"),
        ({"architecture": "mlp", "learning_rate": 0.0001}, epoch(1), "0.0001 may be too small for SGD: try 0.001"),
        ({"architecture": "mlp", "schedule": "warm-up", "warmup_epochs": 3}, epoch(2), "warming up until epoch 3"),
        ({"architecture": "mlp"}, epoch(1), "If the next epoch is no better, start again with another seed"),
        ({"architecture": "mlp"}, epoch(10), "Start again with another seed"),
        ({"architecture": "mlp"}, epoch(1, step=3), "only 3 steps: give it more epochs"),
        ({"architecture": "mlp"}, epoch(1, test_accuracy=0.25), "25.0 % of the test images were right, so it has begun to learn"),
    ],
)
def test_advice_for_a_network_at_chance_fits_its_configuration(settings, done, advice):
    message = diagnosis.stuck_at_chance(RunConfig.make(**settings), done, 10)

    assert (
        f"In epoch {done.epoch} the network was guessing: 10.0 % of the training images were right, and chance is 10.0 %."
        in message
    )
    assert advice in message


def test_a_loss_that_overflowed_is_told_with_where_and_what_to_try():
    config = RunConfig.make(architecture="lenet", optimizer="adamw", learning_rate=0.9)

    assert diagnosis.not_finite(config, 1, 37, 235) == (
        "The loss became infinite or not a number in epoch 1, at batch 37 of 235: a learning rate of 0.9 is too large "
        "for AdamW here; try 0.09, or switch on batch normalisation or gradient clipping."
    )


def test_what_is_switched_on_already_is_not_advised():
    config = RunConfig.make(architecture="lenet", options={"batch_norm": True}, gradient_clip=1.0, learning_rate=0.9)

    assert diagnosis.not_finite(config, 1, 1, 235).endswith("is too large for SGD here; try 0.09.")


def test_a_single_image_that_does_not_fit_asks_for_a_smaller_network():
    config = RunConfig.make(architecture="lenet", batch_size=1)

    assert "smaller network" in diagnosis.out_of_memory(config, CPU, "training")
    assert "try 0" not in diagnosis.out_of_memory(config, CPU, "training")
