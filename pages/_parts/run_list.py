"""The record of runs as a short table of links, newest first."""

from __future__ import annotations

import streamlit as st

from cnnlab.lab import Lab
from pages._parts.run_words import STATE_ICONS, STATE_WORDS, ago, duration, escaped, share, title

SHOWN = 6  # rows at first; more on request, since each is a row of page elements


def run_list(lab: Lab, *, but: str | None = None) -> None:
    """Draws the runs so far, each a link to itself; `but` is the one that is on the page already."""
    runs = lab.runs()
    others = [run for run in runs if run.id != but]
    if not runs:
        st.info(
            "Nothing has been trained here yet. “Start training” above starts your first network; "
            "with the first recipe that takes half a minute."
        )
        return
    if not others:
        return
    st.markdown("#### Runs so far" if but is None else "#### Other runs")
    shown = others if st.session_state.get("all runs") else others[:SHOWN]
    for run in shown:
        name, state, accuracy, when = st.columns([4, 2, 2, 2], vertical_alignment="center")
        name.button(
            escaped(title(run)), key=f"open {run.id}", type="tertiary", icon=STATE_ICONS[run.state], on_click=_open, args=(run.id,)
        )
        state.caption(f"{STATE_WORDS[run.state]} · {run.epochs_done} of {run.config.epochs} epochs")
        accuracy.caption(
            f"{share(run.test_accuracy)} test accuracy"
            if run.test_accuracy is not None
            else "no result yet"
            if run.active
            else "no result"
        )
        when.caption(ago(run.created) + (f" · took {duration(run.seconds)}" if run.seconds and not run.active else ""))
    if len(others) > SHOWN:
        st.toggle(f"Show all {len(others)}", key="all runs")


def _open(run_id: str) -> None:
    # A button and not a page link: on its own page a link is drawn as the current one, here each of them.
    st.query_params.from_dict({"run": run_id})
