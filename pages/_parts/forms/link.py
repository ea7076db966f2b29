"""What an address of the training form stands for. It says everything: opened elsewhere, it shows the same form.

/train                                     the first recipe
/train?recipe=lenet-mnist                  a recipe
/train?recipe=lenet-mnist&epochs=3         a recipe with changes
/train?architecture=vgg&dataset=mnist      a network as on Design, and data: settings known to learn
/train?architecture=vgg&learning_rate=0.1  settings of training: what is left out has its default
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

import streamlit as st

from cnnlab.architectures import Card, card, choosable
from cnnlab.config import RunConfig
from cnnlab.config_words import setting
from cnnlab.errors import ConfigError
from cnnlab.i18n import say
from cnnlab.presets import Preset
from cnnlab.starts import Start, start
from cnnlab.text import shortened
from pages._parts.address import Parameters, as_text
from pages._parts.forms.architecture import link_parameters, option_key
from pages._parts.forms.settings import parser
from pages._parts.language import in_links

SCOPE = "train"  # before the key of each control
RECIPE = "recipe"
# These choose a network, data and a machine; all other settings are of training.
MACHINE = ("device", "seed", "precision", "compile", "deterministic")
PLACE = ("architecture", "dataset", "channels", "image_size", *MACHINE)
ALWAYS = ("architecture", "dataset", "optimizer", "learning_rate", "epochs", "batch_size")  # in each address, for its reader


def open_form(config: RunConfig, *, recipe: str | None = None) -> None:
    """Fills the form with this configuration, through the address from which the controls read it."""
    for key in [key for key in st.session_state if str(key).startswith(f"{SCOPE}:")]:
        del st.session_state[key]
    st.query_params.from_dict(({RECIPE: recipe} if recipe else form_address(config)) | in_links())


def form_address(config: RunConfig) -> Parameters:
    """The query parameters that open the form with this configuration; most defaults are left out."""
    plain = RunConfig.make(architecture=config.architecture, dataset=config.dataset)
    changed = {
        name: as_text(value)
        for name, value in config
        if name != "options" and value is not None and (name in ALWAYS or value != getattr(plain, name))
    }
    return link_parameters(card(config.architecture), config.options) | changed


def expand(parameters: Parameters, recipes: Mapping[str, Preset]) -> Parameters:
    """All parameters that an address stands for, without those that have their default."""
    own = {name: text for name, text in parameters.items() if name != RECIPE}
    name = parameters.get(RECIPE) or ("" if parameters else next(iter(recipes)))
    if name in recipes:
        base = form_address(recipes[name].config())
        if own.get("architecture", base["architecture"]) != base["architecture"]:
            base = {key: text for key, text in base.items() if key in RunConfig.model_fields and key != "image_size"}
        return {RECIPE: name} | _plain(base | own)
    if any(key in RunConfig.model_fields and key not in PLACE for key in own):
        return _plain(parameters)
    try:
        base = form_address(_start(own).config)
    except ConfigError:  # the controls say what is wrong
        base = {}
    return _plain(base | parameters)


def config_of(parameters: Parameters, recipes: Mapping[str, Preset]) -> RunConfig:
    """The configuration with which an address opens the form. Raises ConfigError for a name or a value that the form refuses."""
    whole = expand(parameters, recipes)
    name = whole.pop(RECIPE, None)
    if name is not None and name not in recipes:
        raise ConfigError(
            say("There is no recipe {name}; choose one of: {names}.", name=shortened(name), names=", ".join(recipes)), RECIPE
        )
    chosen = choosable(whole.get("architecture", setting("architecture").default))
    options = {option_key(option): option for option in chosen.options}
    parsers = _parsers(chosen.name)
    if unknown := next((each for each in whole if each not in parsers), ""):
        raise ConfigError(
            say("{name} is not a setting of a run of {network}; leave it out.", name=shortened(unknown), network=chosen.title),
            unknown,
        )
    values = {each: parsers[each][0](text) for each, text in whole.items()}
    own = {option.name: values.pop(key) for key, option in options.items() if key in values}
    return RunConfig.make(**values, options=own)


def shorten(parameters: Parameters, recipes: Mapping[str, Preset]) -> Parameters:
    """The inverse of `expand`, as a visitor sees it in the address bar."""
    name = parameters.get(RECIPE, "")
    if name not in recipes:
        return {key: as_text(setting(key).default) for key in ALWAYS} | parameters
    base = expand({RECIPE: name}, recipes)
    own = {key: text for key, text in parameters.items() if text != base.get(key)}
    parsers = _parsers(parameters.get("architecture", base.get("architecture", setting("architecture").default)))
    for key in (base.keys() - parameters.keys()) & parsers.keys():
        if (default := parsers[key][1]) is None:  # no text stands for an empty field
            return shorten({key: text for key, text in parameters.items() if key != RECIPE}, recipes)
        own[key] = parsers[key][2](default)
    return {RECIPE: name} | own if own or name != next(iter(recipes)) else {}


def known_start(config: RunConfig) -> Start:
    """The settings with which the network of `config` is known to learn."""
    return start(
        config.architecture, config.dataset, options=config.options, image_size=config.image_size, channels=config.channels
    )


def start_of(architecture: str, dataset: str, before: RunConfig) -> RunConfig:
    """What the form holds after another architecture or data set was chosen; the network stays where it was designed."""
    usual = start(before.architecture, before.dataset).config
    designed = architecture == before.architecture and any(
        getattr(usual, name) != getattr(before, name) for name in ("options", "image_size")
    )
    if designed:
        chosen = start(architecture, dataset, options=before.options, image_size=before.image_size)
    else:
        chosen = start(architecture, dataset)
    return on_its_machine(chosen, before)


def on_its_machine(chosen: Start, before: RunConfig) -> RunConfig:
    """The settings of a start with the device, seed and precision that the form has."""
    return chosen.config.change(**{name: getattr(before, name) for name in MACHINE})


def differences(config: RunConfig, other: RunConfig) -> list[str]:
    """The titles of the settings of training in which two configurations differ."""
    fields = RunConfig.model_fields
    return [
        fields[name].title or name
        for name, value in config
        if name not in (*PLACE, "options") and value != getattr(other, name)
    ]  # fmt: skip


def _start(own: Parameters) -> Start:
    chosen = choosable(own.get("architecture", setting("architecture").default))
    options = {o.name: o.parse(own[option_key(o)]) for o in chosen.options if option_key(o) in own}
    shape: dict[str, Any] = {name: parser(setting(name))(own[name]) for name in ("image_size", "channels") if name in own}
    dataset = parser(setting("dataset"))(own.get("dataset", setting("dataset").default))
    # The network that Design shows under these parameters, not the small one that the form chooses where nobody has.
    return start(chosen.name, dataset, options=options, **shape)


def _plain(parameters: Parameters) -> Parameters:
    """Each value as the form writes it, without defaults; what it cannot read stays, so that the form names it."""
    parsers = _parsers(parameters.get("architecture", setting("architecture").default))
    plain = {}
    for name, text in parameters.items():
        parse, default, write = parsers.get(name, (str, None, str))
        try:
            value = parse(text)
        except ConfigError:
            plain[name] = text
            continue
        if value != default:
            plain[name] = write(value)
    return plain


@lru_cache(maxsize=32)
def _parsers(architecture: str) -> dict[str, tuple[Callable[[str], Any], Any, Callable[[Any], str]]]:
    """How each name in the address is read, its default, and how a value is written."""
    fields = [setting(name) for name in RunConfig.model_fields if name != "options"]
    known: dict[str, tuple[Callable[[str], Any], Any, Callable[[Any], str]]] = {
        field.name: (parser(field), field.default, as_text) for field in fields
    }
    try:
        chosen: Card = choosable(architecture)
    except ConfigError:
        return known
    return known | {option_key(option): (option.parse, option.default, option.write) for option in chosen.options}
