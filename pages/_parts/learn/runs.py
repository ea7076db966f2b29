"""A learner's own runs of an experiment: which they are, and how they stand beside the ones that were measured."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress

from cnnlab import datasets
from cnnlab.config import RunConfig
from cnnlab.config_words import settings
from cnnlab.datasets.catalogue import images_used
from cnnlab.errors import CNNLabError
from cnnlab.lab import Lab
from cnnlab.learn.bands import Comparison, Result, compare, same_experiment
from cnnlab.learn.lesson import Band, Experiment, Lesson
from cnnlab.runs.summaries import Summary
from pages._parts.forms.link import config_of
from pages._parts.visitor import visitor

MOST_COMPARED = 5  # own runs whose epochs are read


def config_of_experiment(lab: Lab, experiment: Experiment) -> RunConfig:
    """The run that an experiment of the page Train starts. Raises ConfigError."""
    return config_of(experiment.parameters, {recipe.name: recipe for recipe in lab.presets()})


def own_runs_of(lab: Lab, config: RunConfig) -> list[Summary]:
    """The visitor's runs of this experiment, newest first, wherever they were started; the seed and the device do not matter."""
    wanted, owner = settings(config), visitor()
    found = []
    for run in lab.summaries().runs:
        # Cheap first: there may be ten thousand, and reading settings costs more.
        if (run.owner, run.architecture, run.dataset, run.epochs) != (owner, config.architecture, config.dataset, config.epochs):
            continue
        with suppress(CNNLabError):  # a run of another version, whose settings cannot be read
            if same_experiment(wanted, run.settings):
                found.append(run)
    return found


def own_runs_of_lesson(lab: Lab, lesson: Lesson) -> list[Summary]:
    """The newest run with a result of each experiment of the lesson, in its order."""
    newest = {}
    for experiment in lesson.header.experiment:
        if experiment.page == "train":
            with suppress(CNNLabError):
                runs = own_runs_of(lab, config_of_experiment(lab, experiment))
                newest |= {run.id: run for run in [each for each in runs if each.epochs_done][:1]}
    return list(newest.values())


def beside(lab: Lab, band: Band, runs: Sequence[Summary]) -> Comparison | None:
    """The newest of these runs, and the other whole ones, beside the band; None where none has a result yet. Raises CNNLabError."""
    trained = [run for run in runs if run.epochs_done]
    if not trained:
        return None
    latest, *others = trained
    seeds = {latest.settings["seed"]: latest}
    for run in others:
        if run.epochs_done >= run.epochs:
            seeds.setdefault(run.settings["seed"], run)  # the same seed again is the same run
    results = [_result(lab, run) for run in list(seeds.values())[:MOST_COMPARED]]
    return compare(band, results[0], results[1:])


def next_seed(runs: Sequence[Summary], first: int) -> int:
    """The lowest seed from `first` on that none of these runs has."""
    used = {run.settings["seed"] for run in runs}
    return next(seed for seed in range(first, first + len(used) + 1) if seed not in used)


def _result(lab: Lab, run: Summary) -> Result:
    entry = datasets.entry(run.dataset)
    _, test_images = images_used(entry.train_images, entry.test_images, 1.0, run.settings["limit"])
    return Result(lab.epochs(run.id), run.epochs, len(entry.classes), test_images)
