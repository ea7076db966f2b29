"""What a user's own class can be made with, and texts of a command line as its arguments."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable
from types import NoneType
from typing import Any, Literal, get_args, get_origin

from cnnlab.architectures import code_arguments
from cnnlab.architectures.code_arguments import Value
from cnnlab.architectures.options import Option
from cnnlab.errors import ConfigError
from cnnlab.i18n import N_, say
from cnnlab.text import shortened

_FIELD = "options.arguments"
_MOST_LISTED = 12  # arguments in a sentence
_NAMED = inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY
_TYPES = {bool: "bool", int: "int", float: "float"}
_BY_NAME = {each.__name__: each for each in (*_TYPES, str)}  # where annotations cannot be evaluated


def arguments_of(kind: Callable[..., Any], name: str, given: Iterable[str]) -> dict[str, Value]:
    """The arguments of `name=value` texts, each read as the class annotates it, or as its default is.

    Raises ConfigError for one that the class does not take, and where one is missing; the sentence names what it takes.
    """
    takes = _parameters(kind)
    named = {each.name: each for each in takes.values() if each.kind in _NAMED}
    others = any(each.kind is inspect.Parameter.VAR_KEYWORD for each in takes.values())
    found: dict[str, Value] = {}
    for setting in given:
        argument, equals, text = (part.strip() for part in setting.partition("="))
        if not equals:
            raise ConfigError(say("--set takes an argument as name=value, such as --set width=32, not {setting}.",
                                  setting=shortened(setting)), _FIELD)  # fmt: skip
        if argument not in named and not (others and argument.isidentifier()):
            raise ConfigError(say("{name} has no argument {given}; it takes: {names}.", name=name, given=shortened(argument),
                                  names=_listed(named)), _FIELD)  # fmt: skip
        found[argument] = _value(argument, named.get(argument), text)
    missing = [each for each, parameter in named.items() if parameter.default is parameter.empty and each not in found]
    if missing:
        raise ConfigError(say("{name} needs {missing}: add --set {first}=VALUE; it takes: {names}.", name=name,
                              missing=", ".join(missing), first=missing[0], names=_listed(named)), _FIELD)  # fmt: skip
    try:
        code_arguments.written(found)
    except ValueError:
        raise ConfigError(say("The arguments of {name} must be finite numbers or texts, of at most {most:,} characters together.",
                              name=name, most=code_arguments.MOST), _FIELD) from None  # fmt: skip
    return found


def _parameters(kind: Callable[..., Any]) -> dict[str, inspect.Parameter]:
    for evaluate in (True, False):  # an annotation may name what the file does not import
        try:
            return dict(inspect.signature(kind, eval_str=evaluate).parameters)
        except Exception:  # noqa: S112 - annotations are a user's own expressions
            continue
    return {}


def _listed(named: dict[str, inspect.Parameter]) -> str:
    shown = [
        name if each.default is each.empty else f"{name}={shortened(str(each.default), quoted=False)}"
        for name, each in named.items()
    ]
    return ", ".join([*shown[:_MOST_LISTED], *["…"][: len(shown) > _MOST_LISTED]]) or N_("nothing")


def _value(name: str, parameter: inspect.Parameter | None, text: str) -> Value:
    kind = str if parameter is None else _type(parameter)
    if get_origin(kind) is Literal:
        option = Option(name, name, "choice", "", "", choices=get_args(kind))
    elif kind in _TYPES:
        option = Option(name, name, _TYPES[kind], 0, "")  # type: ignore[arg-type]
    elif kind is str and parameter is not None:
        return text
    else:
        return _guessed(text)
    return option.parse(text)  # type: ignore[return-value]  # of these types none is a tuple


def _type(parameter: inspect.Parameter) -> Any:
    """The first of its types that a command line can give; None where nothing names one."""
    annotation = parameter.annotation
    if isinstance(annotation, str):
        annotation = _BY_NAME.get(annotation.partition("|")[0].strip(), annotation)
    if isinstance(annotation, str) or annotation is parameter.empty:
        return None if parameter.default in (parameter.empty, None) else type(parameter.default)
    if get_origin(annotation) is Literal:
        return annotation
    kinds = [each for each in get_args(annotation) or (annotation,) if each is not NoneType]
    return next((each for each in kinds if each in (*_TYPES, str)), None)


def _guessed(text: str) -> Value:
    """Where the class does not say: a number if it is one, true or false, else text."""
    for kind in ("int", "float", "bool"):
        try:
            value = Option("value", "", kind, 0, "").parse(text)  # type: ignore[arg-type]
        except ConfigError:
            continue
        if not isinstance(value, tuple):
            return value
    return text
