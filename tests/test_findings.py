"""Which of several runs was better, in words: never more than the figures say."""

from __future__ import annotations

from random import Random

import pytest
from test_comparison import CONFIG, run

from cnnlab.architectures.own import editing
from cnnlab.architectures.own.templates import template
from cnnlab.intervals import chance_gap
from cnnlab.reports.comparison import differences
from cnnlab.reports.findings import against, finding, undecided
from cnnlab.runs.records import State
from pages._parts.runs.compare import _by_field


def test_the_best_run_is_named_with_its_lead_and_the_one_setting_behind_it():
    text = finding([run("1", "slow", best=0.6), run("2", "fast", CONFIG.change(learning_rate=0.5), best=0.8)])

    assert text == (
        "“fast” reached 80.0 % test accuracy at its best epoch, 20.0 points above “slow” (60.0 %). "
        "That is more than the 3.9 points that chance alone can make with 1,000 test images. "
        "Another seed would move both a little, too. They differ in one setting: learning rate 0.5 instead of 0.1."
    )


def seeds(change, *accuracies, name="", **fields):
    """Runs with the seeds 0, 1, … that reached these accuracies."""
    name = name or ", ".join(f"{key} {value}" for key, value in change.items()) or "usual"
    return [
        run(f"{name}{seed}", f"{name}, seed {seed}", CONFIG.change(seed=seed, **change), best=reached, **fields)
        for seed, reached in enumerate(accuracies)
    ]


def test_a_gap_within_what_chance_makes_is_called_so():
    one, other = run("1", "a", best=0.8), run("2", "b", CONFIG.change(epochs=9), best=0.82)

    assert (
        "2.0 points above “a” (80.0 %). That is not more than the 3.4 points that chance alone can make with 1,000 test images, "
        "and the seed adds to it: train three seeds of each to know. They differ in one setting"
    ) in finding([one, other])
    assert undecided([one, other]) == (other, one)


@pytest.mark.parametrize(
    ("settings", "best"),
    [
        ({"epochs": 9}, 0.9),  # more than chance makes
        ({"seed": 4}, 0.81),  # nothing but chance
        ({"dataset": "mnist"}, 0.81),  # tested on other images
        ({"epochs": 9}, None),  # no result
    ],
)
def test_more_seeds_are_asked_for_only_where_they_would_tell_something(settings, best):
    runs = [run("1", "a", best=0.8), run("2", "b", CONFIG.change(**settings), best=best)]

    assert undecided(runs) is None
    assert "three seeds" not in finding(runs)


def test_fewer_test_images_leave_more_to_chance():
    small = CONFIG.change(limit=100)

    assert "10.6 points that chance alone can make with 100 test images" in finding(
        [run("1", "a", small, best=0.8), run("2", "b", small.change(epochs=9), best=0.85)]
    )
    assert "points that chance alone can make with 1,000 and 100 test images" in finding(
        [run("1", "a", best=0.85), run("2", "b", small, best=0.8)]
    )


def test_a_run_that_still_trains_is_no_finding_yet():
    going = run("2", "b", CONFIG.change(learning_rate=0.5), best=0.4, state=State.RUNNING, epochs_done=1)
    runs = [run("1", "a", best=0.8), going]

    assert "40.0 points above “b” (40.0 %). One of them has not ended (1 of 3 epochs), so this may change." in finding(runs)
    assert "chance" not in finding(runs)
    assert undecided(runs) is None


def test_seeds_of_two_settings_are_compared_by_mean_and_range():
    runs = [*seeds({}, 0.79, 0.8, 0.81), *seeds({"learning_rate": 0.5}, 0.82, 0.829, 0.815)]

    assert finding(runs) == (
        "“learning_rate 0.5, seed 0” reached a mean of 82.1 % (81.5–82.9 %, 3 seeds) test accuracy at the best epoch, "
        "2.1 points above the mean of “usual, seed 0”, 80.0 % (79.0–81.0 %, 3 seeds). The ranges do not overlap: "
        "if these settings made no difference, that would happen in 1 of 10 cases. "
        "They differ in one setting: learning rate 0.5 instead of 0.1."
    )
    assert undecided(runs) is None
    assert finding(runs, runs[1]) == finding(runs)
    assert finding(runs, runs[4]) == finding(runs)


def test_seeds_whose_ranges_overlap_may_differ_by_chance():
    runs = [*seeds({}, 0.79, 0.82), *seeds({"epochs": 9}, 0.80, 0.83), *seeds({"batch_size": 64}, 0.7, 0.71)]

    assert "The ranges overlap: seeds alone make differences like this one, so it may be chance." in finding(runs)
    assert "“batch_size 64, seed 0”, 70.5 %" in finding(runs, runs[5])


def test_seeds_that_still_train_are_counted():
    runs = [*seeds({}, 0.79, 0.82), *seeds({"epochs": 9}, 0.80, 0.83, state=State.RUNNING)]

    assert "2 of them have not ended (3 of 9 epochs), so this may change." in finding(runs)
    assert "overlap" not in finding(runs)


def test_a_seed_that_was_trained_twice_counts_once():
    twice = [*seeds({}, 0.79), run("again", "again", best=0.82)]

    assert "mean" not in finding([*twice, *seeds({"epochs": 9}, 0.6, 0.61)])


def test_one_of_several_seeds_is_compared_with_the_best_of_other_settings():
    text = finding([*seeds({"learning_rate": 0.5}, 0.9, 0.91), *seeds({}, 0.7)])

    assert "20 points" not in text
    assert "21.0 points above “usual, seed 0” (70.0 %)" in text


@pytest.mark.parametrize(
    ("shares", "images", "points"),
    [((0.8, 0.8), 1_000, 3.5), ((0.95, 0.95), 10_000, 0.6), ((1.0, 1.0), 1_000, 0.3), ((0.5, 0.5), 100, 13.7)],
)
def test_the_gap_by_chance_shrinks_with_more_images(shares, images, points):
    assert round(100 * chance_gap(shares[0], images, shares[1], images), 1) == points


def test_the_gap_by_chance_is_exceeded_as_often_as_it_says():
    """Two networks that are right on 80 % of all images, each tested on 500 others of its own, 2,000 times."""
    draw = Random(0)  # noqa: S311 - no secret
    reached = [[sum(draw.random() < 0.8 for _ in range(500)) / 500 for _ in range(2)] for _ in range(2_000)]

    beyond = sum(abs(first - second) > chance_gap(first, 500, second, 500) for first, second in reached)

    assert 0.03 < beyond / len(reached) < 0.07


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"seed": 4}, "differ in the seed alone, so the difference is chance"),
        ({"learning_rate": 0.5, "epochs": 9}, "differ in 2 settings (learning rate, epochs), so no single one of them explains it"),
        ({"dataset": "mnist"}, "was tested on other data, so their accuracies cannot be compared"),
        ({}, "All their settings are equal, seed included."),
    ],
)
def test_a_difference_is_blamed_on_a_setting_only_where_it_is_the_only_one(change, words):
    assert words in finding([run("1", "a", best=0.6), run("2", "b", CONFIG.change(**change), best=0.8)])


def test_the_name_of_an_own_network_is_no_cause():
    def on(network):
        return CONFIG.change(architecture="custom", options={"network": network.text})

    before, more = template("lenet"), {"channels": 12}
    wider = editing.changed(editing.changed(before, 0, **more), 3, **more).named("Wider")
    assert "They differ in 2 settings (row conv1, row conv2)" in finding(
        [run("a", "a", on(before), 0.6), run("b", "b", on(wider), 0.8)]
    )
    same = [run("a", "a", on(before), 0.6), run("b", "b", on(before.named("Another")), 0.8)]
    assert "All their settings are equal, seed included." in finding(same)
    assert _by_field(differences([each.config for each in same])) == {"options.network": "Network"}
    assert not _by_field(differences([on(before), on(wider.named(before.title))]))


def test_accuracies_that_look_equal_are_called_equal():
    assert "as accurate as" in finding([run("1", "a", best=0.8), run("2", "b", CONFIG.change(seed=1), best=0.8002)])


def test_runs_without_a_result_are_no_finding():
    assert finding([run(best=None), run("2", best=None)]) == ""
    assert finding([run(best=None), run("2", "b", best=0.5)]) == "“b” reached 50.0 % test accuracy at its best epoch."


def test_the_others_are_compared_with_the_baseline_that_comes_first():
    runs = [run("1", "a", best=0.6, seconds=10.0), run("2", "b", CONFIG.change(epochs=9), best=0.55, seconds=30.0)]

    base, other = against(runs, runs[0])

    assert (base.label, base.settings, base.change, base.better) == ("a", "the baseline", "", None)
    assert (other.accuracy, other.change, other.better, other.seconds) == ("55.0 %", "−5.0 points", False, "30 s (+20 s)")
    assert other.settings == "epochs 9 instead of 3"
    assert "“a” reached 60.0 %" in finding(runs, runs[1])
    assert finding(runs, runs[0]).startswith(
        "The baseline is the best of them: “a” reached 60.0 % test accuracy at its best epoch, 5.0 points above “b” (55.0 %)."
    )
    assert finding(runs[:1], runs[0]) == "The baseline is the best of them: “a” reached 60.0 % test accuracy at its best epoch."
