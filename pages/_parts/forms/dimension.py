"""One setting of a sweep: which one, and the values to try, as a list, a range or a choice."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import streamlit as st

from cnnlab.architectures import card
from cnnlab.config import RunConfig
from cnnlab.config_words import CHOICES, setting, settings, title, words
from cnnlab.errors import ConfigError
from cnnlab.i18n import _, together, translated
from cnnlab.sweeps import dimensions
from cnnlab.sweeps.dimensions import Dimension
from cnnlab.text import in_sentence
from pages._parts.forms.settings import parser
from pages._parts.markdown import quoting
from pages._parts.one_choice import choice_in_dialog

_PLACE = "\ue000"
MOST_PROPOSED = 4  # choices; of more, the present one and its neighbour


@dataclass(frozen=True, slots=True)
class Field:
    """How values of a setting are written. `kind` as `Setting` and `Option` have it; `choices` where there are few values."""

    title: str
    help: str
    rule: str
    kind: str
    choices: tuple[Any, ...]
    read: Callable[[str], Any]


def dimension(config: RunConfig, names: Sequence[str], proposal: str, key: str, *, ranges: bool) -> tuple[str, Dimension | None]:
    """Draws a list of the settings `names`, first `proposal`, and the values of the chosen one. Returns its name, and the values.

    None, and the reason at the control, where the values are too few or wrong. Without `ranges` values are listed.
    """
    now = settings(config)

    def shown(name: str) -> str:
        return _("{setting}: {value}").format(setting=title(name, config.architecture), value=words(name, now[name]))

    left, right = st.columns([2, 3])
    name = left.selectbox(
        _("What to vary, and what it is now"), names, index=names.index(proposal), format_func=shown, key=f"{key}: setting",
        help=_("All settings that do not vary stay as they are now."),
    )  # fmt: skip
    field, key = _field(name, config), f"{key}: {name}"
    with right:
        try:
            given = _values(field, now[name], key, ranges=ranges)
            if not given:
                st.caption(_("Give at least two different values."))
                return name, None
            return name, dimensions.fitted(config, dimensions.dimension({"setting": name} | given))
        except ConfigError as error:
            st.error(quoting(_in_title(error, name, field.title)), icon=":material/error:")
    return name, None


def _field(name: str, config: RunConfig) -> Field:
    if name.startswith("options."):
        option = next(each for each in card(config.architecture).options if f"options.{each.name}" == name)
        choices = (False, True) if option.type == "bool" else option.choices
        texts = (translated(text) for text in (option.title, option.help, option.rule()))
        return Field(*texts, option.type, choices, option.parse)
    found = setting(name)
    listed = tuple(CHOICES["architecture"]) if name == "architecture" else found.choices
    choices = (False, True) if found.kind == "bool" else tuple(choice for choice in listed if choice is not None)
    return Field(found.title, found.help, translated(found.rule), found.kind, choices, parser(found))


def _in_title(error: ConfigError, name: str, title: str) -> str:
    """The error's sentence with the title of the setting in place of its name."""
    # A sign stands in place of the name meanwhile, since the name of an option may be a word that is translated.
    marked = re.sub(rf"\b{re.escape(name.removeprefix('options.'))}\b", _PLACE, str(error).replace("options.", ""))
    text = translated(marked).replace(_PLACE, in_sentence(title))
    return text[:1].upper() + text[1:]


def _values(field: Field, now: Any, key: str, *, ranges: bool) -> dict[str, Any]:
    """The controls of the values, and what they hold, as a dimension has them; {} for fewer than two values."""
    if field.choices:
        values = _choices(field, now, key)
    elif ranges and field.kind in ("int", "float") and _as_range(field, key):
        return _range(field, now, key)
    else:
        values = _list(field, now, key)
    different = tuple(dict.fromkeys(values))
    return {"values": different} if len(different) > 1 else {}


def _choices(field: Field, now: Any, key: str) -> list[Any]:
    place = field.choices.index(now) if now in field.choices else 0
    few = len(field.choices) <= MOST_PROPOSED
    st.session_state.setdefault(f"{key} choices", list(field.choices if few else field.choices[max(0, place - 1) :][:2]))
    return st.multiselect(
        _("Values of “{setting}”").format(setting=field.title), field.choices, key=f"{key} choices",
        placeholder=_("Choose at least two"),
        format_func=lambda value: words(key.rpartition(": ")[2], value), help=field.help,
    )  # fmt: skip


def _as_range(field: Field, key: str) -> bool:
    titles = {False: _("These values"), True: _("A range")}
    help_ = _("From a range, the sweep may try any value between its ends.")
    return choice_in_dialog(_("How to give “{setting}”").format(setting=field.title), f"{key} as", titles, help=help_)


def _list(field: Field, now: Any, key: str) -> list[Any]:
    lists = field.kind == "ints"
    st.session_state.setdefault(f"{key} list", ("; " if lists else ", ").join(map(_written, proposed(field, now))))
    separated = (
        _("Write semicolons between the values. Each: {rule}.") if lists else _("Write commas between the values. Each: {rule}.")
    )
    text = st.text_input(
        _("Values of “{setting}”").format(setting=field.title), key=f"{key} list", max_chars=500,
        placeholder="120, 84; 60, 40" if lists else "0.01, 0.1",
        help=together(field.help, separated.format(rule=field.rule)),
    )  # fmt: skip
    if lists:
        parts = text.split(";")
    elif ";" in text:  # beside it a comma is a decimal sign, as many people write it: 0,01; 0,1
        parts = text.replace(",", ".").split(";")
    else:
        parts = re.split(r"[,\s]+", text)
    return [field.read(part.strip()) for part in parts if part.strip()]


def _range(field: Field, now: Any, key: str) -> dict[str, Any]:
    usual = proposed(field, now) or (0, 1)
    step, pattern = (1, "%d") if field.kind == "int" else (0.01, "%g")
    ends = []
    for column, end, label, value in zip(
        st.columns(2), ("From", "To"), (_("From"), _("To")), (min(usual), max(usual)), strict=True
    ):
        st.session_state.setdefault(f"{key} {end}", value if field.kind == "int" else float(value))
        # No bounds of Streamlit's: it would keep the last number within them.
        number = column.number_input(
            label, step=step, format=pattern, key=f"{key} {end}",
            help=_("{help} Allowed: {rule}.").format(help=field.help, rule=field.rule),
        )  # fmt: skip
        ends.append(field.read(_written(number)))
    st.session_state.setdefault(f"{key} log", field.kind == "float" and min(usual) > 0)
    log = st.toggle(
        _("Logarithmic"), key=f"{key} log",
        help=_(
            "As many tries between 0.01 and 0.1 as between 0.1 and 1: right for settings that matter by their factor, such as a "
            "learning rate."
        ),
    )  # fmt: skip
    return {"low": ends[0], "high": ends[1], "log": log}


def proposed(field: Field, now: Any) -> tuple[Any, ...]:
    """The present value with its neighbours, as far as they are allowed; () for an empty one."""
    if now is None:
        return ()
    near: tuple[Any, ...] = (now,)
    if field.kind == "int":
        near = (now // 2, now, 2 * now) if now else (0, 1, 2)
    elif field.kind == "float":
        near = (float(f"{now / 3:.1g}"), now, float(f"{3 * now:.1g}"))
    allowed = []
    for value in near:
        try:
            allowed.append(field.read(_written(value)))
        except ConfigError:  # more than the setting may be
            continue
    return tuple(dict.fromkeys(allowed))


def _written(value: Any) -> str:
    """A value as people type it: "0.03", "64", "120, 84"."""
    return ", ".join(map(str, value)) if isinstance(value, tuple) else f"{value:.12g}"
