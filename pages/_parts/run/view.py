"""One run, while it trains and afterwards: progress, curves, epochs, errors, and what to do next."""

from __future__ import annotations

import gc
import secrets
from functools import cache, partial
from pathlib import Path

import pandas as pd
import pyarrow as pa
import streamlit as st

from cnnlab.architectures import own_code
from cnnlab.config import RunConfig
from cnnlab.config_words import settings, words
from cnnlab.config_words import title as title_of
from cnnlab.i18n import N_, _, translated
from cnnlab.lab import Lab
from cnnlab.reports.svg_files import run_svg
from cnnlab.run_names import note_of
from cnnlab.runs.records import Run, State
from cnnlab.text import ago
from pages._parts.grid import grid
from pages._parts.heading import with_terms
from pages._parts.live.feed import feed
from pages._parts.live.pace import RERUN_SECONDS
from pages._parts.live.plot import live_plots
from pages._parts.live.snapshot import FORMATS
from pages._parts.markdown import box, escaped, isolated
from pages._parts.refreshing import refresh_if
from pages._parts.run.actions import run_actions
from pages._parts.run.away import take_away
from pages._parts.run.meaning import beside_known_runs, diagnosed
from pages._parts.run.strip import strip
from pages._parts.run_words import title
from pages._parts.shell import fragment
from pages._parts.svg_button import svg_button

ALL_SETTINGS = "all settings of the run"  # whether they are open
AT_REST_SECONDS = 5.0  # between two checks of a run at rest: the lab or another browser may resume it
LOGARITHMIC = N_("Logarithmic loss")
TABLE_HEIGHT = 248  # a header and six epochs; the rest scrolls, so that the page does not grow with each epoch
OPTIMISTIC = N_(
    "The best epoch is the one with the highest test accuracy. Chosen on the test images, its accuracy is slightly optimistic; "
    "a share of the training images kept aside for validation avoids that."
)
STYLE = Path(__file__).with_suffix(".css")


def run_view(lab: Lab, run: Run) -> None:
    """Draws the run; the part that changes is a fragment."""
    st.html(STYLE)
    with st.container(key="run-title"):
        st.title(escaped(" ".join(title(run).split())), anchor=False)
    if run.owner:
        words = _("Queued by {owner}, {ago}") if run.state is State.QUEUED else _("Started by {owner}, {ago}")
    else:
        words = _("Queued {ago}") if run.state is State.QUEUED else _("Started {ago}")
    st.caption(words.format(owner=escaped(isolated(run.owner)), ago=ago(run.created)))
    if run.note:
        st.html(box(note_of(run)))
    # Outside the fragment, so that a redraw does not interrupt someone who types a note.
    run_actions(lab, run)
    status = feed.run(lab, run.id).status(fresh=True)
    # An active run is polled by plot.js; its timer is for browsers whose polls fail.
    drawn = status.page_revision, run.epochs_done > 0
    fragment(_live, run_every=RERUN_SECONDS if run.active else AT_REST_SECONDS)(lab, run.id, drawn)
    fragment(_configuration)(run.config)
    code = run.config.architecture == own_code.NAME
    fragment(take_away)(lab, run.id, evaluated=run.epochs_done > 0, code=code, dataset=run.config.dataset)


def _live(lab: Lab, run_id: str, drawn: tuple[int, bool]) -> None:
    """What changes; `drawn`: the revision of the rest of the page, and whether an epoch was done when it was drawn."""
    live_run, logarithmic = feed.run(lab, run_id), bool(st.session_state.get(LOGARITHMIC))
    snapshot = live_run.snapshot(logarithmic=logarithmic)
    run = snapshot.status.run
    if run.active:
        feed.follow(live_run, st.session_state.setdefault("browser", secrets.token_hex(8)), logarithmic=logarithmic)
        freeze_modules()
    else:
        refresh_if(lambda: live_run.status(fresh=False) != snapshot.status)
    if (snapshot.status.page_revision, run.epochs_done > 0) != drawn:
        st.rerun()  # the whole page: its buttons have changed
    diagnosis = snapshot.diagnosis
    if run.message and run.state is not State.STARTING and not (diagnosis and run.message == diagnosis.sentence):
        show = st.error if run.state is State.FAILED else st.warning
        show(escaped(translated(run.message)), icon=":material/error:")
    live_plots(snapshot.plots, key=f"curves {run.id}")
    if diagnosis:
        diagnosed(run, diagnosis)
    if snapshot.beside:
        beside_known_runs(run, snapshot.beside, [each for each in snapshot.suspects if each != diagnosis])
    equal = _("Equal distances for equal ratios: separates small losses late in a run.")
    with st.container(horizontal=True, vertical_alignment="center"):
        st.toggle(translated(LOGARITHMIC), key=LOGARITHMIC, help=equal)
        if run.epochs_done:
            svg_button(
                partial(_curves_svg, lab, run_id, logarithmic=logarithmic), f"cnnlab-{run_id}-curves", key=f"svg of {run_id}"
            )
    for notice in snapshot.notices:
        st.warning(escaped(translated(notice)), icon=":material/lightbulb:")
    strip(lab, run)
    _table(snapshot.table_revision, snapshot.epochs)
    if snapshot.optimistic:
        st.caption(translated(OPTIMISTIC))


def _curves_svg(lab: Lab, run_id: str, *, logarithmic: bool) -> str:
    run = lab.run(run_id)
    return run_svg(lab.epochs(run_id), title(run), run.config.classes, over=run.over, logarithmic=logarithmic)


# Drawn once and replayed to all browsers of a language, which has revisions of its own: making the element takes three times as
# long.
@st.cache_resource(max_entries=64, show_spinner=False)
def _table(revision: int, _epochs: pa.Table) -> None:
    if not _epochs.num_rows:
        st.caption(_("Each epoch adds a row here: its losses, its accuracies and how long it took."))
        return
    number = st.column_config.NumberColumn
    columns = {
        name: number(translated(name), format=FORMATS[name], help=with_terms("", name) or None) for name in _epochs.column_names
    }
    grid(_epochs, height=TABLE_HEIGHT, key="epochs", column_config=columns)


def _configuration(config: RunConfig) -> None:
    # Its rows are drawn when it is opened: a table is the costliest element of a page, and this one is seldom looked at.
    place = st.expander(_("All settings of this run"), icon=":material/tune:", key=ALL_SETTINGS, on_change="rerun")
    if not place.open:
        return
    with place:
        rows = [(title_of(name, config.architecture), words(name, value)) for name, value in settings(config).items()]
        grid(pd.DataFrame(rows, columns=[_("Setting"), _("Value")]), height=280, key="configuration")


@cache
def freeze_modules() -> None:
    """Freezes current objects (gc.freeze), so that collection does not rescan loaded modules: 0.2 s each time, for all browsers.

    Call it when the modules that a page needs are loaded. Cyclic garbage of that moment is collected first.
    """
    gc.collect()
    gc.freeze()
