"""The recipes of the training form as a row of cards and a list, and where the settings in the form are from."""

from __future__ import annotations

import time
from collections.abc import Mapping
from functools import partial
from weakref import WeakKeyDictionary

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from cnnlab.config import RunConfig
from cnnlab.errors import CNNLabError
from cnnlab.i18n import _, language, together, translated
from cnnlab.lab import Lab
from cnnlab.presets import Preset
from cnnlab.text import size_text
from cnnlab.values import DatasetStatus
from pages._parts.address import Address, one_of
from pages._parts.forms.click import at_once_or_later
from pages._parts.forms.forecast import time_in_short
from pages._parts.forms.link import RECIPE, differences, known_start, on_its_machine, open_form
from pages._parts.markdown import escaped
from pages._parts.one_choice import when_changed

CHOSEN = "recipe of the training form"
USE = "settings known to learn"  # a click that waits
CARDS = 4  # recipes that a CPU can train; the list has all
MOST_NAMED = 4  # settings in the note
REMEMBERED_SECONDS = 5.0
# By recipe and language: until when, and the words.
_times: WeakKeyDictionary[Lab, dict[tuple[str, str], tuple[float, str]]] = WeakKeyDictionary()


def pick_recipe(
    lab: Lab, recipes: Mapping[str, Preset], statuses: Mapping[str, DatasetStatus], address: Address
) -> tuple[Preset | None, DeltaGenerator]:  # fmt: skip
    """Draws cards and list; returns the recipe that was chosen, and the place for the note about the settings."""
    address.initialise(CHOSEN, RECIPE, None, one_of(RECIPE, tuple(recipes)))
    address.write(RECIPE, st.session_state[CHOSEN], None)
    some = [recipe for recipe in recipes.values() if not recipe.needs_gpu][:CARDS]
    for recipe, column in zip(some, st.container(key="recipes").columns(len(some)), strict=True):
        chosen = st.session_state[CHOSEN] == recipe.name
        column.button(
            _card(lab, recipe, statuses), key=f"recipe {recipe.name}", width="stretch", help=escaped(translated(recipe.note)),
            icon=":material/check_circle:" if chosen else None, on_click=_open, args=(recipe,),
        )  # fmt: skip
    left, right = st.columns([2, 3], vertical_alignment="bottom")

    def fill() -> None:
        if name := st.session_state[CHOSEN]:
            _open(recipes[name])

    left.selectbox(
        _("Recipe"), list(recipes), index=None, format_func=lambda name: translated(recipes[name].title), key=CHOSEN,
        on_change=when_changed(CHOSEN, fill), placeholder=_("Choose one to fill the form"),
        help=_("Fills the whole form with the course's settings; then change any of them."),
    )  # fmt: skip
    return recipes.get(st.session_state[CHOSEN] or ""), right.container(gap=None)


def explain(config: RunConfig, recipe: Preset | None) -> None:
    """One line: where the settings are from, and what differs from those that are known to learn."""
    if recipe:
        changed = [RunConfig.model_fields[name].title or name for name, value in recipe.config() if value != getattr(config, name)]
        note = translated(recipe.note)
        if changed:
            named = _(", ").join(map(translated, changed))
            note = together(note, _("**Changed since: {names}.**").format(names=named))
        st.caption(note)
        return
    known = known_start(config)
    if not (others := differences(config, known.config)):
        st.caption(escaped(translated(known.source)))
        return
    named = _(", ").join(map(translated, others[:MOST_NAMED])) + (_(" …") if len(others) > MOST_NAMED else "")
    own = _("Your own settings. Those known to learn with this network have another: {names}.")
    st.caption(own.format(names=escaped(named)))
    st.button(
        _("Use settings known to learn"), icon=":material/restart_alt:", type="tertiary", key="use the start",
        help=escaped(translated(known.source)), on_click=at_once_or_later(USE, partial(use_known_start, config)),
    )  # fmt: skip


def _card(lab: Lab, recipe: Preset, statuses: Mapping[str, DatasetStatus]) -> str:
    """What it is, what it reaches, and how long it takes here."""
    reaches = _("Reaches {accuracy}").format(accuracy=translated(recipe.reaches))
    lines = [f"**{escaped(translated(recipe.title))}**", escaped(reaches)]
    if need := _need(lab, recipe, statuses):
        lines.append(escaped(need))
    return "  \n".join(lines)


def _need(lab: Lab, recipe: Preset, statuses: Mapping[str, DatasetStatus]) -> str:
    status = statuses[recipe.config().dataset]
    if status.problem:
        return _("{dataset} is here, but {problem}").format(dataset=translated(status.entry.title), problem=translated(status.note))
    if status.note:
        return _("Download first: {size}").format(size=size_text(sum(file.bytes for file in status.entry.downloads)))
    return _time_here(lab, recipe)


def _time_here(lab: Lab, recipe: Preset) -> str:
    """How long the recipe takes here, remembered for a moment: each forecast is a question to the helper."""
    known, now = _times.setdefault(lab, {}), time.monotonic()
    key = recipe.name, language()
    until, words = known.get(key, (0.0, ""))
    if now < until:
        return words
    try:
        if not lab.ready():
            return ""
        needed = time_in_short(lab.forecast(recipe.config(), calibrate=False))
    except CNNLabError:
        return ""
    words = _("{time} here").format(time=needed) if needed else ""
    known[key] = now + REMEMBERED_SECONDS, words
    return words


def _open(recipe: Preset) -> None:
    open_form(recipe.config(), recipe=recipe.name)


def use_known_start(config: RunConfig) -> None:
    """Fills the form with the settings known to learn with its network and data; device, seed and precision stay."""
    open_form(on_its_machine(known_start(config), config))
