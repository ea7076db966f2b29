"""The settings of a run as form controls. They follow from RunConfig, so a new setting has its control at once."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import streamlit as st

from cnnlab.config import RunConfig
from cnnlab.config_words import EMPTY, Setting, applies, words
from cnnlab.errors import CNNLabError, ConfigError
from cnnlab.i18n import _, english, translated
from pages._parts.address import Address, one_of
from pages._parts.heading import with_terms
from pages._parts.markdown import labelled


def control(
    setting: Setting, address: Address, *, scope: str, values: Mapping[str, Any], choices: Mapping[str, str] | None = None
) -> Any:
    """Draws the setting's control and returns its value; `choices` (identifier to words) makes a list of a text setting.

    `values` are the settings drawn so far: a control that has no effect beside them is disabled, and its setting has the default.
    """
    key = f"{scope}:{setting.name}"
    listed = setting.choices if choices is None else tuple(choices)
    address.initialise(key, setting.name, setting.default, parser(setting, listed))
    if listed and st.session_state.get(key) not in listed:
        st.session_state[key] = setting.default  # the choice no longer exists: a device was unplugged
    disabled = not applies(setting.name, values)
    value = draw(setting, key, choices=choices, disabled=disabled)
    if disabled:
        return setting.default
    try:
        RunConfig.make(**{setting.name: value})
    except ConfigError:  # the form shows it, once all its controls are drawn
        address.preserve(setting.name)
    else:
        address.write(setting.name, value, setting.default)
    return value


def draw(setting: Setting, key: str, *, choices: Mapping[str, str] | None = None, disabled: bool = False) -> Any:
    """The control alone, and its value, which need not be allowed; `st.session_state[key]` holds the one to begin with."""
    listed = setting.choices if choices is None else tuple(choices)
    common = {"key": key, "help": with_terms(setting.help, str(english(setting.title))), "disabled": disabled}
    if setting.kind == "bool":
        return st.toggle(setting.title, **common)
    if listed:

        def shown(choice: Any) -> str:
            return words(setting.name, choice) if choices is None else choices[choice]

        return st.selectbox(setting.title, listed, format_func=shown, **common)
    if setting.kind == "text":
        return st.text_input(setting.title, max_chars=200, **common)
    return _number(setting, common)


def in_titles(error: CNNLabError) -> str:
    """The error's sentence under the label of the control it is about, in the reader's language; options have theirs already."""
    name = getattr(error, "field", "").split(".")[0]
    field = RunConfig.model_fields.get(name)
    return labelled(error, name, field.title or name) if field and name != "options" else translated(error)


def _number(setting: Setting, common: dict[str, Any]) -> Any:
    # No Streamlit bounds: Streamlit would keep the last number within them, and the run would not get what the page shows.
    step, pattern = (1, "%d") if setting.kind == "int" else (0.01, "%g")
    allowed = _("{help} Allowed: {rule}.").format(help=setting.help, rule=translated(setting.rule))
    common["help"] = with_terms(allowed, str(english(setting.title)))
    # Only where empty is allowed; otherwise the session's value, set just before, is the only one.
    extra = {"value": None, "placeholder": translated(EMPTY[setting.name])} if setting.optional else {}
    return st.number_input(setting.title, step=step, format=pattern, **extra, **common)


def parser(setting: Setting, listed: tuple[Any, ...] | None = None) -> Callable[[str], Any]:
    """Reads the setting from the address; `listed` are its choices, where they are not those of its type. Raises ConfigError."""
    listed = setting.choices if listed is None else listed
    if listed:
        return one_of(setting.name, tuple(choice for choice in listed if choice is not None))
    if setting.kind == "bool":
        return one_of(setting.name, (True, False))
    # RunConfig reads numbers from text, and its error is one sentence.
    return lambda text: getattr(RunConfig.make(**{setting.name: text}), setting.name)
