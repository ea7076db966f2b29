"""Optimisers and learning rate schedules: each learns, and each follows PyTorch's own curve where PyTorch has one."""

import math
from pathlib import Path
from typing import get_args

import pytest
import torch
from quadrants import quadrants, settings
from torch.nn import functional
from torch.optim import lr_scheduler

from cnnlab.config import Optimizer
from cnnlab.events import EpochDone
from cnnlab.optimizers import MOMENTUM, NESTEROV, OPTIMIZERS
from cnnlab.training import batches as orders
from cnnlab.training import costs, initialization, optimizers
from cnnlab.training.engine import train

ROOT = Path(__file__).parents[1]
RATES = {"sgd": 0.2, "adam": 0.01, "adamw": 0.01, "rmsprop": 0.003}
SCHEDULES = ("constant", "step", "cosine", "one-cycle", "warm-up")


@pytest.mark.parametrize("schedule", SCHEDULES)
@pytest.mark.parametrize("optimizer", RATES)
def test_every_optimizer_learns_with_every_schedule(optimizer, schedule):
    config = settings(optimizer=optimizer, learning_rate=RATES[optimizer], schedule=schedule, epochs=6)

    epochs = [event for event in train(config, quadrants()) if isinstance(event, EpochDone)]

    assert epochs[-1].train_loss < epochs[0].train_loss
    assert epochs[-1].test_accuracy > 0.6


@pytest.mark.parametrize(
    ("changes", "kind", "figures"),
    [
        ({"optimizer": "sgd", "momentum": 0.9, "nesterov": True}, torch.optim.SGD, {"momentum": 0.9, "nesterov": True}),
        ({"optimizer": "adam"}, torch.optim.Adam, {}),
        ({"optimizer": "adamw"}, torch.optim.AdamW, {}),
        ({"optimizer": "rmsprop", "momentum": 0.5}, torch.optim.RMSprop, {"momentum": 0.5}),
    ],
)
def test_an_optimizer_takes_the_settings_of_the_configuration(changes, kind, figures):
    config = settings(learning_rate=0.03, weight_decay=0.02, **changes)

    made = optimizers.optimizer(config, [torch.nn.Parameter(torch.zeros(1))])

    assert type(made) is kind
    group = made.param_groups[0]
    assert {name: group[name] for name in ("lr", "weight_decay", *figures)} == {"lr": 0.03, "weight_decay": 0.02, **figures}


def test_the_table_of_optimisers_has_what_a_configuration_can_name():
    assert tuple(OPTIMIZERS) == get_args(Optimizer)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_the_table_knows_what_an_optimiser_of_pytorch_does(name):
    settings_used = {"optimizer": name, "momentum": 0.5, "nesterov": name in NESTEROV, "weight_decay": 0.5}
    weight = torch.nn.Parameter(torch.ones(1000))
    optimizer = optimizers.optimizer(settings(learning_rate=0.5, **settings_used), [weight])
    weight.grad = torch.zeros(1000)
    optimizer.step()

    kept = [value for value in optimizer.state[weight].values() if torch.is_tensor(value) and value.numel() == 1000]
    group = optimizer.param_groups[0]

    assert type(optimizer).__name__ == OPTIMIZERS[name].title
    assert len(kept) == OPTIMIZERS[name].state_tensors(0.5)
    assert (group.get("momentum", 0.0) > 0, group.get("nesterov", False)) == (name in MOMENTUM, name in NESTEROV)
    assert group.get("decoupled_weight_decay", False) == OPTIMIZERS[name].decoupled_decay


def test_no_other_file_lists_the_optimisers():
    lists = [
        file for folder in ("cnnlab", "pages") for file in (ROOT / folder).rglob("*.py") if '"rmsprop"' in file.read_text("utf-8")
    ]

    assert {str(file.relative_to(ROOT)) for file in lists} == {
        "cnnlab/exports/script_training.py",  # writes the lines that build them in plain PyTorch
        "cnnlab/config.py",  # the type, which the first test compares with the table
        "cnnlab/optimizers.py",
        "cnnlab/training/optimizers.py",  # builds them
    }


def rates(scheduler, optimizer, steps):
    """The learning rate of each step."""
    used = []
    for _ in range(steps):
        used.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step()
    return used


def sgd(rate=0.5):
    parameter = torch.nn.Parameter(torch.zeros(1))
    parameter.grad = torch.zeros(1)
    return torch.optim.SGD([parameter], rate)


@pytest.mark.parametrize("batches", [1, 4, 7])
@pytest.mark.parametrize(
    ("schedule", "torchs"),
    [
        ("constant", lambda optimizer, _: lr_scheduler.ConstantLR(optimizer, factor=1.0)),
        ("step", lambda optimizer, batches: lr_scheduler.StepLR(optimizer, 2 * batches, gamma=0.3)),
        ("cosine", lambda optimizer, batches: lr_scheduler.CosineAnnealingLR(optimizer, 5 * batches)),
        (
            "one-cycle",
            lambda optimizer, batches: lr_scheduler.OneCycleLR(optimizer, 0.5, total_steps=5 * batches, cycle_momentum=False),
        ),
    ],
)
def test_a_schedule_follows_pytorchs_curve(schedule, torchs, batches):
    config = settings(learning_rate=0.5, schedule=schedule, epochs=5, step_epochs=2, step_factor=0.3)
    ours, theirs = sgd(), sgd()

    drawn = rates(optimizers.schedule(config, ours, batches), ours, 5 * batches)

    assert drawn == pytest.approx(rates(torchs(theirs, batches), theirs, 5 * batches), abs=1e-9)


def test_warm_up_rises_in_even_steps_to_the_learning_rate_and_stays():
    config = settings(learning_rate=0.5, schedule="warm-up", warmup_epochs=2, epochs=4)
    optimizer = sgd()

    drawn = rates(optimizers.schedule(config, optimizer, 2), optimizer, 8)

    assert drawn == pytest.approx([0.125, 0.25, 0.375, 0.5, 0.5, 0.5, 0.5, 0.5])


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_a_run_of_a_single_batch_has_a_learning_rate(schedule):
    config = settings(schedule=schedule, epochs=1)

    factors = [optimizers.factor(config, step, 1) for step in (0, 1)]  # PyTorch asks for the step after the last, too

    assert all(math.isfinite(factor) and 0 <= factor <= 1 for factor in factors)


def test_the_learning_rate_that_is_told_is_the_one_that_was_used():
    emitted = train(settings(schedule="step", step_epochs=1, step_factor=0.5, learning_rate=0.2, epochs=3), quadrants())

    assert [event.learning_rate for event in emitted if isinstance(event, EpochDone)] == pytest.approx([0.2, 0.1, 0.05])


@pytest.mark.parametrize(
    ("optimizer", "name"), [("sgd", "momentum"), ("adam", "betas"), ("adamw", "betas"), ("rmsprop", "momentum")]
)
@pytest.mark.parametrize("batches", [1, 7])
def test_with_one_cycle_the_momentum_follows_pytorchs_curve_if_asked_to(optimizer, name, batches):
    config = settings(optimizer=optimizer, learning_rate=0.5, schedule="one-cycle", epochs=5, cycle_momentum=True)
    ours, theirs = (optimizers.optimizer(config, [torch.nn.Parameter(torch.zeros(1))]) for _ in range(2))
    scheduler = lr_scheduler.OneCycleLR(theirs, 0.5, total_steps=5 * batches)

    for step in range(5 * batches):
        optimizers.set_momentum(config, ours, step, batches)
        drawn, torchs = ours.param_groups[0][name], theirs.param_groups[0][name]
        assert drawn == pytest.approx(torchs, rel=1e-12, abs=1e-12)
        assert step > 0 or 0.95 in (drawn if name == "betas" else (drawn,))
        theirs.step()
        scheduler.step()


def test_a_run_whose_momentum_cycles_is_a_plain_loop_with_pytorchs_one_cycle():
    config, data = settings(optimizer="sgd", schedule="one-cycle", cycle_momentum=True, momentum=0.3), quadrants(train=90)
    model = initialization.network(config, 3)
    sgd = torch.optim.SGD(model.parameters(), config.learning_rate, momentum=0.5)
    scheduler = lr_scheduler.OneCycleLR(sgd, config.learning_rate, total_steps=18)
    for epoch in range(1, 4):
        for chosen in orders.order(90, config.seed, epoch).split(16):
            sgd.zero_grad()
            functional.cross_entropy(model(data.train_images[chosen] / 255), data.train_labels[chosen]).backward()
            sgd.step()
            scheduler.step()
    loss = functional.cross_entropy(model.eval()(data.test_images / 255), data.test_labels).item()

    done = [event for event in train(config, data) if isinstance(event, EpochDone)][-1]

    assert done.test_loss == pytest.approx(loss, rel=1e-5)


def test_momentum_cycles_with_one_cycle_alone_and_unless_asked_not_at_all():
    for changes in ({"schedule": "one-cycle"}, {"schedule": "cosine", "cycle_momentum": True}):
        config = settings(momentum=0.4, **changes)
        optimizer = optimizers.optimizer(config, [torch.nn.Parameter(torch.zeros(1))])
        optimizers.set_momentum(config, optimizer, 3, 2)
        assert optimizer.param_groups[0]["momentum"] == 0.4


def test_the_forecast_counts_the_memory_of_a_momentum_that_cycles():
    plain = settings(schedule="one-cycle")
    needed = [costs.momentum.first(config) for config in (plain, plain.change(cycle_momentum=True))]

    assert [OPTIMIZERS["sgd"].state_tensors(momentum) for momentum in needed] == [0, 1]
