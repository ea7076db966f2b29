"""What can be done with a sweep: stop, go on, train its best again, save it, delete it."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from functools import partial

import streamlit as st

from cnnlab.errors import CNNLabError
from cnnlab.i18n import _, ngettext, together, translated
from cnnlab.lab import Lab
from cnnlab.sweeps.values import Sweep
from cnnlab.text import percent
from cnnlab.twins import SEEDS, repeated
from pages._parts.language import in_links
from pages._parts.markdown import escaped, isolated, quoting
from pages._parts.shell import dialog
from pages._parts.sweeps.words import ENDED, sweep_title
from pages._parts.twins import RUNS_PAGE, start_missing
from pages._parts.visitor import not_yours, visitor

DELETED = "name of the sweep that was just deleted"
ASKED_TO_DELETE = "sweep whose deletion is to be confirmed"
WITH_RUNS = "delete the runs of the sweep too"


def sweep_actions(lab: Lab, sweep: Sweep) -> None:
    """Draws the row. A click that comes too late shows a message and the sweep's present state."""
    refusal = not_yours(sweep)
    running, open_ones = sweep.state == "running", sweep.config.total - sweep.count(*ENDED)
    with st.container(horizontal=True, vertical_alignment="center", key="sweep actions"):
        if running:
            _button(
                _("Stop"), "stop", refusal, partial(lab.sweeps.stop, sweep.id, owner=visitor(), now=True),
                help=_("Begins no further run, and stops those that train. “Resume” goes on where it stopped."),
            )  # fmt: skip
        elif open_ones > 0:
            _button(
                _("Resume"), "play_arrow", refusal, partial(lab.sweeps.resume, sweep.id, owner=visitor()), primary=True,
                help=_("Goes on with what is left of its {count} runs; its minutes count from 0 again.").format(
                    count=sweep.config.total
                ),
            )  # fmt: skip
        if (best := sweep.best) and best.run_id:
            with st.container(key="link best run", width="content"):
                st.page_link(
                    "pages/train.py", label=_("Open the best run"), icon=":material/trophy:",
                    query_params={"run": best.run_id} | in_links(),
                )  # fmt: skip
            if not running:
                _more_seeds(lab, sweep, best.run_id)
        if sweep.run_ids:
            # A button, because Streamlit highlights each page link to the current page.
            compares = st.button(
                _("Compare its runs"), icon=":material/compare_arrows:", type="tertiary",
                help=_("Its runs alone in the table of all runs: curves, differences, disagreements."),
            )  # fmt: skip
            if compares:
                st.switch_page(RUNS_PAGE, query_params={"tag": sweep.tag} | in_links())
            st.download_button(
                _("Save as CSV"), partial(lab.sweeps.csv, sweep.id), f"cnnlab-sweep-{sweep.id}.csv", "text/csv", on_click="ignore",
                icon=":material/download:", type="tertiary", help=_("A row for each run: its settings and results."),
            )  # fmt: skip
        st.button(
            _("Delete …"), icon=":material/delete:", type="tertiary", disabled=bool(refusal) or running, on_click=_ask,
            args=(sweep.id,), help=refusal or (_("Stop the sweep before you delete it.") if running else None),
        )  # fmt: skip
    if st.session_state.get(ASKED_TO_DELETE) == sweep.id:
        dialog(_("Delete this sweep?"), _confirm, icon=":material/delete:", on_dismiss=_forget)(lab, sweep)


def _button(label: str, icon: str, refusal: str | None, action: Callable[[], object], *, help: str, primary: bool = False) -> None:
    st.button(
        label, icon=f":material/{icon}:", type="primary" if primary else "secondary", disabled=bool(refusal), help=refusal or help,
        on_click=_attempt, args=(action,),
    )  # fmt: skip


def _attempt(action: Callable[[], object]) -> None:
    try:
        action()
    except CNNLabError as error:
        st.toast(escaped(translated(error)), icon=":material/error:", duration="long")


def _more_seeds(lab: Lab, sweep: Sweep, run_id: str) -> None:
    """What the sentence about chance recommends."""
    try:
        plan = repeated(lab.run(run_id), lab.runs(), seeds=SEEDS)
    except CNNLabError:  # deleted a moment ago
        return
    missing = len(plan.missing)
    trains = ngettext(
        "Trains {count} more run of the best settings, and opens the mean with its spread. The best of many runs was lucky, too.",
        "Trains {count} more runs of the best settings, and opens the mean with its spread. The best of many runs was lucky, too.",
        missing,
    )
    pressed = st.button(
        _("Train the best again with three seeds"), icon=":material/casino:", key=f"seeds {sweep.id}",
        help=trains.format(count=missing) if missing else _("They are there already: opens the mean with its spread."),
    )  # fmt: skip
    if not pressed:
        return
    try:
        ids = start_missing(lab, lab.run(run_id), plan, uuid.uuid5(uuid.NAMESPACE_OID, sweep.id + run_id).hex)
    except CNNLabError as error:
        st.toast(escaped(translated(error)), icon=":material/error:", duration="long")
        return
    st.switch_page(RUNS_PAGE, query_params={"runs": ",".join(ids), "fold": "true"} | in_links())


def to_all_runs() -> None:
    """Leaves the sweep for the table of all runs."""
    st.query_params.from_dict(in_links())


def _ask(sweep_id: str) -> None:
    st.session_state[ASKED_TO_DELETE] = sweep_id


def _forget() -> None:
    st.session_state.pop(ASKED_TO_DELETE, None)


def _confirm(lab: Lab, sweep: Sweep) -> None:
    count = len(sweep.run_ids)
    gone = _("“{name}” will no longer be listed. **This cannot be undone.**").format(name=escaped(isolated(sweep_title(sweep))))
    best = _("Its best reached {accuracy}.").format(accuracy=percent(sweep.best.accuracy)) if sweep.best else ""
    st.markdown(together(gone, best))
    with_runs = count > 0 and st.toggle(
        ngettext("Delete its {count} run too", "Delete its {count} runs too", count).format(count=count), key=WITH_RUNS,
        help=_("With their curves, weights and predictions. Otherwise they stay in the table of all runs."),
    )  # fmt: skip
    with st.container(horizontal=True):
        if st.button(_("Delete it"), type="primary", icon=":material/delete:", key=f"really delete {sweep.id}"):
            try:
                lab.sweeps.delete(sweep.id, owner=visitor(), with_runs=with_runs)
            except CNNLabError as error:
                st.error(quoting(translated(error)), icon=":material/error:")
                return
            _forget()
            st.session_state[DELETED] = sweep_title(sweep)
            to_all_runs()
            st.rerun()
        if st.button(_("Keep it"), key=f"keep {sweep.id}"):
            _forget()
            st.rerun()
