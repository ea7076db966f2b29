"""One run as it goes and when it is over: progress, curves, epochs, what went wrong, and what to do next."""

from __future__ import annotations

import secrets
from typing import Any

import pandas as pd
import pyarrow as pa
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from cnnlab.config import RunConfig
from cnnlab.lab import Lab
from cnnlab.runs.records import Run, State
from pages._parts.live_plot import live_plots
from pages._parts.run_actions import run_actions
from pages._parts.run_news import FORMATS, Moment, watched
from pages._parts.run_pace import shared
from pages._parts.run_sentence import by_whom
from pages._parts.run_words import ago, box, escaped, title
from pages._parts.server_costs import leave_modules_alone
from pages._parts.settings import WORDS
from pages._parts.shell import fragment

PACED_SECONDS = 20.0  # between two looks at how many others watch
REST_SECONDS = 5.0  # between two looks at a run that rests: another browser may resume it, or the lab itself
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
    state = st.container()
    run_actions(lab, run)
    moment = watched(lab, run.id).moment(fresh=True)
    fragment(_changing, run_every=PACED_SECONDS if run.active else None)(lab, run.id, _outline(moment), state, run.active)
    _configuration(run.config)


def _outline(moment: Moment) -> tuple[Any, ...]:
    """What the parts of the page that are not drawn again and again depend on."""
    run = moment.run
    return run.state, run.position, run.epochs_done > 0, run.has_checkpoint, run.name, run.note, run.config.epochs, moment.others


def _changing(lab: Lab, run_id: str, drawn: tuple[Any, ...], state: DeltaGenerator, active: bool) -> None:
    """Has what changes drawn again and again. Asks the lab nothing: if this failed, nobody would look again."""
    logarithmic = st.toggle(
        "Logarithmic loss",
        key="logarithmic loss",
        help="Equal distances for equal ratios: small losses can be told apart late in a run.",
    )
    # A fragment in a fragment: its pace can be changed while the rest of the page stays, an open dialog or a note half typed.
    fragment(_live, run_every=_pace() if active else REST_SECONDS)(lab, run_id, drawn, state, logarithmic)


def _pace() -> float:
    """Seconds until this browser is to look again."""
    return shared.asked(st.session_state.setdefault("watcher", secrets.token_hex(8)))


def _live(lab: Lab, run_id: str, drawn: tuple[Any, ...], state: DeltaGenerator, logarithmic: bool) -> None:
    every = watched(lab, run_id)
    moment = every.moment(fresh=False)
    run, latest = moment.run, moment.latest
    if run.active:
        _pace()  # is seen to look
        leave_modules_alone()
    if _outline(moment) != drawn:
        st.rerun()  # once as a whole: other buttons, other runs
    with state:
        done = latest.share_done if latest else 0.0
        st.progress(1.0 if run.state is State.FINISHED else min(1.0, max(0.0, done)), moment.sentence)
        if run.message:
            tell = st.error if run.state is State.FAILED else st.warning
            tell(escaped(run.message), icon=":material/error:")
    news = every.news(moment, logarithmic=logarithmic)
    live_plots(news.curves, key=f"curves {run.id}")
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
        settings = {RunConfig.model_fields[name].title or name: value for name, value in config if name != "options"}
        settings |= {f"{name} (network)": value for name, value in config.options.items()}
        words = {name: "off" if value is None else WORDS.get(value, str(value)) for name, value in settings.items()}
        st.dataframe(
            pd.DataFrame({"Setting": words.keys(), "Value": words.values()}), hide_index=True, height=280, key="configuration"
        )
