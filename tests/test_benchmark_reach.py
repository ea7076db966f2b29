"""The benchmark of seconds to an accuracy: what counts as reached, in which unit, and that each goal has a recipe and a target."""

import json

import pytest
from quadrants import quadrants, settings

from benchmarks import contestants, reach
from benchmarks.reach_cases import Case, Goal
from benchmarks.targets import REACH
from cnnlab.events import Notice
from cnnlab.presets import preset
from cnnlab.training.compiling import Compiler

GOAL = Goal("mnist-99", 0.99, 1.0)
CASE = Case("mnist", "MNIST", "lenet-mnist", (GOAL,))


def answers(unit, *accuracies):
    """What fresh processes answer: an epoch of the course's loop takes `unit` seconds, an epoch of ours one."""

    def answer(job):
        if job["kind"] == "ours":
            found = accuracies[job["settings"]["seed"]]
            return {"source": "MNIST", "loading": 0.5, "clock": [1.0] * len(found), "accuracies": found, "notices": [], "more": 1}
        return {"seconds": [unit] * job["epochs"], "accuracies": [0.1] * job["epochs"]}

    return answer


def measured(monkeypatch, unit, *accuracies, rivals=False):
    monkeypatch.setattr(reach, "answer", answers(unit, *accuracies))
    way = reach.Way({"home": "", "data": None}, None, tuple(range(len(accuracies))), rivals)
    return json.loads(json.dumps(reach._case(CASE, way, "")))


def test_an_accuracy_is_reached_with_the_first_epoch_at_it_loading_included(monkeypatch):
    case = measured(monkeypatch, 2.0, [0.5, 0.99, 0.98, 0.995], [0.5, 0.9, 0.98, 0.99], [0.1] * 4)

    runs = [turn["runs"]["mnist-99"] for turn in case["rounds"]]
    assert [reach.reached(run, 0.99) for run in runs] == [2.5, 4.5, None]
    assert list(reach._in_units(case, case["goals"][0])) == [1.25, 2.25]
    assert dict(reach._targets(case)) == {"mnist_99": 2.25}  # the median of three seeds, of which one never gets there
    shown = reach.render({"cases": [case]})
    assert "| `mnist-99` | 99 % | 2 of 3 | 3.50 s (2.50–4.50, n = 2) | 1.75× (1.25–2.25, n = 2), goal 1.00 | " in shown


def test_a_goal_that_most_seeds_miss_has_no_time(monkeypatch):
    case = measured(monkeypatch, 2.0, [0.99], [0.5], [0.6])

    assert dict(reach._targets(case)) == {}
    assert "| 1 of 3 |" in reach.render({"cases": [case]})


def test_the_whole_recipe_of_the_course_stands_beside_ours(monkeypatch):
    case = measured(monkeypatch, 2.0, [0.99], rivals=True)

    epochs = preset("lenet-mnist").settings["epochs"]
    assert {kind: len(runs[0]["seconds"]) for kind, runs in case["rivals"].items()} == {"course": epochs, "tidy": epochs}
    assert "| d2l's loop, the same recipe | 99 % | 0 of 1 | – | 0.1000 |" in reach.render({"cases": [case]})


def test_a_run_that_failed_reaches_nothing(monkeypatch):
    monkeypatch.setattr(reach, "answer", lambda job: {"skipped": "failed"} if job["kind"] == "ours" else {"seconds": [1.0]})
    case = reach._case(CASE, reach.Way({}, None, (0,), rivals=False), "")

    assert "| 0 of 1 | – | –, goal 1.00 | – |" in reach.render({"cases": [case]})


def test_each_goal_has_its_recipe_its_target_and_the_accuracy_in_its_title():
    goals = [(case, goal) for case in reach.CASES for goal in case.goals]

    assert [goal.target for _, goal in goals] == [target.name for target in REACH]
    assert [goal.epochs for _, goal in goals] == [target.bound for target in REACH]
    for case, goal in goals:
        recipe = preset(goal.preset)
        assert recipe.config().dataset == case.data == preset(case.course).config().dataset
        assert recipe.reaches.removeprefix("about ") == f"{100 * goal.accuracy:g} %"
        assert recipe.title.startswith(recipe.reaches.removeprefix("about "))


@pytest.mark.parametrize("name", [goal.preset for case in reach.CASES if case.data == "mnist" for goal in case.goals])
def test_no_digit_is_mirrored(name):
    assert not preset(name).config().horizontal_flip


def test_compiling_beforehand_waits_until_the_compiler_has_decided(monkeypatch, tmp_path):
    decisions = [None, Notice("compiled", 0, "The network is compiled and 2.0 times as fast from here on.")]
    monkeypatch.setattr(Compiler, "poll", lambda _self, _left: decisions.pop(0))
    monkeypatch.setattr(contestants.time, "sleep", lambda _: None)

    found = contestants.compiling(settings(compile=True, batch_size=20), quadrants(), tmp_path)

    assert found["notice"].startswith("The network is compiled")
    assert decisions == []


def test_the_small_version_trains_a_recipe_and_its_rivals(request):
    if not request.config.getoption("--slow"):
        pytest.skip("four fresh processes with torch, half a minute: --slow")
    record = json.loads(json.dumps(reach.measure(True, 1)))

    (case,) = record["cases"]
    assert case["rounds"][0]["unit"] > 0
    assert len(case["rounds"][0]["runs"]["lenet-sample"]["clock"]) == 2
    assert "seconds to an accuracy" in reach.render(record)
