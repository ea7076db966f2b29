"""The sidebar below the list of pages: what this visitor is training, their name, and the language."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import NamedTuple

import streamlit as st
from streamlit.components import v2

from cnnlab.errors import CNNLabError
from cnnlab.i18n import language, ngettext, tag, translated
from cnnlab.lab import Lab
from cnnlab.runs.records import IN_PROCESS, State
from cnnlab.runs.summaries import Summary
from cnnlab.text import percent
from pages._parts.language import in_links, switch
from pages._parts.refreshing import refresh_if
from pages._parts.run_words import STATE_ICONS, STATE_WORDS, short_title, start_words
from pages._parts.visitor import ask_for_name, visitor

POLL_SECONDS = 5.0
OTHERS_SECONDS = 15.0  # between two redraws because of other people's runs: those of a class change every second
SHOWN = 3  # runs; the Runs page has all
_menu = v2.component(
    "cnnlab_menu",
    js=Path(__file__).with_suffix(".js").read_text(encoding="utf-8"),
    isolate_styles=False,  # a shadow root would hide the sidebar from the script
)


def sidebar(lab: Lab, fragment: Callable[..., Callable[..., None]]) -> None:
    """Draws it; the bars are a `fragment` (shell.py), which moves without the rest of the page."""
    with st.sidebar:
        if own_runs(lab):
            fragment(_bars, run_every=POLL_SECONDS)(lab)
        ask_for_name()
        switch()
        _menu(data={"language": tag(language())}, key="unseen menu")


def own_runs(lab: Lab) -> list[Summary]:
    """As `runs_of` this visitor."""
    try:
        return runs_of(lab, visitor())
    except CNNLabError:  # the page shows the reason
        return []


def runs_of(lab: Lab, name: str) -> list[Summary]:
    """The runs of this name that wait or train; those in a process first, then in the order in which they were started."""
    own = [run for run in lab.summaries().active if run.owner == name]
    return sorted(own, key=lambda run: (run.state not in IN_PROCESS, run.created))


def states_of(lab: Lab, name: str) -> list[tuple[str, State]]:
    """The runs of this name that wait or train, in the order of `runs_of`, each with its state."""
    return [(run.id, run.state) for run in runs_of(lab, name)]


def _bars(lab: Lab) -> None:
    name = visitor()
    states = states_of(lab, name)
    drawn = bars, more = _shown(lab, name)
    refresh_if(partial(_is_outdated, lab, name, drawn, states, time.monotonic()))
    if not bars:
        return  # they have ended since the page was drawn
    with st.container(key="own-runs", gap="xsmall"):
        for bar in bars:
            st.page_link("pages/train.py", label=bar.title, icon=bar.icon, query_params={"run": bar.run} | in_links())
            st.progress(bar.percent, text=bar.text)
        if more:
            label = ngettext("{count:,} more of your runs", "{count:,} more of your runs", more).format(count=more)
            st.page_link("pages/runs.py", label=label, query_params=in_links())


class _Bar(NamedTuple):
    run: str
    title: str
    icon: str
    percent: int  # that is done
    text: str


def _is_outdated(lab: Lab, name: str, drawn: object, states: object, since: float) -> bool:
    """Whether what was drawn for this name at the time `since`, with its runs in these states, has to be drawn again.

    In a class the places of all that wait change every few seconds, so they alone are no reason for OTHERS_SECONDS.
    """
    now = states_of(lab, name)
    if now != states:
        return True
    trains = any(state in IN_PROCESS for _run, state in now)
    return (trains or time.monotonic() - since > OTHERS_SECONDS) and _shown(lab, name) != drawn


def _shown(lab: Lab, name: str) -> tuple[list[_Bar], int]:
    """What is drawn for this name, and how many runs more there are."""
    runs, starts, bars = runs_of(lab, name), lab.sharing.starts(), []
    for run in runs[:SHOWN]:
        share, start = share_done(lab, run), starts.get(run.id)
        # Of one that waits its turn is worth more than what it has done.
        text = f"{translated(STATE_WORDS[run.state])} · {start_words(start) if start else percent(share, 0)}"
        bars.append(_Bar(run.id, short_title(run), STATE_ICONS[run.state], int(100 * share), text))
    return bars, max(0, len(runs) - SHOWN)


def share_done(lab: Lab, run: Summary) -> float:
    """How much of its training is done, from 0 to 1."""
    if run.state is State.QUEUED and not run.seconds:
        return 0.0  # as most that wait: the record need not be asked
    try:
        latest = next(reversed(lab.progress(run.id, points=2)), None)
    except CNNLabError:  # deleted a moment ago
        latest = None
    return min(1.0, max(0.0, latest.share_done if latest else run.epochs_done / run.epochs))
