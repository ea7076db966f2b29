"""One run as it goes and when it is over: progress, curves, epochs, what went wrong, and what to do next."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pyarrow as pa
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from cnnlab.config import RunConfig
from cnnlab.lab import Lab
from cnnlab.runs.records import Run, State
from pages._parts.live_plot import live_plot
from pages._parts.run_actions import run_actions
from pages._parts.run_list import outline
from pages._parts.run_news import FORMATS, news_of
from pages._parts.run_sentence import by_whom, sentence
from pages._parts.run_words import ago, box, escaped, title
from pages._parts.settings import WORDS
from pages._parts.shell import fragment

POLL_SECONDS = 1.0
REST_SECONDS = 5.0  # between two looks at a run that rests: another browser may resume it, or the lab itself
TABLE_HEIGHT = 248  # a header and six epochs; the rest scrolls, so that the page does not grow at each epoch
# A name may be long, and may run from right to left.
TITLE_STYLE = """<style>
.st-key-run-title h1 { unicode-bidi: plaintext; overflow-wrap: anywhere; max-height: 6.2rem; overflow: auto; }
</style>"""


def run_view(lab: Lab, run: Run) -> None:
    """Draws the run, and draws its changing part again each second while it is active."""
    with st.container(key="run-title"):
        st.html(TITLE_STYLE)
        st.title(escaped(" ".join(title(run).split())), anchor=False)
    st.caption(by_whom(run, ago(run.created)))
    if run.note:
        st.html(box(run.note))
    # The buttons stand outside the part that is drawn again and again, so that a note can be typed in peace.
    state = st.container()
    run_actions(lab, run)
    live = fragment(_live, run_every=POLL_SECONDS if run.active else REST_SECONDS)
    live(lab, run.id, (_outline(run), outline(lab)), state)
    _configuration(run.config)


def _outline(run: Run) -> tuple[Any, ...]:
    """What the part of the page that is not drawn again and again depends on."""
    return run.state, run.position, run.epochs_done > 0, run.has_checkpoint, run.name, run.note, run.config.epochs


def _live(lab: Lab, run_id: str, drawn: tuple[Any, ...], state: DeltaGenerator) -> None:
    run = lab.run(run_id)
    latest = next(reversed(lab.progress(run_id, points=2)), None)
    if (_outline(run), outline(lab)) != drawn:
        st.rerun()  # once as a whole: other buttons, another pace
    with state:
        done = latest.share_done if latest else 0.0
        st.progress(1.0 if run.state is State.FINISHED else min(1.0, max(0.0, done)), sentence(lab, run, latest))
        if run.message:
            tell = st.error if run.state is State.FAILED else st.warning
            tell(escaped(run.message), icon=":material/error:")
    logarithmic = st.toggle(
        "Logarithmic loss",
        key="logarithmic loss",
        help="Equal distances for equal ratios: small losses can be told apart late in a run.",
    )
    news = news_of(lab, run, latest, logarithmic=logarithmic)
    left, right = st.columns(2)
    with left:
        live_plot(news.loss, key=f"loss {run.id}", label="Training and test loss against epochs")
    with right:
        live_plot(news.accuracy, key=f"accuracy {run.id}", label="Training and test accuracy against epochs")
    for notice in news.notices:
        st.warning(escaped(notice), icon=":material/lightbulb:")
    _table(news.epochs)


def _table(epochs: pa.Table) -> None:
    if not epochs.num_rows:
        st.container(height=TABLE_HEIGHT).caption("Each epoch adds a row here: its losses, its accuracies and how long it took.")
        return
    columns = {name: st.column_config.NumberColumn(format=FORMATS[name]) for name in epochs.column_names}
    st.dataframe(epochs, hide_index=True, height=TABLE_HEIGHT, key="epochs", column_config=columns)


def _configuration(config: RunConfig) -> None:
    with st.expander("All settings of this run", icon=":material/tune:"):
        settings = {RunConfig.model_fields[name].title or name: value for name, value in config if name != "options"}
        settings |= {f"{name} (network)": value for name, value in config.options.items()}
        words = {name: "off" if value is None else WORDS.get(value, str(value)) for name, value in settings.items()}
        st.dataframe(
            pd.DataFrame({"Setting": words.keys(), "Value": words.values()}), hide_index=True, height=280, key="configuration"
        )
