"""Where the files of published weights are: in the lab's home, or where PyTorch keeps what it has fetched. Needs no torch."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from cnnlab.architectures.zoo import ZooNetwork
from cnnlab.errors import ConfigError
from cnnlab.i18n import say
from cnnlab.text import size_text

ADDRESS = "https://download.pytorch.org/models/"
FOLDER = "weights"  # in the lab's home


def folders(home: Path) -> tuple[Path, ...]:
    """Where the file of a network may be; the first is the lab's own."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache")
    hub = Path(os.environ.get("TORCH_HOME") or cache / "torch")
    try:
        found = hub.expanduser()
    except RuntimeError:  # the system knows no home folder for this user
        return (home / FOLDER,)
    return home / FOLDER, found / "hub" / "checkpoints"


def find(network: ZooNetwork, places: Sequence[Path]) -> Path | None:
    """The network's file; None where it is in none of the folders."""
    return next((place / network.file for place in places if (place / network.file).is_file()), None)


def needed(network: ZooNetwork, places: Sequence[Path]) -> Path:
    """The network's file. Raises ConfigError, which says how to get it."""
    found = find(network, places)
    if found is None:
        raise ConfigError(
            say(
                "The pretrained weights of {network} are not on this machine: fetch them on Design or Train ({size}), or by "
                "python -m cnnlab download {network}, or put the file {file} into CNNLAB_HOME/weights.",
                network=network.name,
                size=size_text(network.bytes),
                file=network.file,
            ),
            "options.weights",
        )
    return found
