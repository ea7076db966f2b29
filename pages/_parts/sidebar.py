"""The sidebar below the list of pages: what this visitor is training, their name, and the language."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import streamlit as st
from streamlit.components import v2

from cnnlab.errors import CNNLabError
from cnnlab.i18n import language, ngettext, tag, translated
from cnnlab.lab import Lab
from cnnlab.runs.records import IN_PROCESS
from cnnlab.runs.summaries import Summary
from cnnlab.text import percent
from pages._parts.language import in_links, switch
from pages._parts.run_words import STATE_ICONS, STATE_WORDS, short_title, start_words
from pages._parts.visitor import ask_for_name, visitor

POLL_SECONDS = 5.0
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
    """The visitor's runs that wait or train; those in a process first, then in the order in which they were started."""
    try:
        name = visitor()
        own = [run for run in lab.summaries().runs if run.active and run.owner == name]
    except CNNLabError:  # the page shows the reason
        return []
    return sorted(own, key=lambda run: (run.state not in IN_PROCESS, run.created))


def _bars(lab: Lab) -> None:
    if not (runs := own_runs(lab)):
        return  # they have ended since the page was drawn
    starts = lab.sharing.starts()
    with st.container(key="own-runs", gap="xsmall"):
        for run in runs[:SHOWN]:
            share = share_done(lab, run)
            st.page_link(
                "pages/train.py", label=short_title(run), icon=STATE_ICONS[run.state], query_params={"run": run.id} | in_links()
            )
            start = starts.get(run.id)
            # Of one that waits its turn is worth more than what it has done.
            fact = start_words(start) if start else percent(share, 0)
            st.progress(share, text=f"{translated(STATE_WORDS[run.state])} · {fact}")
        if len(runs) > SHOWN:
            more = len(runs) - SHOWN
            label = ngettext("{count:,} more of your runs", "{count:,} more of your runs", more).format(count=more)
            st.page_link("pages/runs.py", label=label, query_params=in_links())


def share_done(lab: Lab, run: Summary) -> float:
    """How much of its training is done, from 0 to 1."""
    try:
        latest = next(reversed(lab.progress(run.id, points=2)), None)
    except CNNLabError:  # deleted a moment ago
        latest = None
    return min(1.0, max(0.0, latest.share_done if latest else run.epochs_done / run.epochs))
