"""What a field of a configuration may be, and what is wrong with a value, as sentences. Needs no torch."""

from __future__ import annotations

import difflib
import json
import types
from collections.abc import Callable
from typing import Annotated, Any, Literal, NamedTuple, TypeVar, Union, get_args, get_origin

from pydantic import BaseModel, BeforeValidator, Field, ValidationError
from pydantic.fields import FieldInfo

from cnnlab.errors import ConfigError
from cnnlab.i18n import N_, say
from cnnlab.text import shortened

MAXIMUM_JSON = 100_000  # characters; a configuration has about 900


def not_bool(value: Any) -> Any:
    # Python counts True as 1, but `"epochs": true` is a mistake.
    if isinstance(value, bool):
        raise ValueError("a number is needed, not true or false")
    return value


Model = TypeVar("Model", bound=BaseModel)
Integer = Annotated[int, BeforeValidator(not_bool)]
Number = Annotated[float, BeforeValidator(not_bool), Field(allow_inf_nan=False)]


class Kind(NamedTuple):
    """A field's type: `optional` where it may be empty; `choices` of a Literal."""

    type: Any
    optional: bool
    choices: tuple[Any, ...]
    bounds: dict[str, Any]  # "ge", "gt", "le", "lt"


def kind(field: FieldInfo) -> Kind:
    """The type of a field, without Optional and Annotated around it."""
    inner, metadata, optional = field.annotation, list(field.metadata), False
    if get_origin(inner) in (Union, types.UnionType):
        optional = type(None) in get_args(inner)
        inner = next(part for part in get_args(inner) if part is not type(None))
    if get_origin(inner) is Annotated:
        inner, *more = get_args(inner)
        metadata += more
    bounds = {
        name: value for part in metadata for name in ("ge", "gt", "le", "lt") if (value := getattr(part, name, None)) is not None
    }
    return Kind(inner, optional, get_args(inner) if get_origin(inner) is Literal else (), bounds)


def rule(field: FieldInfo) -> str:
    """What is allowed: "a whole number from 1 to 10,000", "one of sgd, adam"."""
    inner, _, choices, bounds = kind(field)
    if choices:
        return (
            " or ".join(map(str, choices)) if len(choices) == 2 else say("one of {choices}", choices=", ".join(map(str, choices)))
        )
    if inner is bool:
        return N_("true or false")
    if inner is str and field.examples:
        return " or ".join((", ".join(field.examples[:-1]), field.examples[-1]))
    if inner not in (int, float):
        return N_("text") if inner is str else N_("a set of named settings")
    return _whole(bounds) if inner is int else _any(bounds)


def checked(model: type[Model], build: Callable[[], Model]) -> Model:
    """What `build` makes. Raises ConfigError where it is not valid: the first fault, in one sentence."""
    try:
        return build()
    except ValidationError as error:
        raise _in_words(error, model) from None
    except RecursionError:
        raise ConfigError(N_("The configuration is nested too deeply; a configuration is one flat set of settings.")) from None


def _in_words(error: ValidationError, model: type[BaseModel]) -> ConfigError:
    """The first fault of a validation as one sentence that names the field, the rule and the value."""
    first = error.errors(include_url=False)[0]
    name = str(first["loc"][0]) if first["loc"] else ""
    if name not in model.model_fields:
        return ConfigError(N_("A configuration is a set of named settings."))
    allowed, given = rule(model.model_fields[name]), shortened(first["input"])
    return ConfigError(say("{name} must be {rule}, not {value}.", name=name, rule=allowed, value=given), name)


def unknown(name: Any, model: type[BaseModel]) -> ConfigError:
    """The error for a setting `name` that does not exist; it suggests one that is spelt alike."""
    shown = shortened(str(name))
    alike = difflib.get_close_matches(str(name)[:40], model.model_fields, 1)
    if alike:
        message = say("There is no setting {name}; did you mean {alike}?", name=shown, alike=alike[0])
    else:
        message = say("There is no setting {name}; the settings are: {names}.", name=shown, names=", ".join(model.model_fields))
    return ConfigError(message, shown.strip("'\""))


def _whole(bounds: dict[str, Any]) -> str:
    low = bounds.get("ge", bounds.get("gt", 0) + 1)
    high = bounds.get("le", bounds["lt"] - 1 if "lt" in bounds else None)
    if high is None:
        return say("a whole number of {low:,} or more", low=low)
    return say("a whole number from {low:,} to {high:,}", low=low, high=high)


def _any(bounds: dict[str, Any]) -> str:
    if not bounds:
        return "a number"
    if "ge" in bounds and "le" in bounds:
        return say("a number from {low} to {high}", low=_plain(bounds["ge"]), high=_plain(bounds["le"]))
    low = say("above {low}", low=_plain(bounds["gt"])) if "gt" in bounds else say("of at least {low}", low=_plain(bounds["ge"]))
    high = say("at most {high}", high=_plain(bounds["le"])) if "le" in bounds else say("below {high}", high=_plain(bounds["lt"]))
    return say("a number {low} and {high}", low=low, high=high)


def _plain(number: float) -> str:
    return f"{number:,.10g}"


def from_json(model: type[Model], text: str | bytes, too_long: str) -> Model:
    """A configuration from its JSON document. Raises ConfigError; `too_long` is its sentence for a document that is too long."""
    if len(text) > MAXIMUM_JSON:
        raise ConfigError(say(too_long, most=MAXIMUM_JSON, count=len(text)))
    return checked(model, lambda: model.model_validate(read_json(text)))


def read_json(text: str | bytes) -> Any:
    """The content of a JSON document. Raises ConfigError where it is not valid or names a setting twice."""
    try:
        return json.loads(text if isinstance(text, bytes) else text.removeprefix("\ufeff"), object_pairs_hook=_once_each)
    except ValueError as error:  # not JSON, not Unicode, or a number of more than 4,300 digits
        raise ConfigError(say("This is not valid JSON: {reason}.", reason=shortened(error, quoted=False))) from None


def _once_each(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    read: dict[str, Any] = {}
    for name, value in pairs:
        if name in read:  # JSON allows it, but does not define it
            raise ConfigError(say("The setting {name} is given twice.", name=shortened(name)), shortened(name, quoted=False))
        read[name] = value
    return read
