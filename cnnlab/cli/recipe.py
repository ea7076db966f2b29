"""The options of `train`, derived from RunConfig: each field is an option, its title and description the help."""

from __future__ import annotations

from collections.abc import Callable
from inspect import Parameter, signature
from typing import Annotated, Any, get_args

import typer
from pydantic.fields import FieldInfo

from cnnlab.config import RunConfig

_NAMED_OTHERWISE = frozenset({"architecture", "options", "dataset"})  # NAME, --set, --dataset


def with_recipe_options(command: Callable[..., None]) -> Callable[..., None]:
    """Gives `command`, which takes `**recipe`, one option for each field of RunConfig."""
    own = signature(command, eval_str=True)
    kept = [parameter for parameter in own.parameters.values() if parameter.kind is not Parameter.VAR_KEYWORD]
    added = [_parameter(name, field) for name, field in RunConfig.model_fields.items() if name not in _NAMED_OTHERWISE]
    # Typer reads both of them to learn what a command takes.
    command.__signature__ = own.replace(parameters=[*kept, *added])  # type: ignore[attr-defined]
    command.__annotations__ = {parameter.name: parameter.annotation for parameter in [*kept, *added]}
    return command


def recipe_from(given: dict[str, Any]) -> dict[str, Any]:
    """The settings that were given, texts read as numbers where they are some; RunConfig checks them."""
    return {name: _number_or_text(value) for name, value in given.items() if value is not None}


def _parameter(name: str, field: FieldInfo) -> Parameter:
    # Texts, not int or float: RunConfig's own errors name the field, the rule and the value.
    kind = bool if field.annotation is bool else str
    usual = "" if kind is bool or field.default is None else f" (default: {field.default})"
    option = typer.Option(help=f"{field.description}{usual}", metavar=_metavar(field), show_default=False, rich_help_panel="Recipe")
    return Parameter(name, Parameter.KEYWORD_ONLY, default=None, annotation=Annotated[kind | None, option])


def _metavar(field: FieldInfo) -> str | None:
    if field.annotation is bool:
        return None
    choices = [choice for choice in get_args(field.annotation) if isinstance(choice, str)]
    if choices:
        return "|".join(choices)
    return "TEXT" if field.annotation is str else "NUMBER"


def _number_or_text(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    for number in (int, float):
        try:
            return number(value)
        except ValueError:
            continue
    return value
