"""A network as PyTorch code, and with all its layers as rows."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from cnnlab import network_code as codes
from cnnlab.architectures import card
from cnnlab.architectures.own import written_out as rows
from cnnlab.compute import answers


def network_code(home: Path, architecture: str, input_shape: tuple[int, int, int], classes: int, options: dict[str, Any]) -> str:
    """What runs as it is printed. Raises ShapeError where the images do not fit."""
    with answers.tracing:
        return codes.network_code(architecture, tuple(input_shape), classes, options).whole


def written_out(
    home: Path, architecture: str, input_shape: tuple[int, int, int], classes: int, options: dict[str, Any], *, title: str
) -> str:
    """The rows in JSON. Raises ConfigError where a layer can be no row, ShapeError where the images do not fit."""
    with answers.tracing:
        return rows.written_out(card(architecture), tuple(input_shape), classes, options, title).text
