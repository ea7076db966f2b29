"""The learning-rate range test: made curves, tiny data, and the bundled sample; and that it leaves nothing behind."""

from __future__ import annotations

import math
from math import isclose

import pytest
import torch
from quadrants import quadrants, settings

from cnnlab.datasets.loading import load
from cnnlab.datasets.places import Places
from cnnlab.errors import ComputeError
from cnnlab.presets import presets
from cnnlab.training import range_test as module
from cnnlab.training.engine import train
from cnnlab.training.range_test import FEWEST_STEPS, LOWEST, LOWEST_ADAPTIVE, SPAN, STEPS, range_test, suggestion

CONFIG = settings(batch_size=10)


@pytest.fixture
def losses(monkeypatch):
    """The loss of each step after the two that load libraries, as a function of its number."""
    made = {}
    trained = module._step
    count = iter(range(-2, 10_000))

    def step(session):
        trained(session)
        return made["loss"](next(count))

    monkeypatch.setattr(module, "_step", step)
    return made


def valley(step):
    """Falls to 0.5 at step 60 and rises after it."""
    return 0.5 + abs(step - 60) / 40


def test_the_rate_grows_by_the_same_factor_from_step_to_step():
    *_, last = range_test(CONFIG, quadrants())

    ratios = {round(b / a, 6) for a, b in zip(last.rates, last.rates[1:], strict=False)}
    assert last.rates[0] == LOWEST
    assert ratios == {round(SPAN ** (1 / (STEPS - 1)), 6)}
    assert last.steps == STEPS


def test_the_curve_grows_by_one_step_at_a_time(losses):
    losses["loss"] = lambda step: 1.0

    found = list(range_test(CONFIG, quadrants()))

    assert [len(each.rates) for each in found] == list(range(1, STEPS + 1))
    assert isclose(found[-1].rates[-1], LOWEST * SPAN)
    assert all(isclose(loss, 1.0) for loss in found[-1].losses)  # no pull towards 0 at the start
    assert found[-1].suggested is None


def test_a_quarter_of_the_rate_at_the_lowest_loss_is_suggested(losses):
    losses["loss"] = valley

    *_, last = range_test(CONFIG, quadrants())

    lowest = last.losses.index(min(last.losses))
    assert 60 <= lowest <= 66  # smoothing comes a little late
    assert last.suggested == float(f"{last.rates[lowest] / 4:.2g}")


def test_it_ends_when_the_loss_is_four_times_its_minimum(losses):
    losses["loss"] = lambda step: 1.0 if step < 50 else 100.0

    *_, last = range_test(CONFIG, quadrants())

    assert len(last.rates) == 50


@pytest.mark.parametrize("number", [float("nan"), float("inf")])
def test_it_ends_at_a_loss_that_is_no_number(losses, number):
    losses["loss"] = lambda step: valley(step) if step < 70 else number

    *_, last = range_test(CONFIG, quadrants())

    assert len(last.rates) == 70
    assert last.suggested


@pytest.mark.parametrize(
    ("curve", "suggested"),
    [
        ([2.3, 2.0, 1.0, 0.5, 3.0], 25.0),
        ([2.3, 2.2, 2.19, 2.25, 2.3], None),  # chance
        ([2.7, 2.5, 2.35, 2.32, 2.6], None),  # it has learnt to guess, as sigmoid does first
        ([2.3, 2.5, 3.0, 4.0, 8.0], None),
        ([2.3], None),
    ],
)
def test_a_suggestion_needs_a_loss_that_falls(curve, suggested):
    assert suggestion([10.0**place / 10 for place in range(len(curve))], curve, math.log(10)) == suggested


def test_settings_of_a_whole_run_do_not_matter():
    """A schedule, a validation share and the run's own rate would change the curve, or the images."""
    config = CONFIG.change(learning_rate=5.0, schedule="one-cycle", cycle_momentum=True, validation_share=0.5, epochs=1, patience=1)

    *_, plain = range_test(CONFIG, quadrants())
    *_, other = range_test(config, quadrants())

    assert other == plain


def test_the_same_seed_gives_the_same_curve_whatever_was_drawn_before():
    *_, first = range_test(CONFIG, quadrants())
    torch.rand(7)
    *_, second = range_test(CONFIG, quadrants())
    *_, another = range_test(CONFIG.change(seed=1), quadrants())

    assert first == second != another


def test_where_steps_are_slow_there_are_fewer_of_them():
    ticks = iter(range(1_000))

    *_, last = range_test(CONFIG, quadrants(), seconds=60, clock=lambda: next(ticks))

    assert last.steps == 60
    assert isclose(last.rates[-1], LOWEST * SPAN) or len(last.rates) < 60


def test_where_too_few_steps_have_time_it_says_what_to_do():
    ticks = iter(range(1_000))

    with pytest.raises(ComputeError, match=r"A step of this network takes 1\.0 s here.*smaller batch size"):
        next(range_test(CONFIG, quadrants(), seconds=FEWEST_STEPS - 1, clock=lambda: next(ticks)))


@pytest.mark.parametrize("optimizer", ["sgd", "adam", "adamw", "rmsprop"])
def test_every_optimiser_has_a_range(optimizer):
    first = next(range_test(CONFIG.change(optimizer=optimizer), quadrants()))

    assert first.rates == (LOWEST if optimizer == "sgd" else LOWEST_ADAPTIVE,)


def test_nothing_is_written(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    for _ in range_test(CONFIG, quadrants()):
        pass

    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("seed", range(3))
def test_the_rate_for_the_first_recipe_is_one_that_learns(seed, tmp_path, request):
    """LeNet-5 with ReLU on the bundled sample: after an epoch it is far above chance, which is 10 %."""
    if seed and not request.config.getoption("--slow"):
        pytest.skip("some seconds for each seed, of which one is tested always: --slow")
    config = presets()[0].config().change(device="cpu", seed=seed, epochs=1)
    data = load("sample", Places(tmp_path, None))

    *_, found = range_test(config, data)
    *_, ended = train(config.change(learning_rate=found.suggested), data)

    assert 0.005 <= found.suggested <= 0.1
    assert ended.test_accuracy > 0.3
