"""Values to JSON and back by their types: a dataclass is the one description of an answer. Nothing is unpickled; needs no torch."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import fields, is_dataclass
from functools import cache, partial
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from cnnlab.config import RunConfig

Reader = Callable[[Any], Any]

_SAME_IN_JSON = (bool, int, float, str, NoneType, None, Any)


def write(value: Any) -> bytes:
    """JSON for `value`, which may hold dataclasses, tuples, paths and configurations."""
    return json.dumps(value, default=_plain).encode()


def read(kind: Any, value: Any) -> Any:
    """The value of type `kind` that `write` made into JSON. Raises ValueError, TypeError or KeyError where it is none.

    A configuration raises ConfigError as `RunConfig.make` does. Numbers and text are taken as JSON has them.
    """
    return _reader(kind)(value)


def _plain(value: Any) -> Any:
    """What JSON cannot write, as something that it can; tuples it writes as lists."""
    if hasattr(value, "to_dict"):
        return value.to_dict()
    if is_dataclass(value):  # not `asdict`, which copies the values as well
        return {field.name: getattr(value, field.name) for field in fields(value)}
    if isinstance(value, RunConfig):
        return value.model_dump(mode="json")
    if isinstance(value, Path):
        return str(value)
    raise TypeError(f"{type(value).__name__} has no form in JSON")


@cache
def _reader(kind: Any) -> Reader:
    """Built once for each type. A tuple whose items need no change is not read item by item."""
    origin, arguments = get_origin(kind), get_args(kind)
    if kind in _SAME_IN_JSON or origin in (dict, list):
        return _unchanged
    if kind is Path:
        return Path
    if kind is RunConfig:
        return lambda settings: RunConfig.make(**settings)
    if hasattr(kind, "from_dict"):
        return kind.from_dict
    if origin is Literal:
        return partial(_one_of, arguments)
    if origin in (Union, UnionType):  # with None; other unions are not used
        inner = _reader(next(part for part in arguments if part is not NoneType))
        return inner if inner is _unchanged else lambda value: None if value is None else inner(value)
    if origin is tuple:  # of one type
        inner = _reader(arguments[0])
        return tuple if inner is _unchanged else lambda values: tuple(map(inner, values))
    if is_dataclass(kind):
        readers = {name: _reader(hint) for name, hint in get_type_hints(kind).items()}
        changed = [(name, reader) for name, reader in readers.items() if reader is not _unchanged]
        return lambda record: kind(**record | {name: reader(record[name]) for name, reader in changed})
    raise TypeError(f"{kind} cannot be read from JSON")


def _unchanged(value: Any) -> Any:
    return value


def _one_of(choices: tuple[Any, ...], value: Any) -> Any:
    if value not in choices:
        raise ValueError(f"must be one of {', '.join(map(str, choices))}, not {str(value)[:80]!r}")
    return value
