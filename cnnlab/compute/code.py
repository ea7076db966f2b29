"""A network as PyTorch code."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from cnnlab import network_code as codes
from cnnlab.compute import answers


def network_code(home: Path, architecture: str, input_shape: tuple[int, int, int], classes: int, options: dict[str, Any]) -> str:
    """What runs as it is printed. Raises ShapeError where the images do not fit."""
    with answers.tracing:
        return codes.network_code(architecture, tuple(input_shape), classes, options).whole
