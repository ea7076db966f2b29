"""One run as it goes and when it is over: progress, curves, epochs, what went wrong, and what to do next."""

from __future__ import annotations

import secrets
from typing import Any

import pandas as pd
import pyarrow as pa
import streamlit as st

from cnnlab.config import RunConfig
from cnnlab.config_words import settings, words
from cnnlab.config_words import title as title_of
from cnnlab.lab import Lab
from cnnlab.runs.records import Run, State
from cnnlab.text import ago
from pages._parts.live.news import FORMATS, watched
from pages._parts.live.pace import LOOK_SECONDS, shared
from pages._parts.live.plot import live_plots
from pages._parts.markdown import box, escaped
from pages._parts.run.actions import run_actions
from pages._parts.run.sentence import by_whom
from pages._parts.run.words import title
from pages._parts.server_costs import leave_modules_alone
from pages._parts.shell import fragment

REST_SECONDS = 5.0  # between two looks at a run that rests: another browser may resume it, or the lab itself
LOGARITHMIC = "Logarithmic loss"
TABLE_HEIGHT = 248  # a header and six epochs; the rest scrolls, so that the page does not grow at each epoch
# A name may be long, and may run from right to left.
TITLE_STYLE = """<style>
.st-key-run-title h1 { unicode-bidi: plaintext; overflow-wrap: anywhere; max-height: 6.2rem; overflow: auto; }
</style>"""


def run_view(lab: Lab, run: Run) -> None:
    """Draws the run, and draws its changing part again and again."""
    with st.container(key="run-title"):
        st.html(TITLE_STYLE)
        st.title(escaped(" ".join(title(run).split())), anchor=False)
    st.caption(by_whom(run, ago(run.created)))
    if run.note:
        st.html(box(run.note))
    # The buttons stand outside the part that is drawn again and again, so that a note can be typed in peace.
    run_actions(lab, run)
    moment = watched(lab, run.id).moment(fresh=True)
    # A run in progress has its own news fetched (live_plot.py): this is for browsers that missed them.
    fragment(_live, run_every=LOOK_SECONDS if run.active else REST_SECONDS)(lab, run.id, moment.outline)
    _configuration(run.config)


def _live(lab: Lab, run_id: str, drawn: tuple[Any, ...]) -> None:
    every, logarithmic = watched(lab, run_id), bool(st.session_state.get(LOGARITHMIC))
    moment = every.moment(fresh=False)
    run = moment.run
    if run.active:
        every.follow(logarithmic=logarithmic)
        shared.seen(st.session_state.setdefault("watcher", secrets.token_hex(8)))
        leave_modules_alone()
    if moment.outline != drawn:
        st.rerun()  # once as a whole: other buttons, other runs
    if run.message:
        tell = st.error if run.state is State.FAILED else st.warning
        tell(escaped(run.message), icon=":material/error:")
    news = every.news(moment, logarithmic=logarithmic)
    live_plots(news.curves, key=f"curves {run.id}")
    st.toggle(LOGARITHMIC, key=LOGARITHMIC, help="Equal distances for equal ratios: small losses can be told apart late in a run.")
    for notice in news.notices:
        st.warning(escaped(notice), icon=":material/lightbulb:")
    _table(news.table, news.epochs)


# Drawn once and replayed to all who watch: making the element takes three times as long.
@st.cache_resource(max_entries=64, show_spinner=False)
def _table(of: str, _epochs: pa.Table) -> None:
    if not _epochs.num_rows:
        st.container(height=TABLE_HEIGHT).caption("Each epoch adds a row here: its losses, its accuracies and how long it took.")
        return
    columns = {name: st.column_config.NumberColumn(format=FORMATS[name]) for name in _epochs.column_names}
    st.dataframe(_epochs, hide_index=True, height=TABLE_HEIGHT, key="epochs", column_config=columns)


def _configuration(config: RunConfig) -> None:
    with st.expander("All settings of this run", icon=":material/tune:"):
        rows = [(title_of(name, config.architecture), words(name, value)) for name, value in settings(config).items()]
        st.dataframe(pd.DataFrame(rows, columns=["Setting", "Value"]), hide_index=True, height=280, key="configuration")
