"""Recipes: each is a valid configuration, and the speed run follows its sources."""

from __future__ import annotations

import subprocess
import sys

import pytest

from cnnlab.architectures import cards
from cnnlab.presets import preset, presets
from cnnlab.training import optimizers


@pytest.mark.parametrize("recipe", presets(), ids=lambda recipe: recipe.name)
def test_a_recipe_says_all_that_differs_from_a_run_without_one(recipe):
    config = recipe.config()

    assert {name: getattr(config, name) for name in recipe.settings if name != "options"} == {
        name: value for name, value in recipe.settings.items() if name != "options"
    }
    assert recipe.settings.get("options", {}).items() <= config.options.items()
    assert recipe.note.endswith(".")


# Architecture, data, optimiser, rate, batch and epochs, as in the notebooks of the course and in the speed run's source, and those
# of the recipes that are named for an accuracy.
SOURCES = {
    "lenet-sample": ("lenet", "sample", "sgd", 0.1, 64, 10),
    "lenet-fashion-mnist": ("lenet", "fashion-mnist", "sgd", 0.9, 256, 10),
    "lenet-mnist": ("lenet", "mnist", "sgd", 0.5, 100, 16),
    "alexnet-fashion-mnist": ("alexnet", "fashion-mnist", "adam", 0.001, 16, 3),
    "vgg-fashion-mnist": ("vgg", "fashion-mnist", "adam", 0.001, 16, 5),
    "nin-fashion-mnist": ("nin", "fashion-mnist", "adam", 0.002, 128, 5),
    "googlenet-fashion-mnist": ("googlenet", "fashion-mnist", "adam", 0.001, 16, 5),
    "resnet-cifar10": ("course-resnet", "cifar10", "sgd", 0.9, 100, 10),
    "mnist-99": ("custom", "mnist", "sgd", 0.2, 128, 1),
    "mnist-99-4": ("custom", "mnist", "sgd", 0.2, 128, 3),
    "fashion-90": ("lenet", "fashion-mnist", "sgd", 0.2, 128, 3),
    "fashion-92": ("lenet", "fashion-mnist", "sgd", 0.2, 128, 6),
    "fashion-93": ("custom", "fashion-mnist", "sgd", 0.2, 128, 5),
    "cifar10-70": ("resnet9", "cifar10", "sgd", 0.2, 64, 3),
    "cifar10-80": ("resnet9", "cifar10", "sgd", 0.2, 64, 5),
    "cifar10-85": ("resnet9", "cifar10", "sgd", 0.2, 64, 12),
    "fine-tune": ("torchvision", "cifar10", "adam", 0.001, 32, 10),
    "speed-run": ("resnet9", "cifar10", "sgd", 0.4, 512, 24),
}


def test_each_recipe_has_the_settings_of_its_source():
    configs = {recipe.name: recipe.config() for recipe in presets()}

    assert {
        name: (c.architecture, c.dataset, c.optimizer, c.learning_rate, c.batch_size, c.epochs) for name, c in configs.items()
    } == SOURCES


def test_names_and_titles_are_each_used_once():
    assert len({recipe.name for recipe in presets()}) == len({recipe.title for recipe in presets()}) == len(presets())


def test_every_family_but_the_baseline_and_the_densest_has_a_recipe():
    assert {card.name for card in cards()} - {recipe.config().architecture for recipe in presets()} == {"mlp", "resnet", "densenet"}


def test_the_speed_run_rises_to_its_rate_and_ends_near_nothing():
    config = preset("speed-run").config()
    batches = -(-50_000 // config.batch_size)

    rates = [config.learning_rate * optimizers.factor(config, step, batches) for step in range(config.epochs * batches)]

    assert len(rates) == 24 * 98
    assert max(rates) == pytest.approx(0.4, rel=1e-4)
    assert rates[0] < 0.05
    assert rates[-1] < 1e-4
    assert 0.2 < rates.index(max(rates)) / len(rates) < 0.35


def test_recipes_are_read_where_only_torch_is_installed():
    reads = "from cnnlab.presets import preset; print(preset('speed-run').settings['epochs'])"
    program = f"import sys; sys.modules['pydantic'] = None; {reads}"

    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)

    assert done.stdout == "24\n", done.stderr
