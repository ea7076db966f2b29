"""The configuration for `train`, from a file, a recipe or a start, and options: one option for each field of RunConfig."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from inspect import Parameter, signature
from pathlib import Path
from typing import Annotated, Any, get_args

import typer
from pydantic.fields import FieldInfo

from cnnlab.architectures import card
from cnnlab.architectures.own_code import check_not_own
from cnnlab.cli.commands import options_from
from cnnlab.config import RunConfig
from cnnlab.config_rules import MAXIMUM_JSON
from cnnlab.errors import ConfigError
from cnnlab.i18n import N_, say
from cnnlab.presets import preset
from cnnlab.starts import start
from cnnlab.text import shortened

STANDARD_INPUT = "-"
_OTHER_OPTIONS = frozenset({"architecture", "options", "dataset"})  # NAME, --set, --dataset
_DESIGN = frozenset({"image_size", "channels"})  # with --set: what a network looks like, and not how it is trained


def with_recipe_options(command: Callable[..., None]) -> Callable[..., None]:
    """Adds one option for each field of RunConfig to `command`, which takes `**fields`."""
    own = signature(command, eval_str=True)
    kept = [parameter for parameter in own.parameters.values() if parameter.kind is not Parameter.VAR_KEYWORD]
    added = [_parameter(name, field) for name, field in RunConfig.model_fields.items() if name not in _OTHER_OPTIONS]
    # Typer reads both to find a command's parameters.
    command.__signature__ = own.replace(parameters=[*kept, *added])  # type: ignore[attr-defined]
    command.__annotations__ = {parameter.name: parameter.annotation for parameter in [*kept, *added]}
    return command


def config_from(
    name: str | None,
    *,
    file: str | None,
    recipe: str | None,
    plain: bool,
    dataset: str | None,
    settings: Sequence[str],
    fields: dict[str, Any],
    command: str = "train",
) -> tuple[RunConfig, str]:
    """The configuration in `file`, of `recipe` or of the start for NAME, changed by all other options; and where it is from.

    `fields` are the options for fields of RunConfig, None where one is not given. The second value is a sentence, or "" where
    the user knows it. Raises ConfigError.
    """
    base = _base(file, recipe)
    if base is None and (name is None or dataset is None):
        if name is None:
            message, field = N_("{name} needs NAME, such as lenet, or else --config or --recipe."), "architecture"
        else:
            message = N_("{name} needs --dataset, such as --dataset sample, or else --config or --recipe.")
            field = "dataset"
        raise ConfigError(say(message, name=command), field)
    chosen = card(name if base is None or name is not None else base.architecture)
    if chosen.own_code and not settings:  # not by --file
        check_not_own(chosen.name)
    changes = {field: number_or_text(value) for field, value in fields.items() if value is not None}
    changes |= {"architecture": chosen.name} | ({} if dataset is None else {"dataset": dataset})
    options = options_from(chosen, settings)
    source = ""
    if base is None and plain:
        return RunConfig.make(**changes, options=options), source
    if base is None:
        designed = {"options": options} if options else {}
        begin = start(chosen.name, str(dataset), **designed, **{field: changes[field] for field in _DESIGN & changes.keys()})
        base, source = begin.config, begin.source
    if base.architecture == chosen.name:
        options = base.options | options
    return base.change(**changes, options=options), source


def _base(file: str | None, recipe: str | None) -> RunConfig | None:
    if file is not None and recipe is not None:
        raise ConfigError(N_("--config and --recipe both name a start: give only one of them."), "recipe")
    if recipe is not None:
        return preset(recipe).config()
    return _read(file) if file is not None else None


def _read(file: str) -> RunConfig:
    """The configuration in a file that the Runs page saved. Raises ConfigError that names the file."""
    source = N_("The configuration on standard input")
    if file != STANDARD_INPUT:
        source = say("The configuration {file}", file=shortened(file))
    content = _content(file, source)
    if len(content) > MAXIMUM_JSON:
        raise ConfigError(
            say("{source} is longer than {most:,} bytes; one run's takes about 1,000.", source=source, most=MAXIMUM_JSON)
        )
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise ConfigError(say("{source} is not text in UTF-8: save it in this encoding and try again.", source=source)) from None
    if text.lstrip().startswith("["):
        raise ConfigError(
            say("{source} is a list, as the Runs page saves several runs together: save one run alone.", source=source)
        )
    try:
        return RunConfig.from_json(text)
    except ConfigError as error:
        raise ConfigError(say("{source} cannot be used: {error}", source=source, error=error), error.field) from None


def _content(file: str, source: str) -> bytes:
    """The file's bytes; one more than MAXIMUM_JSON is enough to show that it is too long."""
    advice = N_("--config takes a file that the Runs page saved, or - for standard input")
    try:
        if file == STANDARD_INPUT:
            return sys.stdin.buffer.read(MAXIMUM_JSON + 1) if sys.stdin else b""
        with Path(file).open("rb") as opened:
            return opened.read(MAXIMUM_JSON + 1)
    except FileNotFoundError:
        raise ConfigError(say("There is no file {file}: {advice}.", file=shortened(file), advice=advice)) from None
    except (OSError, ValueError) as error:  # ValueError: a zero byte in the name
        # Path.is_dir raises where a name is too long.
        reason = N_("it is a folder") if os.path.isdir(file) else getattr(error, "strerror", None) or N_("not a file name")  # noqa: PTH112
        raise ConfigError(
            say("{source} cannot be read ({reason}): {advice}.", source=source, reason=reason, advice=advice)
        ) from None


def _parameter(name: str, field: FieldInfo) -> Parameter:
    # Text, not int or float: RunConfig's errors name the field, the rule and the value.
    kind = bool if field.annotation is bool else str
    usual = "" if kind is bool or field.default is None else say("(plain default: {name})", name=field.default)
    text = f"{field.description} {usual}".rstrip()
    option = typer.Option(help=text, metavar=_metavar(field), show_default=False, rich_help_panel="Settings")
    return Parameter(name, Parameter.KEYWORD_ONLY, default=None, annotation=Annotated[kind | None, option])


def _metavar(field: FieldInfo) -> str | None:
    if field.annotation is bool:
        return None
    choices = [choice for choice in get_args(field.annotation) if isinstance(choice, str)]
    if choices:
        return "|".join(choices)
    return "TEXT" if field.annotation is str else "NUMBER"


def number_or_text(value: Any) -> Any:
    """The number that a text is; otherwise the value itself."""
    if not isinstance(value, str):
        return value
    for number in (int, float):
        try:
            return number(value)
        except ValueError:
            continue
    return value
