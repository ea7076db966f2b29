"""Settings to start from: for each architecture and data set, ones that are known to learn within minutes on a laptop's CPU.

Needs no torch. What a network looks like is its designer's choice: `start` keeps a design and chooses how to train it. Where there
is no design yet, it may choose a narrower network and smaller images than the paper's, because those take hours without a GPU.
`starts.json` holds what was measured (`python -m benchmarks.starts`), and every figure in a sentence is from there.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from cnnlab import datasets
from cnnlab.architectures import card, own_code, zoo
from cnnlab.architectures.own import Network, RowError, placed
from cnnlab.config import RunConfig
from cnnlab.i18n import nsay, say
from cnnlab.text import duration_text, percent

MEASURED = Path(__file__).with_name("starts.json")
_IGNORED = {"seed": 0, "device": "auto"}  # a measurement counts for every seed and device

_KAIMING = {"initialization": "kaiming", "normalization": "dataset"}
_SGD = {"optimizer": "sgd", "learning_rate": 0.1, "batch_size": 64}
_ADAM = {"optimizer": "adam", "learning_rate": 0.001, "batch_size": 32} | _KAIMING
# Sigmoid hardly passes a gradient on: a rate of 0.9 leaves 10 % after 470 to 1,100 steps, 0.1 stays there.
_SIGMOID = _SGD | {"learning_rate": 0.9}
_ADAM_LENET = {"optimizer": "adam", "learning_rate": 0.003, "batch_size": 64, "normalization": "dataset"}
# LeNet with sigmoid learns large data sets by the course's recipes; CIFAR-10, which has none, by Adam.
_SIGMOID_LENET: dict[str, dict[str, Any]] = {
    "sample": _SIGMOID | {"epochs": 20},
    "fashion-mnist": _SIGMOID | {"batch_size": 256, "epochs": 10},
    "mnist": _SIGMOID | {"learning_rate": 0.5, "batch_size": 100, "epochs": 16},
    "cifar10": _ADAM_LENET | {"epochs": 5},
}
# The network where nobody has designed one: its options and image size.
_NETWORK: dict[str, tuple[dict[str, Any], int]] = {
    "alexnet": ({"width_divisor": 8}, 67),
    "vgg": ({"width_divisor": 8}, 32),
    "nin": ({"width_divisor": 8, "batch_norm": True}, 67),  # without batch norm it often stays at 10 %
    "googlenet": ({"width_divisor": 8}, 32),
    "resnet": ({"width_divisor": 8}, 32),
    "densenet": ({"growth": 4}, 32),
    "resnet9": ({"width": 16}, 32),
    zoo.NAME: ({}, 64),
}
_SHALLOW = ("mlp", "lenet")  # quick enough for whole data sets
# A run of a deep network may take this many multiplications, about four minutes on two cores; few images then have to do.
_WORK = 6_000_000_000_000
_PASSES = 4  # forward and backward over a training image, forward over a test image
_MOST_IMAGES, _EPOCHS = 6_000, 5
_STEPS, _MOST_EPOCHS = 1_000, 30  # of a user's own data set, which may be small
# These do more besides multiplying: batch norm and additions over large maps.
_IMAGES = {"course-resnet": 2_000, "densenet": 1_000, "resnet9": 1_500}


@dataclass(frozen=True, slots=True)
class Start:
    """`source` is a sentence or two for the user: where the settings are from."""

    config: RunConfig
    source: str


@dataclass(frozen=True, slots=True)
class Outcome:
    """How far a run with one seed came until it had clearly left chance."""

    seed: int
    epochs: int
    steps: int
    test_accuracy: float
    test_images: int
    seconds: float  # of processor time on one core


@dataclass(frozen=True, slots=True)
class Measurement:
    config: RunConfig
    outcomes: tuple[Outcome, ...]


def start(
    architecture: str,
    dataset: str,
    *,
    options: Mapping[str, Any] | None = None,
    image_size: int | None = None,
    channels: int | None = None,
) -> Start:
    """Settings with which this network learns. Raises ConfigError for unknown names and wrong options.

    With `options`, `image_size` or `channels` the network is kept as it was designed; without them a small one is chosen.
    """
    if options is None and image_size is None and channels is None:
        options, image_size = _NETWORK.get(architecture, (None, None))
    network = RunConfig.make(
        architecture=architecture, dataset=dataset, options=dict(options or {}), image_size=image_size, channels=channels
    )
    config = network.change(**_training(network))
    return Start(config, _source(config))


@lru_cache(maxsize=1)
def measurements() -> tuple[Measurement, ...]:
    """What was measured, from the file beside this module."""
    recorded = json.loads(MEASURED.read_text(encoding="utf-8"))["starts"]
    return tuple(
        Measurement(RunConfig.make(**row["settings"]), tuple(Outcome(**outcome) for outcome in row["outcomes"])) for row in recorded
    )


def measurement(config: RunConfig) -> Measurement | None:
    """The measurement of exactly these settings, whatever the seed and the device."""
    wanted = config.change(**_IGNORED)
    return next((row for row in measurements() if row.config == wanted), None)


def _training(network: RunConfig) -> dict[str, Any]:
    """How to train this network: optimiser, rate, batch, initial weights, epochs and images."""
    entry = datasets.entry(network.dataset)
    sigmoid, large = network.options.get("activation") == "sigmoid", entry.train_images > _MOST_IMAGES
    if network.architecture == "lenet" and sigmoid:
        return _SIGMOID_LENET.get(network.dataset) or _ADAM_LENET | {"epochs": _enough_epochs(entry.train_images, 64)}
    if network.architecture in _SHALLOW:
        colour = {"learning_rate": 0.05, "normalization": "dataset"} if entry.channels == 3 else {}
        epochs = 5 if large else 10 if entry.format != "own" else _enough_epochs(entry.train_images, 64)
        return (_SIGMOID if sigmoid else _SGD) | {"epochs": epochs} | colour
    # At 0.001, with 1,000 images, five epochs reached 31.5 % (one seed).
    slow = network.architecture == "densenet" and entry.channels == 3
    most = 2_000 if slow else _IMAGES.get(network.architecture, _MOST_IMAGES)
    # A frozen backbone passes each image once: its features are kept, and further epochs cost next to nothing.
    frozen = network.architecture == zoo.NAME and not network.options["train_all"]
    epochs = 2 * _EPOCHS if frozen else _EPOCHS
    images = min(most, max(100, int(_WORK / (_macs(network) * (1 if frozen else _PASSES * epochs))) // 100 * 100))
    own = {"initialization": "pytorch"} if network.architecture == zoo.NAME else {}  # the weights that torchvision draws
    return (
        _ADAM
        | own
        | ({"learning_rate": 0.003} if slow else {})
        | {"epochs": epochs, "limit": None if images >= min(_MOST_IMAGES, entry.train_images) and not large else images}
    )


def _enough_epochs(images: int, batch: int) -> int:
    """So many epochs that a small data set is trained for about a thousand steps."""
    return min(_MOST_EPOCHS, max(_EPOCHS, -(-_STEPS * batch // max(1, images))))


def _macs(network: RunConfig) -> float:
    """About how many multiplications an image takes: the default network's, scaled by area and by the square of the width."""
    usual, options = card(network.architecture), network.options
    if network.architecture == own_code.NAME:
        return 1.0  # nothing is known of it here
    if network.architecture == zoo.NAME:
        chosen = zoo.network(options["model"])
        return chosen.gmacs * 1e9 * (network.input_shape[1] / chosen.size) ** 2
    if "network" in options:
        try:
            return sum(row.macs for row in placed(Network.read(options["network"]), network.input_shape, network.classes)) or 1
        except RowError:  # it cannot be trained anyway
            return usual.macs
    width = 1 / options.get("width_divisor", 1)
    for name in ("width", "growth"):
        if name in options:
            width = options[name] / next(option.default for option in usual.options if option.name == name)
    return usual.macs * (network.input_shape[1] / usual.input_shape[1]) ** 2 * width**2


def _source(config: RunConfig) -> str:
    exact = measurement(config)
    if exact:
        return say("These settings are known to learn: {result}.", result=_result(exact.outcomes))
    title, data = config.network, datasets.entry(config.dataset).title
    if "network" in config.options or config.architecture == own_code.NAME:
        return say(
            "{network} is your own, so nothing is measured: these are settings with which similar networks learn.", network=title
        )
    near = next((row for row in measurements() if _alike(row.config, config)), None)
    if near is None:
        return say(
            "Not measured for {network} on {dataset}: these are settings with which similar networks learn.",
            network=title, dataset=data,
        )  # fmt: skip
    return say(
        "Not measured for this design. Another {network} learned {dataset} with the same optimiser, rate and batch: {result}.",
        network=title, dataset=data, result=_result(near.outcomes),
    )  # fmt: skip


def _alike(one: RunConfig, other: RunConfig) -> bool:
    same = ("architecture", "dataset", "optimizer", "learning_rate", "batch_size", "initialization", "normalization")
    return all(getattr(one, name) == getattr(other, name) for name in same)


def _result(outcomes: tuple[Outcome, ...]) -> str:
    """What a measurement found: "with 2 seeds, 68.0 to 71.2 % of the test images were right after 1 epoch (94 steps …)"."""
    shares = [100 * outcome.test_accuracy for outcome in outcomes]
    low, high = min(shares), max(shares)
    right = percent(low / 100)
    if right != percent(high / 100):
        right = say("{low:.1f} % to {high:.1f} %", low=low, high=high)
    epochs, steps = _range([outcome.epochs for outcome in outcomes]), _range([outcome.steps for outcome in outcomes])
    facts = {"right": right, "epochs": epochs, "steps": steps, "time": duration_text(max(outcome.seconds for outcome in outcomes))}
    facts["seeds"] = nsay("{count} seed", "{count} seeds", len(outcomes), count=len(outcomes))
    if epochs == "1":
        return say(
            "with {seeds}, {right} of the test images were right after {epochs} epoch ({steps} steps, up to {time} on one "
            "processor core)", **facts,
        )  # fmt: skip
    return say(
        "with {seeds}, {right} of the test images were right after {epochs} epochs ({steps} steps, up to {time} on one "
        "processor core)", **facts,
    )  # fmt: skip


def _range(values: list[int]) -> str:
    low, high = min(values), max(values)
    return f"{low:,}" if low == high else say("{low:,} to {high:,}", low=low, high=high)
