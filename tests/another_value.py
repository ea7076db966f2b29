"""A value of each setting that is not its default, so that a test over all settings covers a new one without an edit."""

from __future__ import annotations

from typing import Any

from cnnlab.config_words import setting

# Values that a type alone does not give; the last choice of a list is taken, and lists of names are no list of choices.
_NAMED = {
    "architecture": "mlp",
    "options": {"activation": "relu"},
    "dataset": "mnist",
    "device": "cpu",
    "image_size": 32,  # large enough for every network's default options
}


def another_value(name: str) -> Any:
    """An allowed value of the field `name` of RunConfig, other than its default."""
    if name in _NAMED:
        return _NAMED[name]
    field = setting(name)
    if field.choices:
        return field.choices[-1]
    return not field.default if field.kind == "bool" else 7 if field.kind == "int" else 0.5
