"""The classification networks of torchvision, as torchvision builds them: an architecture whose first option is the network.

Three things differ from torchvision's own. The last layer has as many outputs as there are classes: it is the network's last dense
layer, in SqueezeNet, which has none, the last convolution. The first convolution takes as many channels as the images have. And no
layer works in place, so that each layer's own output can be looked at. Auxiliary outputs (GoogLeNet, Inception) are off.

Which networks there are, and the file of each one's weights, stands in `zoo.json`, because a page cannot load torchvision; a test
compares the two.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cnnlab.architectures import options as o
from cnnlab.architectures.registry import Shape, register
from cnnlab.errors import ConfigError, ShapeError
from cnnlab.i18n import N_, say
from cnnlab.text import shortened

if TYPE_CHECKING:
    from torch import nn

NAME = "torchvision"
RANDOM, PRETRAINED = "random", "pretrained"
FIXED = ("vit_", "maxvit_")  # have weights for each place of an image of their size
AUXILIARY = ("googlenet", "inception_v3")


@dataclass(frozen=True, slots=True)
class ZooNetwork:
    """What torchvision publishes of a network."""

    name: str
    size: int  # px a side of the images that it was trained on
    parameters: int  # with the 1,000 classes of ImageNet
    gmacs: float  # thousand million multiply-accumulates for an image of that size
    mebibytes: float  # of the file
    file: str  # with its pretrained weights; the digits behind the last hyphen begin the file's SHA-256

    @property
    def fixed(self) -> bool:
        """Whether it takes images of one size alone."""
        return self.name.startswith(FIXED)

    @property
    def bytes(self) -> int:
        """About the size of the file."""
        return round(self.mebibytes * 2**20)

    @property
    def checksum(self) -> str:
        """The first digits of the file's SHA-256."""
        return self.file.rpartition("-")[2].partition(".")[0]


@lru_cache(maxsize=1)
def networks() -> dict[str, ZooNetwork]:
    """All networks by name."""
    known = json.loads(Path(__file__).with_suffix(".json").read_text(encoding="utf-8"))
    return {name: ZooNetwork(name, **facts) for name, facts in known.items()}


def network(name: str) -> ZooNetwork:
    """The network called `name`. Raises ConfigError."""
    try:
        return networks()[name]
    except KeyError:
        message = say("torchvision has no classification network {name}; see the list on Design.", name=shortened(name))
        raise ConfigError(message, "options.model") from None


def pretrained(architecture: str, options: Any) -> ZooNetwork | None:
    """The network whose published weights a run with these options begins with; None where it begins with random ones."""
    begins = architecture == NAME and options.get("weights") == PRETRAINED
    return network(options["model"]) if begins else None


@register(
    NAME,
    title="torchvision",
    year=2016,
    paper="TorchVision maintainers and contributors (2016). TorchVision: PyTorch's computer vision library. GitHub.",
    summary="The networks that PyTorch users take from the shelf: with random weights, or with those learned from ImageNet.",
    input_shape=(3, 224, 224),
    usual_size=N_("the usual size of these networks"),
    parameters=11_181_642,
    macs=1_813_566_464,
    family=False,
    foreign=True,
    naming=lambda options: str(options["model"]),
    options=(
        o.Option(
            "model",
            "Network",
            "choice",
            "resnet18",
            "One of torchvision's classification networks. The first convolution takes as many channels as the images have, and "
            "the last layer gives one number for each class.",
            choices=tuple(networks()),
        ),
        o.Option(
            "weights",
            "First weights",
            "choice",
            RANDOM,
            "Random ones, or those learned from the 1.2 million photographs of ImageNet, in a file of up to 2.4 GB. The last layer "
            "is new in both cases. For grey images the first convolution's weights are summed over red, green and blue, so that a "
            "grey image gives what it would in colour. With them, choose the normalisation to mean 0 and deviation 1; for "
            "googlenet and inception_v3 the one to −1 … 1.",
            choices=(RANDOM, PRETRAINED),
        ),
        o.Option(
            "train_all",
            "Train all layers",
            "bool",
            True,
            "Off: only the last layer learns. All others stay as they are, batch norm included, and dropout is off. Without random "
            "shift, flip or greyscale, what they make of each image is computed once and kept.",
        ),
    ),
)
def torchvision_network(input_shape: Shape, classes: int, *, model: str, weights: str, train_all: bool) -> nn.Module:
    from cnnlab.architectures import zoo_parts

    chosen = network(model)
    if chosen.fixed and input_shape[1:] != (chosen.size, chosen.size):
        height, width = input_shape[1:]
        message = say(
            "{network} takes images of {size}×{size} px alone, not of {height}×{width}: it has weights for each place. "
            "Choose the image size {size}, or another network.",
            network=model, size=chosen.size, height=height, width=width,
        )  # fmt: skip
        raise ShapeError(message, "image_size")
    made = zoo_parts.build(model, classes, auxiliary=model in AUXILIARY)
    zoo_parts.take_channels(made, input_shape[0])
    if not train_all:
        zoo_parts.train_head_alone(made)
    return zoo_parts.settled(made)
