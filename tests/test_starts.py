"""Starts: wherever one begins, the settings are known to learn, and the sentence beside them is true."""

from __future__ import annotations

import math
import re
import sys

import pytest
from threads import threads
from typer.testing import CliRunner

from benchmarks.starts import TIMES_CHANCE, lowest, outcome
from cnnlab import datasets
from cnnlab.architectures import card, cards
from cnnlab.cli import app
from cnnlab.config import RunConfig
from cnnlab.errors import ConfigError
from cnnlab.forecasts.forecast import SLOW_EPOCH
from cnnlab.starts import Outcome, _result, measurement, measurements, start
from cnnlab.text import percent

NAMES = [each.name for each in cards()]
SETS = [entry.name for entry in datasets.entries()]
# Combinations that nobody has measured yet: python -m benchmarks.starts measures them, and this set becomes empty.
NOT_YET: set[tuple[str, str]] = set()


def test_a_measurement_names_its_longest_time_and_its_whole_range():
    outcomes = (Outcome(1, 1, 94, 0.68, 1_000, 5.0), Outcome(2, 2, 188, 0.712, 1_000, 12.0))

    assert _result(outcomes) == (
        "with 2 seeds, 68.0 % to 71.2 % of the test images were right after 1 to 2 epochs "
        "(94 to 188 steps, up to 12 seconds on one processor core)"
    )


@pytest.mark.parametrize("row", measurements(), ids=lambda row: f"{row.config.architecture} {row.config.dataset}")
def test_what_was_measured_left_chance_in_the_time_that_a_forecast_calls_short(row):
    assert len({one.seed for one in row.outcomes}) == len(row.outcomes)
    for one in row.outcomes:
        assert lowest(one.test_accuracy, one.test_images) > TIMES_CHANCE / row.config.classes
        assert one.seconds <= SLOW_EPOCH


def test_what_was_measured_counts_for_every_seed_and_device():
    for row in measurements():
        assert measurement(row.config.change(seed=7, device="cpu")) is row


@pytest.mark.parametrize("dataset", SETS)
@pytest.mark.parametrize("name", NAMES)
def test_a_start_says_what_was_measured_or_that_nothing_was(name, dataset):
    begin = start(name, dataset)
    measured = measurement(begin.config)

    assert (begin.config.architecture, begin.config.dataset) == (name, dataset)
    assert begin.source.endswith(".")
    if measured is None:
        assert (name, dataset) in NOT_YET, "settings have changed since: python -m benchmarks.starts"
        assert begin.source.startswith("Not measured for ")
        return
    accuracies, steps = {each.test_accuracy for each in measured.outcomes}, {each.steps for each in measured.outcomes}
    seeds = f"{len(measured.outcomes)} seed{'s' if len(measured.outcomes) > 1 else ''}"
    assert begin.source.startswith(
        f"These settings are known to learn: with {seeds}, {percent(min(accuracies))}".removesuffix(" %")
    )
    assert percent(max(accuracies)) in begin.source
    assert all(f"{count:,}" in begin.source for count in (min(steps), max(steps)))


@pytest.mark.parametrize("dataset", SETS)
@pytest.mark.parametrize("name", NAMES)
def test_a_design_stays_as_it_is(name, dataset):
    usual = card(name)
    for options in ({}, {option.name: option.default for option in usual.options}, {"batch_norm": True}, {"activation": "tanh"}):
        begin = start(name, dataset, options=options, image_size=224, channels=3)

        assert begin.config.options == usual.settings(options)
        assert begin.config.input_shape == (3, 224, 224)
        exact = measurement(begin.config)
        assert begin.source.startswith("These settings are known to learn" if exact else "Not measured for ")


@pytest.mark.parametrize("name", NAMES)
def test_a_large_design_gets_so_few_images_that_it_ends_within_minutes(name):
    usual = card(name)
    config = start(name, "fashion-mnist", options={}, image_size=usual.input_shape[1]).config
    images, tests = config.limit or 60_000, config.limit or 10_000

    # 20 billion multiplications a second: two cores of a laptop.
    assert config.epochs * usual.macs * (3 * images + tests) / 20e9 <= SLOW_EPOCH or config.limit == 100


@pytest.mark.parametrize("dataset", SETS)
@pytest.mark.parametrize("name", NAMES)
def test_a_start_is_the_start_of_its_own_network(name, dataset):
    begin = start(name, dataset)
    config = begin.config

    assert start(name, dataset, options=config.options, image_size=config.image_size, channels=config.channels) == begin


def test_a_frozen_backbone_passes_each_image_once_so_it_begins_with_many():
    whole, frozen = (
        start("torchvision", "sample", image_size=224, options={"model": "resnet18", "train_all": train}).config
        for train in (True, False)
    )

    assert (whole.limit, frozen.limit) == (100, 3_300)
    assert frozen.epochs > whole.epochs


def test_lenet_has_the_rate_that_its_activation_needs():
    sigmoid, relu = (start("lenet", "sample", options={"activation": name}).config for name in ("sigmoid", "relu"))

    assert (sigmoid.learning_rate, sigmoid.batch_size, sigmoid.epochs) == (0.9, 64, 20)
    assert (relu.learning_rate, relu.batch_size) == (0.1, 64)


def test_unknown_names_are_refused_with_a_sentence():
    for arguments in ({"architecture": "lenett", "dataset": "sample"}, {"architecture": "lenet", "dataset": "imagenet"}):
        with pytest.raises(ConfigError, match="choose one of"):
            start(**arguments)
    with pytest.raises(ConfigError, match="has no option"):
        start("lenet", "sample", options={"colour": "red"})


@pytest.fixture
def one_thread():
    """Threads that wait for each other lose most of their time on a busy machine."""
    with threads(1):
        yield


@pytest.mark.parametrize(
    ("name", "options"), [("mlp", None), ("lenet", {"activation": "relu"}), ("alexnet", None)], ids=["mlp", "lenet", "alexnet"]
)
def test_from_its_start_a_network_leaves_chance_in_the_first_epoch(name, options, one_thread):
    config = start(name, "sample", options=options).config.change(epochs=1, limit=3_000, device="cpu")

    reached = outcome(config, None)

    assert lowest(reached["test_accuracy"], reached["test_images"]) > TIMES_CHANCE / 10


@pytest.mark.parametrize("name", NAMES)
def test_from_its_start_every_network_leaves_chance_on_the_sample(name, request):
    if not request.config.getoption("--slow"):
        pytest.skip("takes minutes: --slow")
    config = start(name, "sample").config.change(seed=2, device="cpu")

    reached = outcome(config, None)

    assert lowest(reached["test_accuracy"], reached["test_images"]) > TIMES_CHANCE / 10


# The command line


@pytest.fixture
def queued(tmp_path, monkeypatch):
    """What `train --queue` prints, and the configuration that it hands over."""
    handed: list[RunConfig] = []

    def hand_over(config, title, owner, home, own, *, source, as_json):
        handed.append(config)
        if source and not as_json:
            print(source)  # noqa: T201  # stands in for the command's own output

    monkeypatch.setattr(sys.modules["cnnlab.cli.train"], "_queue", hand_over)  # the package has a function of that name

    def call(*arguments: str) -> tuple[RunConfig, str]:
        result = CliRunner().invoke(app, ["train", *arguments, "--queue", "--home", str(tmp_path)], catch_exceptions=False)
        assert result.exit_code == 0, result.stderr
        return handed[-1], result.stdout

    return call


def test_train_begins_with_the_start_and_prints_where_it_is_from(queued):
    config, printed = queued("resnet", "--dataset", "sample", "--seed", "3")

    assert config == start("resnet", "sample").config.change(seed=3)
    assert printed == f"{start('resnet', 'sample').source} --plain starts from the plain defaults.\n"


def test_train_keeps_what_its_options_say(queued):
    config, _ = queued("lenet", "--dataset", "sample", "--set", "activation=relu", "--epochs", "2", "--image-size", "32")

    assert config == start("lenet", "sample", options={"activation": "relu"}, image_size=32).config.change(epochs=2)


def test_train_can_begin_with_the_plain_defaults(queued):
    config, printed = queued("resnet", "--dataset", "sample", "--plain", "--epochs", "2")

    assert config == RunConfig.make(architecture="resnet", dataset="sample", epochs=2)
    assert printed == ""


@pytest.mark.parametrize("chosen", [("--recipe", "lenet-sample"), ("--preset", "lenet-sample")])
def test_a_recipe_says_itself_where_its_settings_are_from(queued, chosen):
    assert queued(*chosen)[1] == ""


def test_the_interval_is_wilsons():
    assert math.isclose(lowest(0.5, 100), 0.4038, abs_tol=1e-4)
    assert lowest(0.3, 1_000) < 0.3 < lowest(0.35, 1_000)
    assert re.fullmatch(r"0\.\d+", f"{lowest(0.01, 10):.3f}")
