"""One run as it goes and when it is over: progress, curves, epochs, what went wrong, and what to do next."""

from __future__ import annotations

from typing import Any

import pandas as pd
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from cnnlab.config import RunConfig
from cnnlab.errors import CNNLabError
from cnnlab.events import EpochDone, Notice, Progress, RunStarted
from cnnlab.figures.curves import accuracy_curve, loss_curve
from cnnlab.lab import Lab
from cnnlab.runs.records import Run, State
from pages._parts.live_plot import live_plot
from pages._parts.run_actions import run_actions
from pages._parts.run_sentence import by_whom, sentence
from pages._parts.run_words import ago, box, escaped, title
from pages._parts.settings import WORDS

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
    live = st.fragment(_live, run_every=POLL_SECONDS if run.active else REST_SECONDS)
    live(lab, run.id, _outline(run), state)
    _configuration(run.config)


def _outline(run: Run) -> tuple[Any, ...]:
    """What the part of the page that is not drawn again and again depends on."""
    return run.state, run.position, run.epochs_done > 0, run.has_checkpoint, run.name, run.note, run.config.epochs


def _live(lab: Lab, run_id: str, drawn: tuple[Any, ...], state: DeltaGenerator) -> None:
    try:
        run = lab.run(run_id)
        epochs, progress, events = lab.epochs(run_id), lab.progress(run_id), lab.events(run_id)
    except CNNLabError as error:
        st.error(escaped(str(error)), icon=":material/error:")
        return
    if _outline(run) != drawn:
        st.rerun()  # once as a whole: other buttons, another pace
    latest = progress[-1] if progress else None
    started = next((event for event in events if isinstance(event, RunStarted)), None)
    with state:
        done = latest.share_done if latest else 0.0
        st.progress(1.0 if run.state is State.FINISHED else min(1.0, max(0.0, done)), sentence(lab, run, latest))
        if run.message:
            tell = st.error if run.state is State.FAILED else st.warning
            tell(escaped(run.message), icon=":material/error:")
    st.toggle(
        "Logarithmic loss",
        key="logarithmic loss",
        help="Equal distances for equal ratios: small losses can be told apart late in a run.",
    )
    _curves(run, epochs, progress, started.classes if started else None)
    for notice in (event for event in events if isinstance(event, Notice)):
        st.warning(escaped(notice.message), icon=":material/lightbulb:")
    _table(epochs)


def _curves(run: Run, epochs: tuple[EpochDone, ...], progress: tuple[Progress, ...], classes: int | None) -> None:
    left, right = st.columns(2)
    over = run.state in (State.STOPPED, State.FAILED, State.FINISHED)
    total = max(1, run.epochs_done, progress[-1].epoch if progress else 1) if over else run.config.epochs
    with left:
        figure = loss_curve(run.id, epochs, progress, total, logarithmic=st.session_state.get("logarithmic loss", False))
        live_plot(figure, key=f"loss {run.id}", label="Training and test loss against epochs")
    with right:
        figure = accuracy_curve(run.id, epochs, progress, total, classes=classes)
        live_plot(figure, key=f"accuracy {run.id}", label="Training and test accuracy against epochs")


def _table(epochs: tuple[EpochDone, ...]) -> None:
    if not epochs:
        st.container(height=TABLE_HEIGHT).caption("Each epoch adds a row here: its losses, its accuracies and how long it took.")
        return
    rows = [
        (e.epoch, e.train_loss, 100 * e.train_accuracy, e.test_loss, 100 * e.test_accuracy, e.learning_rate, e.seconds)
        for e in reversed(epochs)
    ]
    names = ["Epoch", "Training loss", "Training accuracy", "Test loss", "Test accuracy", "Learning rate", "Seconds"]
    formats = ["%d", "%.4f", "%.1f %%", "%.4f", "%.1f %%", "%.4g", "%.1f"]
    st.dataframe(
        pd.DataFrame(rows, columns=names), hide_index=True, height=TABLE_HEIGHT, key="epochs",
        column_config={name: st.column_config.NumberColumn(format=form) for name, form in zip(names, formats, strict=True)},
    )  # fmt: skip


def _configuration(config: RunConfig) -> None:
    with st.expander("All settings of this run", icon=":material/tune:"):
        settings = {RunConfig.model_fields[name].title or name: value for name, value in config if name != "options"}
        settings |= {f"{name} (network)": value for name, value in config.options.items()}
        words = {name: "off" if value is None else WORDS.get(value, str(value)) for name, value in settings.items()}
        st.dataframe(
            pd.DataFrame({"Setting": words.keys(), "Value": words.values()}), hide_index=True, height=280, key="configuration"
        )
