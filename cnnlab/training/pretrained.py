"""Begins a network with the weights that torchvision publishes for it."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import nn

from cnnlab.architectures import zoo, zoo_files, zoo_parts
from cnnlab.architectures.zoo import ZooNetwork
from cnnlab.errors import CheckpointError
from cnnlab.i18n import say

_AUXILIARY = ("aux1.", "aux2.", "AuxLogits.")
# Files of DenseNet have the names of an early version, which torchvision translates in the same way.
_EARLY = re.compile(r"^(.*denselayer\d+\.(?:norm|relu|conv))\.((?:[12])\.(?:weight|bias|running_mean|running_var))$")


def begin(model: nn.Module, architecture: str, options: Any, folders: Sequence[Path]) -> None:
    """Puts published weights into `model` where its options ask for them; the last layer stays as it is.

    Raises ConfigError where the file is missing, CheckpointError where it is damaged or of another network.
    """
    network = zoo.pretrained(architecture, options)
    if network is not None:
        _take(model, network, read(zoo_files.needed(network, folders)))


def read(path: Path) -> dict[str, Any]:
    """The weights by name. Raises CheckpointError where the file's content is not what its name promises."""
    wanted = path.stem.rpartition("-")[2]
    with path.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if not found.startswith(wanted):
        raise CheckpointError(
            say(
                "The file {name} is damaged: its SHA-256 begins with {found}, not with {wanted}. Delete it, and fetch it again.",
                name=path.name,
                found=found[: len(wanted)],
                wanted=wanted,
            )
        )
    return torch.load(path, map_location="cpu", weights_only=True)


def _take(model: nn.Module, network: ZooNetwork, weights: dict[str, Any]) -> None:
    """The mapping stays the object that it is: it also holds the versions of its layers."""
    for name in list(weights):
        if name.startswith(_AUXILIARY):
            del weights[name]
        elif early := _EARLY.match(name):
            weights[early[1] + early[2]] = weights.pop(name)
    own = model.state_dict()
    last = zoo_parts.head(model)
    names = {module: path for path, module in model.named_modules()}
    first = next(layer for layer in model.modules() if isinstance(layer, nn.Conv2d))
    begins = f"{names[first]}.weight"
    if begins in weights:
        weights[begins] = zoo_parts.over_channels(weights[begins], first.in_channels)
    for name in last.state_dict():
        weights[f"{names[last]}.{name}"] = own[f"{names[last]}.{name}"]
    try:
        model.load_state_dict(weights)
    except RuntimeError as error:
        lines = str(error).strip().splitlines()
        raise CheckpointError(
            say(
                "The file {name} has other layers than {network} here ({reason}).",
                name=network.file,
                network=network.name,
                reason=lines[-1].strip()[:200],
            )
        ) from error
