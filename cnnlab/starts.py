"""Settings to start from: for each architecture and data set, ones that are known to learn within minutes on a laptop's CPU.

Needs no torch. What a network looks like is its designer's choice: `start` keeps a design and chooses how to train it. Where there
is no design yet, it may choose a narrower network and smaller images than the paper's, because those take hours without a GPU.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from cnnlab import datasets
from cnnlab.architectures import card
from cnnlab.config import RunConfig

_ADAM = {"optimizer": "adam", "learning_rate": 0.001}
_SGD = {"optimizer": "sgd", "learning_rate": 0.1}
_KAIMING = {"initialization": "kaiming"}
_XAVIER = {"initialization": "xavier-uniform"}
# How each architecture is trained: the optimiser and its rate, the batch and the initial weights.
_TRAINING: dict[str, dict[str, Any]] = {
    "mlp": _SGD | _XAVIER,
    "lenet": _SGD | _XAVIER,
    "alexnet": _ADAM | _KAIMING,
    "vgg": _ADAM | _KAIMING,
    "nin": _ADAM | _KAIMING,
    "googlenet": _ADAM | _KAIMING,
    "resnet": _ADAM | _KAIMING,
    "course-resnet": _ADAM | _KAIMING,
    "densenet": _ADAM | _KAIMING,
    "resnet9": _ADAM | _KAIMING,
}
# The network where nobody has designed one: its options and image size.
_NETWORK: dict[str, tuple[dict[str, Any], int]] = {
    "alexnet": ({"width_divisor": 8}, 67),
    "vgg": ({"width_divisor": 8}, 32),
    "nin": ({"width_divisor": 8}, 67),
    "googlenet": ({"width_divisor": 8}, 28),
    "resnet": ({"width_divisor": 8}, 28),
    "resnet9": ({"width": 16}, 32),
}
_QUICK = ("mlp", "lenet")  # they train on whole data sets; the others on as many images as the sample has


@dataclass(frozen=True, slots=True)
class Start:
    """`source` is one sentence for the user: where the settings are from."""

    config: RunConfig
    source: str


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
    network = {"architecture": architecture, "dataset": dataset, "image_size": image_size, "channels": channels}
    chosen = RunConfig.make(**network, options=dict(options or {}))
    return Start(chosen.change(**_training(chosen)), _source(chosen))


def _training(network: RunConfig) -> dict[str, Any]:
    settings = {"batch_size": 64} | _TRAINING[network.architecture]
    large = datasets.entry(network.dataset).train_images > 10_000
    if network.architecture in _QUICK and network.options["activation"] == "sigmoid":
        return settings | {"learning_rate": 0.9, "epochs": 20 if not large else 5}
    if network.architecture in _QUICK:
        return settings | {"epochs": 10 if not large else 3}
    return settings | {"epochs": 3, "limit": 6_000 if large else None}


def _source(network: RunConfig) -> str:
    return f"Settings with which {card(network.architecture).title} learns; not measured yet."
