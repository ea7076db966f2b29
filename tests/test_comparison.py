"""Runs side by side: differences, seeds as one line, best trade-offs."""

from __future__ import annotations

from math import isclose, nan

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cnnlab.config import RunConfig
from cnnlab.events import EpochDone
from cnnlab.reports.comparison import Point, differences, groups, labels, lines, pareto_front, points, settings
from cnnlab.runs.records import Run, State

CONFIG = RunConfig.make(epochs=3)


def run(run_id="0000000a", name="a", config=CONFIG, best=0.5, **fields) -> Run:
    values = {
        "started": 1.0,
        "ended": 2.0,
        "device": "cpu",
        "message": "",
        "epochs_done": 3,
        "train_loss": 1.0,
        "train_accuracy": 0.5,
    }
    values |= {"test_accuracy": best, "best_test_accuracy": best, "parameters": 100, "seconds": 6.0, "created": 0.0}
    return Run(**values | {"id": run_id, "name": name, "state": State.FINISHED, "config": config} | fields)


def epochs(*accuracies, seconds=2.0) -> tuple[EpochDone, ...]:
    return tuple(
        EpochDone(number, number, 1.0, 0.5, 1.0, accuracy, 0.1, seconds, 0.1, 1.0, 0.1)
        for number, accuracy in enumerate(accuracies, 1)
    )


def test_only_what_differs_is_named_with_the_value_of_each():
    found = differences([CONFIG, CONFIG.change(learning_rate=0.5), CONFIG.change(seed=3)])

    assert [(each.field, each.values) for each in found] == [("learning_rate", ("0.1", "0.5", "0.1")), ("seed", ("0", "0", "3"))]
    assert found[0].title == "Learning rate"


def test_settings_of_different_networks_are_absent_from_each_other():
    found = {each.field: each.values for each in differences([CONFIG, RunConfig.make(architecture="mlp", epochs=3)])}

    assert found["architecture"] == ("LeNet-5", "MLP")
    assert found["options.pooling"][1] == "–"


def test_equal_configurations_do_not_differ():
    assert differences([CONFIG, RunConfig.from_json(CONFIG.to_json())]) == ()
    assert differences([CONFIG]) == ()
    assert differences([]) == ()


def test_every_setting_has_a_name_and_is_compared():
    assert set(settings(CONFIG)) >= set(RunConfig.model_fields) - {"options"}


def test_namesakes_are_told_apart_by_what_differs_and_else_by_their_ids():
    named = labels([run("1", "x"), run("2", "x", CONFIG.change(seed=7)), run("3", "y"), run("4", "z"), run("5", "z")])

    assert named == ("x · seed 0", "x · seed 7", "y", "z · 4", "z · 5")


def test_a_long_name_is_cut_in_a_legend_and_stays_unlike_others():
    named = labels([run("1", "n" * 10_000 + "1"), run("2", "n" * 10_000 + "2")])

    assert len(set(named)) == 2
    assert all(len(each) < 100 for each in named)


def test_seeds_of_one_configuration_belong_together_and_nothing_else_does():
    runs = [run("1"), run("2", config=CONFIG.change(seed=1)), run("3", config=CONFIG.change(epochs=4))]

    assert [[each.id for each in group] for group in groups(runs)] == [["1", "2"], ["3"]]


def test_folded_seeds_are_a_mean_with_one_standard_deviation_as_far_as_all_have_come():
    runs = [run("1"), run("2", config=CONFIG.change(seed=1))]
    curves = {"1": epochs(0.2, 0.4, 0.9), "2": epochs(0.4, 0.8, seconds=4.0)}

    (line,) = lines(runs, curves, "test_accuracy", fold=True)

    assert line.label == "a (2 seeds)"
    assert line.epochs == (1, 2)
    assert line.seconds == (3.0, 6.0)
    assert line.values == pytest.approx((0.3, 0.6))
    # two values d apart have a sample deviation of d/√2
    assert line.high[0] - line.values[0] == pytest.approx(0.2 / 2**0.5)
    assert line.values[1] - line.low[1] == pytest.approx(0.4 / 2**0.5)


def test_unfolded_each_run_is_a_line_without_a_band_and_one_without_an_epoch_has_none():
    runs = [run("1"), run("2", "b"), run("3", "c")]

    found = lines(runs, {"1": epochs(0.2, nan), "2": epochs(0.3)}, "test_accuracy", fold=False)

    assert [each.label for each in found] == ["a", "b"]
    assert not any(each.folded for each in found)
    assert found[1].low == found[1].high == (0.3,)


def test_a_point_is_the_mean_of_its_seeds_and_a_run_without_a_result_has_none():
    runs = [
        run("1", best=0.6),
        run("2", config=CONFIG.change(seed=1), best=0.8),
        run("3", "other", CONFIG.change(epochs=9), best=None),
    ]

    (point,) = points(runs, {"1": 10, "2": 20}, fold=True)

    assert (point.cost, isclose(point.accuracy, 0.7), point.spread > 0) == (15, True, True)


def test_the_front_is_what_nothing_beats():
    cheap, good, best, beaten, unknown = (
        Point("cheap", 1, 0.5, 0),
        Point("good", 2, 0.7, 0),
        Point("best", 9, 0.9, 0),
        Point("beaten", 3, 0.6, 0),
        Point("unknown", None, 0.99, 0),
    )

    assert pareto_front([best, beaten, unknown, cheap, good]) == (cheap, good, best)


@given(st.lists(st.tuples(st.integers(1, 6), st.integers(0, 6)), max_size=12))
def test_the_front_by_its_definition(values):
    candidates = [Point(str(place), cost, accuracy, 0) for place, (cost, accuracy) in enumerate(values)]

    front = {point.label for point in pareto_front(candidates)}

    for one in candidates:
        beaten = any(
            other.cost <= one.cost and other.accuracy >= one.accuracy and (other.cost, other.accuracy) != (one.cost, one.accuracy)
            for other in candidates
        )
        assert (one.label in front) is not beaten
