"""The pages of results: what their tables make of recorded runs."""

from __future__ import annotations

import json

import pytest

from benchmarks import course_results, large_recipes
from benchmarks.results_page import RECORDS
from cnnlab import presets

MACHINE = {"when": "2026-11-26", "cpu": "A CPU, 2 cores", "python": "3.11.7", "torch": "2.14.1"}


@pytest.mark.parametrize("group", course_results.GROUPS)
def test_each_recipe_of_the_course_is_one_command_that_can_be_repeated(group):
    _, _, recipes = course_results.GROUPS[group]
    for recipe in recipes:
        assert presets.preset(recipe.preset).settings.get("architecture", "lenet") == recipe.architecture
        assert f"train {recipe.architecture} --recipe {recipe.preset} --seed 2" in " ".join(course_results.command(recipe, 2))


def test_the_recorded_runs_of_the_course_are_on_the_page_as_they_are():
    name, _, recipes = course_results.GROUPS["lenet"]
    record = json.loads((RECORDS / f"{name}.json").read_text(encoding="utf-8"))

    text = course_results.render(record, recipes)

    assert text.count("\n| ") == len(recipes) * (1 + len(course_results.SEEDS))  # with a heading each
    assert "| 0 | 0.4710 | 0.8230 | 0.8018 | 0.8018 (10) | 1 | 4.3 (4.0–4.5) |" in text


def test_a_forecast_stands_beside_the_time_that_the_run_took():
    run = {
        "preset": "alexnet-fashion-mnist", "title": "AlexNet on Fashion-MNIST", "limit": 3_000, "epochs": 2, "forecast": 90.0,
        "memory": 2_000_000_000, "clock": [50.0, 100.0], "accuracies": [0.5, 0.75], "notices": [],
    }  # fmt: skip
    ended = {**run, "skipped": "the run ended early: out of memory"}

    text = large_recipes.render({"machine": MACHINE, "runs": [run, ended, {**run, "forecast": None}]})

    rows = [line for line in text.splitlines() if line.startswith("| AlexNet")]
    assert rows[0] == "| AlexNet on Fashion-MNIST | 3,000 | 2 | 1:30 | 1:40 | -10 % | 2 GB | 50.0 % · 75.0 % |"
    assert "ended early: out of memory" in rows[1]
    assert "not measured" in rows[2]


@pytest.mark.parametrize("case", large_recipes.CASES, ids=lambda case: case.preset)
def test_the_large_recipes_are_the_courses_with_fewer_images(case):
    config = presets.preset(case.preset).config(device="cpu")
    assert config.limit is None
    assert config.dataset == "fashion-mnist"
    assert config.image_size in (96, 224)
