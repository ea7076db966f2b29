"""Stored layer tables of the default networks and of the first recipe's, so that the first pages do not wait for torch.

Needs no torch itself.

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


FIRST_RECIPE = "{}-first-recipe"  # what Train's form opens with, where that is not the default network


def known_table(architecture: str, input_shape: tuple[int, ...], classes: int, settings: Mapping[str, Any]) -> LayerTable | None:
    """The stored table of exactly this network, or None; `settings` are complete, and `architecture` is a registered name."""
    wanted = tuple(input_shape), classes, dict(settings)
    for name in (architecture, FIRST_RECIPE.format(architecture)):
        table = _read(name)
        if table and (table.input_shape, table.classes, table.options) == wanted:
            return table
    return None


@lru_cache(maxsize=32)  # read at every change of a control; DenseNet's file takes 115 KB
def _read(name: str) -> LayerTable | None:
    file = FOLDER / f"{name}.json"
    return LayerTable.from_dict(json.loads(file.read_text(encoding="utf-8"))) if file.exists() else None
