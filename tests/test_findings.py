"""Which of several runs was better, in words: never more than the figures say."""

from __future__ import annotations

import pytest
from test_comparison import CONFIG, run

from cnnlab.reports.findings import against, finding


def test_the_best_run_is_named_with_its_lead_and_the_one_setting_behind_it():
    text = finding([run("1", "slow", best=0.6), run("2", "fast", CONFIG.change(learning_rate=0.5), best=0.8)])

    assert text == (
        "“fast” reached 80.0 % test accuracy at its best epoch, 20.0 points above “slow” (60.0 %). "
        "They differ in one setting: learning rate 0.5 instead of 0.1."
    )


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
    assert finding(runs, runs[0]).startswith("The baseline is the best of them")
