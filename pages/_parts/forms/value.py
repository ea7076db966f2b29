"""The control of one setting, named as in `config_words.settings`, outside of the form: in a dialog, or in an assignment."""

from __future__ import annotations

from typing import Any

import streamlit as st

from cnnlab.architectures import Option, card
from cnnlab.config import RunConfig
from cnnlab.config_words import setting, settings
from pages._parts.forms.architecture import option_control, typed
from pages._parts.forms.settings import draw


def value_control(config: RunConfig, name: str, key: str) -> Any:
    """Draws it with the value of `config`, and returns what it holds, which need not be allowed: `read_value` reads it."""
    now = settings(config)[name]
    if not name.startswith("options."):
        st.session_state.setdefault(key, now)
        return draw(setting(name), key)
    st.session_state.setdefault(key, typed(now))
    return option_control(_option(config, name), key)


def read_value(config: RunConfig, name: str, value: Any) -> Any:
    """The value that a control holds: a list of numbers is text there. Raises ConfigError."""
    return _option(config, name).parse(value) if name.startswith("options.") and isinstance(value, str) else value


def _option(config: RunConfig, name: str) -> Option:
    return next(each for each in card(config.architecture).options if f"options.{each.name}" == name)
