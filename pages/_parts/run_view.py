"""One run as it goes and when it is over: progress, curves, epochs, what went wrong, and what to do next."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from cnnlab.config import RunConfig
from cnnlab.errors import CNNLabError
from cnnlab.events import EpochDone, Notice, Progress, RunStarted
from cnnlab.figures.curves import accuracy_curve, loss_curve
from cnnlab.lab import Lab
from cnnlab.runs.records import Run, State
from pages._parts.live_plot import live_plot
from pages._parts.run_words import STATE_ICONS, STATE_WORDS, duration, escaped, share, title, whole_share
from pages._parts.settings import WORDS
from pages._parts.training_form import open_form

POLL_SECONDS = 1.0
TABLE_HEIGHT = 248  # a header and six epochs; the rest scrolls, so that the page does not grow at each epoch


def run_view(lab: Lab, run: Run) -> None:
    """Draws the run, and draws its changing part again each second while it is active."""
    st.title(escaped(title(run)), anchor=False)
    live = st.fragment(_live, run_every=POLL_SECONDS if run.active else None)
    live(lab, run.id, polled=run.active)
    _configuration(run.config)


def _live(lab: Lab, run_id: str, *, polled: bool) -> None:
    try:
        run = lab.run(run_id)
        epochs, progress, events = lab.epochs(run_id), lab.progress(run_id), lab.events(run_id)
    except CNNLabError as error:
        st.error(str(error), icon=":material/error:")
        return
    if polled and not run.active:
        st.rerun()  # once more as a whole, now without the timer
    latest = progress[-1] if progress else None
    started = next((event for event in events if isinstance(event, RunStarted)), None)
    _state(lab, run, latest)
    _actions(lab, run, has_checkpoint=bool(epochs))
    _curves(run, epochs, progress, started.classes if started else None)
    if run.message:
        st.error(escaped(run.message), icon=":material/error:")
    for notice in (event for event in events if isinstance(event, Notice)):
        st.warning(escaped(notice.message), icon=":material/lightbulb:")
    _table(epochs)


def _state(lab: Lab, run: Run, latest: Progress | None) -> None:
    done = latest.share_done if latest else 0.0
    st.progress(1.0 if run.state is State.FINISHED else min(1.0, max(0.0, done)), _sentence(lab, run, latest))


def _sentence(lab: Lab, run: Run, latest: Progress | None) -> str:
    lead = f"{STATE_ICONS[run.state]} **{STATE_WORDS[run.state]}**"
    total = run.config.epochs
    if run.state is State.QUEUED:
        return f"{lead}: {_ahead(lab, run)}"
    if run.state is State.STARTING or (latest is None and run.active):
        return f"{lead}: loading the images and building the network"
    if run.active and latest:
        left = "almost done" if latest.seconds_left < 1 else f"{duration(latest.seconds_left)} left"
        speed = f"{latest.images_per_second:,.0f} images/s"
        return f"{lead}: epoch {latest.epoch} of {total} · {whole_share(latest.share_done)} · {left} · {speed}"
    parts = [f"{run.epochs_done} of {total} epochs"]
    if run.seconds is not None:
        parts.append(duration(run.seconds))
    if run.test_accuracy is not None:
        parts.append(f"{share(run.test_accuracy)} of the test images right")
    if run.device:
        parts.append(run.device)
    return f"{lead}: {' · '.join(parts)}"


def _ahead(lab: Lab, run: Run) -> str:
    before = [other for other in lab.runs() if other.active and other.id != run.id and other.created <= run.created]
    if not before:
        return "it is next and starts in a moment"
    running = next((other for other in before if other.state is not State.QUEUED), before[-1])
    more = f" and {len(before) - 1} more" if len(before) > 1 else ""
    return f"it starts when “{escaped(title(running))}”{more} {'are' if more else 'is'} done"


def _actions(lab: Lab, run: Run, *, has_checkpoint: bool) -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        if run.active:
            asked = run.state is State.STOPPING
            label = "Stopping …" if asked else "Stop"
            if st.button(
                label,
                icon=":material/stop:",
                disabled=asked,
                key=f"stop {run.id}",
                help="Ends the run; the epochs so far are kept.",
            ):
                _stop(lab, run.id)
        st.page_link(
            "pages/predict.py", label="Look at its predictions", icon=":material/fact_check:", query_params={"run": run.id},
            disabled=not has_checkpoint, help=None if has_checkpoint else "There are some as soon as the first epoch is done.",
        )  # fmt: skip
        if st.button(
            "Change something and train again",
            icon=":material/edit:",
            key=f"change {run.id}",
            help="Opens the form with these settings.",
        ):
            open_form(run.config)
            st.rerun()
        st.toggle(
            "Logarithmic loss",
            key="logarithmic loss",
            help="Equal distances for equal ratios: small losses can be told apart late in a run.",
        )


def _stop(lab: Lab, run_id: str) -> None:
    try:
        lab.stop(run_id)
    except CNNLabError as error:
        st.toast(str(error), icon=":material/error:")
        return
    st.rerun()


def _curves(run: Run, epochs: tuple[EpochDone, ...], progress: tuple[Progress, ...], classes: int | None) -> None:
    left, right = st.columns(2)
    total = run.config.epochs if run.active else max(1, run.epochs_done, progress[-1].epoch if progress else 1)
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
