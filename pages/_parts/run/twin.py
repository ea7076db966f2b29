"""“Change one thing”: a run with the same seed in which one setting differs, or two, and then both side by side."""

from __future__ import annotations

import uuid
from typing import Any

import streamlit as st

from cnnlab.config_words import changed, settings, title, words
from cnnlab.errors import CNNLabError, ConfigError
from cnnlab.i18n import _, ngettext, together
from cnnlab.lab import Lab
from cnnlab.run_names import COMPARED, shown_name
from cnnlab.runs.records import Run
from cnnlab.text import duration
from cnnlab.twins import SEEDS, Plan, changeable, plan
from pages._parts.forms.order import in_order
from pages._parts.forms.settings import in_titles
from pages._parts.forms.value import read_value, value_control
from pages._parts.language import in_links
from pages._parts.markdown import escaped, quoting
from pages._parts.shell import dialog
from pages._parts.twins import RUNS_PAGE, side_by_side, start_missing

ASKED = "run of which one thing is to be changed"
TOKEN = "token of the comparison"  # noqa: S105  # names a form, not a secret
FIRST = "learning_rate"


def change_one_thing(lab: Lab, run: Run) -> None:
    """Draws the button, and the dialog once it is pressed."""
    st.button(
        _("Change one thing"), icon=":material/call_split:", key=f"twin {run.id}", on_click=_ask, args=(run.id,),
        help=_("Trains it again with the same seed and one other setting, and shows both side by side. This run does not change."),
    )  # fmt: skip
    # Kept until the dialog is closed: the page is drawn again whenever a run changes its state.
    if st.session_state.get(ASKED) == run.id:
        dialog(_("Same seed, but …"), _dialog, icon=":material/call_split:", on_dismiss=_forget)(lab, run)


def _ask(run_id: str) -> None:
    st.session_state[ASKED], st.session_state[TOKEN] = run_id, uuid.uuid4().hex


def _forget() -> None:
    st.session_state.pop(ASKED, None)


def _dialog(lab: Lab, run: Run) -> None:
    names = in_order(changeable(run.config), run.config)
    values = _setting(run, "first", names)
    alone = _("Then neither of them alone explains the difference.")
    if st.toggle(_("Change a second setting"), key="twin: second", help=alone):
        values |= _setting(run, "second", [name for name in names if name not in values])
    three = st.toggle(
        _("Three seeds of each"), key="twin: seeds",
        help=_("Two single runs differ by chance too. With three seeds each, the means and their spread tell more."),
    )  # fmt: skip
    wanted = _plan(lab, run, values, seeds=SEEDS if three else 1)
    if wanted:
        st.caption(escaped(_what_starts(run, wanted)))
    missing = len(wanted.missing) if wanted else 1
    several = ngettext("Start {count} run", "Start {count} runs", missing).format(count=missing)
    label = _("Start the twin") if missing == 1 else several if missing else _("Compare")
    pressed = st.button(label, type="primary", icon=":material/play_arrow:", key="twin: start", disabled=wanted is None)
    if pressed and wanted:
        _start(lab, run, wanted)


def _setting(run: Run, which: str, names: list[str]) -> dict[str, Any]:
    """A list of the settings with their present values, and a control for the new value of the chosen one."""
    config, now = run.config, settings(run.config)

    def shown(name: str) -> str:
        return _("{setting}: {value}").format(setting=title(name, config.architecture), value=words(name, now[name]))

    usual = names.index(FIRST) if FIRST in names else 0
    name = st.selectbox(
        _("What to change, and what it is now"), names, index=usual, format_func=shown, key=f"twin: {which} of {run.id}"
    )
    return {name: value_control(config, name, f"twin: {name} of {run.id}")}


def _plan(lab: Lab, run: Run, values: dict[str, Any], *, seeds: int) -> Plan | None:
    """The runs to compare; None, and the reason on the page, where nothing differs or a value is not allowed."""
    try:
        twin = changed(run.config, {name: read_value(run.config, name, value) for name, value in values.items()})
    except ConfigError as error:
        st.error(quoting(in_titles(error)), icon=":material/error:")
        return None
    if twin == run.config:
        st.caption(_("Choose another value than the run has now."))
        return None
    return plan(run, twin, lab.runs(), seeds=seeds)


def _what_starts(run: Run, wanted: Plan) -> str:
    missing, known = len(wanted.missing), len(wanted.runs) - len(wanted.missing)
    if not missing:
        return _("All {count} runs are there already: nothing is trained again.").format(count=known)
    took = _("The original took {time}.").format(time=duration(run.seconds)) if run.seconds and not run.active else ""
    if missing == 1:
        first = wanted.missing[0]
        return together(_("Trains “{title}”.").format(title=shown_name(first.name, first.config, (COMPARED,))), took)
    trains = _("Trains {count} runs: seeds {first} to {last} of each.")
    if known > 1:
        trains = _("Trains {count} runs: seeds {first} to {last} of each; {known} of the {total} are there already.")
    seeds = {"first": wanted.twins[0].config.seed, "last": wanted.twins[-1].config.seed}
    return together(trains.format(count=missing, known=known, total=known + missing, **seeds), took)


def _start(lab: Lab, run: Run, wanted: Plan) -> None:
    try:
        ids = start_missing(lab, run, wanted, st.session_state[TOKEN])
    except CNNLabError as error:
        st.error(quoting(in_titles(error)), icon=":material/error:")
        return
    _forget()
    st.switch_page(RUNS_PAGE, query_params=side_by_side(ids) | in_links())
