"""Stored layer tables of the default networks, so that the first page does not wait for torch. Needs no torch itself.

The files in `known/` hold the output of `cnnlab.layers.trace`; a test compares them, and `pytest --regenerate-golden` writes them.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from cnnlab.layers.table import LayerTable

FOLDER = Path(__file__).with_name("known")


def known_table(architecture: str, input_shape: tuple[int, ...], classes: int, settings: Mapping[str, Any]) -> LayerTable | None:
    """The stored table of exactly this network, or None; `settings` are complete, and `architecture` is a registered name."""
    table = _read(architecture)
    if table and (table.input_shape, table.classes, table.options) == (tuple(input_shape), classes, dict(settings)):
        return table
    return None


@lru_cache(maxsize=16)  # read at every change of a control; DenseNet's file takes 115 KB
def _read(architecture: str) -> LayerTable | None:
    file = FOLDER / f"{architecture}.json"
    return LayerTable.from_dict(json.loads(file.read_text(encoding="utf-8"))) if file.exists() else None
