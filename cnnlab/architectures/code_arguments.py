"""The arguments that a class of a user's own code is made with, as settings keep them: one JSON text, "" for none."""

from __future__ import annotations

import json
from collections.abc import Mapping

MOST = 4_000  # characters
Value = bool | int | float | str


def read(text: object) -> dict[str, Value]:
    """The arguments by name. Raises ValueError or TypeError for other text."""
    if not isinstance(text, str) or len(text) > MOST:
        raise TypeError
    try:
        found = json.loads(text) if text else {}
    except RecursionError:
        raise ValueError from None
    if not isinstance(found, dict) or not all(name.isidentifier() and isinstance(value, Value) for name, value in found.items()):
        raise ValueError
    return found


def written(arguments: Mapping[str, Value]) -> str:
    """The inverse of `read`. Raises ValueError where the text would be too long, or a number is not finite."""
    text = json.dumps(dict(arguments), ensure_ascii=False, allow_nan=False) if arguments else ""
    if len(text) > MOST:
        raise ValueError
    return text


def in_words(text: str) -> str:
    """As a call of the class shows them: "width=32, act=relu"; "" for none."""
    return ", ".join(f"{name}={value}" for name, value in read(text).items())
