"""A twin differs in what was changed and in nothing else, and no run is trained twice."""

from __future__ import annotations

from contextlib import suppress

import pytest
from test_comparison import CONFIG, run

from cnnlab.config_words import changed, settings
from cnnlab.errors import ConfigError
from cnnlab.reports.comparison import LABEL_LENGTH
from cnnlab.runs.records import State
from cnnlab.twins import changeable, plan

ORIGINAL = run("0000000a", CONFIG.title, CONFIG.change(learning_rate=0.9))


def test_every_setting_that_has_an_effect_can_be_changed_but_not_network_data_device_and_seed():
    config = CONFIG.change(optimizer="adam")

    found = changeable(config)

    assert set(settings(config)) - set(found) == {
        *("architecture", "dataset", "device", "seed"),
        *("momentum", "nesterov"),  # Adam has none
        *("step_epochs", "step_factor", "warmup_epochs", "cycle_momentum"),  # of other schedules
    }
    assert {"learning_rate", "options.activation", "options.dropout", "horizontal_flip"} <= set(found)


WITH_MOMENTUM = CONFIG.change(momentum=0.5)


@pytest.mark.parametrize("name", changeable(WITH_MOMENTUM))
def test_a_twin_differs_in_the_setting_that_was_changed_alone(name):
    before = settings(WITH_MOMENTUM)
    for value in (not before[name], "relu", "max", "adam", "half", "cosine", "kaiming", "tf32", 1, 3, 0.25, (5, 6), (4,)):
        with suppress(ConfigError):
            twin = settings(changed(WITH_MOMENTUM, {name: value}))
            if twin != before:
                break

    assert {key for key, value in twin.items() if value != before[key]} == {name}


def test_a_value_that_is_not_allowed_is_refused_in_a_sentence():
    with pytest.raises(ConfigError, match="learning_rate must be a number"):
        changed(CONFIG, {"learning_rate": -1})
    with pytest.raises(ConfigError, match="dropout"):
        changed(CONFIG, {"options.dropout": 2.0})


def test_a_switch_that_has_no_effect_any_more_is_in_nobody_s_way():
    config = CONFIG.change(momentum=0.9, nesterov=True)

    twin = changed(config, {"optimizer": "adam"})

    assert (twin.optimizer, twin.nesterov) == ("adam", False)
    with pytest.raises(ConfigError, match="nesterov needs"):
        changed(config, {"momentum": 0.0})


def test_the_name_of_a_twin_says_what_differs_and_a_legend_has_room_for_it():
    (twin,) = plan(ORIGINAL, changed(ORIGINAL.config, {"learning_rate": 0.1}), []).twins

    assert twin.name == "LeNet-5, learning rate 0.1 instead of 0.9"
    assert len(twin.name) <= LABEL_LENGTH


def test_a_run_with_a_name_of_its_own_gives_it_to_its_twin():
    both = changed(ORIGINAL.config, {"options.activation": "tanh", "batch_size": 64})

    (twin,) = plan(run("0000000a", "my try", ORIGINAL.config), both, []).twins

    assert twin.name == "my try, batch size 64 instead of 256, activation tanh instead of sigmoid"
    (twin,) = plan(run("0000000a", "x" * 500, ORIGINAL.config), both, []).twins
    assert len(twin.name) < 200


def test_one_run_is_missing_for_a_comparison_and_five_with_three_seeds_each():
    twin = changed(ORIGINAL.config, {"learning_rate": 0.1})

    assert [each.config.learning_rate for each in plan(ORIGINAL, twin, [ORIGINAL]).missing] == [0.1]
    three = plan(ORIGINAL, twin, [ORIGINAL], seeds=3)
    assert [(each.config.learning_rate, each.config.seed) for each in three.missing] == [
        (0.1, 0), (0.9, 1), (0.1, 1), (0.9, 2), (0.1, 2),
    ]  # fmt: skip
    assert [each.known for each in three.originals] == ["0000000a", "", ""]
    assert [each.name for each in three.twins][1:] == [f"LeNet-5, learning rate 0.1 instead of 0.9, seed {seed}" for seed in (1, 2)]


@pytest.mark.parametrize(
    ("state", "known"),
    [(State.FINISHED, True), (State.QUEUED, True), (State.RUNNING, True), (State.FAILED, False), (State.STOPPED, False)],
)
def test_a_run_with_the_same_settings_is_not_trained_again_unless_it_broke_off(state, known):
    twin = changed(ORIGINAL.config, {"learning_rate": 0.1})
    there = run("0000000b", "b", twin, state=state)

    assert [each.known for each in plan(ORIGINAL, twin, [there]).twins] == ["0000000b" if known else ""]


def test_the_original_is_one_side_whatever_became_of_it():
    stopped = run("0000000a", "a", CONFIG, state=State.STOPPED)

    assert plan(stopped, changed(CONFIG, {"epochs": 5}), [run("0000000b", "b", CONFIG)]).originals[0].known == "0000000a"


def test_the_largest_seed_is_followed_by_the_smallest():
    last = run("0000000a", "a", CONFIG.change(seed=2**31 - 1))

    assert [each.config.seed for each in plan(last, last.config.change(epochs=9), [], seeds=3).twins] == [2**31 - 1, 0, 1]
