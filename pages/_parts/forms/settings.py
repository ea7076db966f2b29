"""The settings of a run as form controls: derived from RunConfig, so that a new setting has its control unasked."""

from __future__ import annotations

import types
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import streamlit as st

from cnnlab.config import RunConfig
from cnnlab.config_words import rule
from cnnlab.errors import ConfigError
from cnnlab.optimizers import MOMENTUM, NESTEROV, OPTIMIZERS
from pages._parts.address import Address, one_of

Kind = Literal["bool", "int", "float", "choice", "text"]

# Identifiers as people write them; one that is missing here is shown as it is.
WORDS: dict[Any, str] = {
    "none": "none: 0 to 1",
    "dataset": "mean 0, deviation 1",
    "half": "-1 to 1",
    **{name: card.title for name, card in OPTIMIZERS.items()},
    "step": "step by step",
    "cosine": "cosine curve",
    "one-cycle": "one cycle",
    "warm-up": "warm-up, then constant",
    "pytorch": "PyTorch's own",
    "xavier-uniform": "Xavier uniform",
    "kaiming": "Kaiming",
}
# What an empty field stands for.
EMPTY = {"image_size": "the architecture's own", "channels": "as the data set has", "limit": "all images", "gradient_clip": "off"}
# A setting that only some choice of another one uses is greyed out otherwise, and then has its default.
USED_WITH = {
    "momentum": ("optimizer", MOMENTUM),
    "nesterov": ("optimizer", NESTEROV),
    "step_epochs": ("schedule", ("step",)),
    "step_factor": ("schedule", ("step",)),
    "warmup_epochs": ("schedule", ("warm-up",)),
}


@dataclass(frozen=True, slots=True)
class Setting:
    """One field of RunConfig. `rule` says in words what is allowed; `choices` is for kind "choice"."""

    name: str
    title: str
    help: str
    kind: Kind
    default: Any
    optional: bool
    rule: str
    choices: tuple[Any, ...]


def setting(name: str) -> Setting:
    """The field `name` of RunConfig, as its type and metadata describe it."""
    field = RunConfig.model_fields[name]
    inner, optional = field.annotation, False
    if get_origin(inner) in (Union, types.UnionType):
        optional = type(None) in get_args(inner)
        inner = next(part for part in get_args(inner) if part is not type(None))
    if get_origin(inner) is Annotated:
        inner = get_args(inner)[0]
    choices = get_args(inner) if get_origin(inner) is Literal else ()
    kind: Kind = "choice" if choices else {bool: "bool", int: "int", float: "float"}.get(inner, "text")
    return Setting(
        name=name,
        title=field.title or name,
        help=field.description or "",
        kind=kind,
        default=field.default,
        optional=optional,
        rule=rule(field),
        choices=(None, *choices) if optional and choices else choices,
    )


def control(
    one: Setting, address: Address, *, scope: str, values: Mapping[str, Any], choices: Mapping[str, str] | None = None
) -> Any:
    """Draws the setting's control and returns its value; `choices` (identifier to words) makes a list of a text setting.

    `values` are the settings asked so far, so that one that is not used with them can be greyed out.
    """
    key = f"{scope}:{one.name}"
    listed = one.choices if choices is None else tuple(choices)
    address.initialise(key, one.name, one.default, _parser(one, listed))
    if listed and st.session_state.get(key) not in listed:
        st.session_state[key] = one.default  # a choice that has gone since, such as a device that was unplugged
    master, uses = USED_WITH.get(one.name, ("", ()))
    disabled = bool(master) and master in values and values[master] not in uses
    common = {"key": key, "help": one.help, "disabled": disabled}
    if one.kind == "bool":
        value: Any = st.toggle(one.title, **common)
    elif listed:
        words = WORDS if choices is None else choices
        empty = EMPTY.get(one.name, "none")
        value = st.selectbox(
            one.title, listed, format_func=lambda each: empty if each is None else words.get(each, str(each)), **common
        )
    elif one.kind == "text":
        value = st.text_input(one.title, max_chars=200, **common)
    else:
        value = _number(one, common)
    if disabled:
        return one.default
    try:
        RunConfig.make(**{one.name: value})
    except ConfigError:  # which the form says, once all its controls are drawn
        address.preserve(one.name)
    else:
        address.write(one.name, value, one.default)
    return value


def _number(one: Setting, common: dict[str, Any]) -> Any:
    # Without bounds: Streamlit keeps a number outside them to itself, and what stands on the page would not be what is trained.
    step, pattern = (1, "%d") if one.kind == "int" else (0.01, "%g")
    common["help"] = f"{one.help} Allowed: {one.rule}."
    # Only where empty is allowed; otherwise the session's value, set just before, is the only one.
    extra = {"value": None, "placeholder": EMPTY.get(one.name)} if one.optional else {}
    return st.number_input(one.title, step=step, format=pattern, **extra, **common)


def _parser(one: Setting, listed: tuple[Any, ...]) -> Callable[[str], Any]:
    if listed:
        return one_of(one.name, tuple(each for each in listed if each is not None))
    if one.kind == "bool":
        return one_of(one.name, (True, False))
    # RunConfig reads numbers from text and says what is wrong in one sentence.
    return lambda text: getattr(RunConfig.make(**{one.name: text}), one.name)
