"""The queue, and the runs so far as a short table of links, newest first."""

from __future__ import annotations

import time
from collections.abc import Sequence

import streamlit as st

from cnnlab.i18n import _, ngettext, say, together, translated
from cnnlab.lab import Lab
from cnnlab.runs.records import MAY_GO_ON, Run, State
from cnnlab.runs.summaries import Summaries
from cnnlab.text import ago, duration, percent
from pages._parts.language import in_links
from pages._parts.markdown import escaped, isolated, quoting
from pages._parts.run.actions import queue_buttons
from pages._parts.run_words import best_accuracy, last_accuracy, short_title, start_words, state_icon, state_word
from pages._parts.shell import fragment
from pages._parts.sidebar import own_runs, share_done
from pages._parts.visitor import not_yours

SHOWN = 6  # rows at first; more on request, since each row is several page elements
QUEUE_SHOWN = 8
POLL_SECONDS = 3.0
OTHERS_SECONDS = 10.0  # between two redraws of a page because of other people's runs: a class's change every second


def run_list(lab: Lab, *, current: str | None = None) -> None:
    """Draws links to all runs except `current`, the one on the page, whose view then watches for changes."""
    summaries = lab.summaries()
    runs = lab.runs()
    warn_of_unreadable(runs.unreadable)
    if current is None:
        rerun_on_change(lab, summaries)
    others = [run for run in runs if run.id != current]
    if not runs:
        st.info(
            _(
                "Nothing has been trained here yet. “Start training” above starts your first network; "
                "with the first recipe that takes half a minute."
            )
        )
        return
    _queue(lab)
    others = [run for run in others if run.state is not State.QUEUED]
    if not others:
        return
    heading = _("Runs so far") if current is None else _("Other runs")
    st.markdown(f"## {heading}")
    shown = others if st.session_state.get("all runs") else others[:SHOWN]
    for run in shown:
        name, state, accuracy, when = st.columns([4, 2, 2, 2], vertical_alignment="center")
        _link(name, run)
        done = _("{done} of {total} epochs").format(done=run.epochs_done, total=run.config.epochs)
        state.caption(f"{state_word(run)} · {done}")
        if run.test_accuracy is None:
            accuracy.caption(_("no result yet") if run.active else _("no result"))
        else:
            last = translated(say("test accuracy {accuracy}", accuracy=last_accuracy(run)))
            accuracy.caption(" · ".join(filter(None, (last, best_accuracy(run)))))
        facts = [escaped(isolated(run.owner))] if run.owner else []
        facts.append(ago(run.created))
        if run.seconds and not run.active:
            facts.append(_("took {time}").format(time=duration(run.seconds)))
        when.caption(" · ".join(facts))
    if len(others) > SHOWN:
        st.toggle(_("Show all {count}").format(count=len(others)), key="all runs")


def own_run_first(lab: Lab) -> None:
    """Draws the way back to the run that this visitor has training or waiting; nothing where there is none."""
    if own_runs(lab):
        fragment(_own_run, run_every=POLL_SECONDS)(lab)


def _own_run(lab: Lab) -> None:
    if not (runs := own_runs(lab)):
        st.rerun()
    run = runs[0]
    with st.container(horizontal=True, vertical_alignment="center", key="own-run"):
        done = f"{state_word(run)} · {percent(share_done(lab, run), 0)}"
        own = _("Your run **{title}**: {state}").format(title=short_title(run), state=done)
        st.markdown(f"{state_icon(run)} {own}")
        st.button(_("Watch it"), icon=":material/show_chart:", key="watch the own run", on_click=_open, args=(run.id,))


def warn_of_unreadable(messages: Sequence[str]) -> None:
    """Shows why a list lacks runs whose rows are damaged: one message in full, and how many more there are."""
    if messages:
        others = len(messages) - 1
        more = ngettext("So is {count:,} more.", "So are {count:,} more.", others).format(count=others) if others else ""
        st.warning(quoting(together(translated(messages[0]), more)), icon=":material/heart_broken:")


def rerun_on_change(lab: Lab, summaries: Summaries) -> None:
    """Reruns the page when any run has changed since `summaries`; polls only while one may."""
    if MAY_GO_ON & summaries.states:
        fragment(_rerun_if_changed, run_every=POLL_SECONDS)(lab, summaries.version, _own(lab), time.monotonic())


def _rerun_if_changed(lab: Lab, version: int, own: object, drawn: float) -> None:
    if lab.summaries().version != version and (_own(lab) != own or time.monotonic() - drawn > OTHERS_SECONDS):
        st.rerun()


def _own(lab: Lab) -> object:
    """What a list shows of this visitor's active runs."""
    return [(run.id, run.state, run.epochs_done) for run in own_runs(lab)]


def _queue(lab: Lab) -> None:
    queue = lab.queue()
    if not queue:
        return
    heading = _("Waiting for their turn ({count})").format(count=len(queue))
    st.markdown(f"## {heading}")
    starts = lab.sharing.starts()
    for place, run in enumerate(queue[:QUEUE_SHOWN], 1):
        name, owner, actions = st.columns([4, 4, 2], vertical_alignment="center")
        _link(name, run)
        turn = _("next") if place == 1 else _("number {count}").format(count=place)
        if run.id in starts:
            turn = start_words(starts[run.id])
        whose = f"{escaped(isolated(run.owner))}{_(', ')}" if run.owner else ""
        owner.caption(f"{turn} · {whose}{ago(run.created)}")
        with actions.container(horizontal=True, horizontal_alignment="right"):
            queue_buttons(lab, run, queue, not_yours(run), short=True)
    if len(queue) > QUEUE_SHOWN:
        st.caption(_("and {count:,} more").format(count=len(queue) - QUEUE_SHOWN))


def _link(place: st.delta_generator.DeltaGenerator, run: Run) -> None:
    place.button(short_title(run), key=f"open {run.id}", type="tertiary", icon=state_icon(run), on_click=_open, args=(run.id,))


def _open(run_id: str) -> None:
    # A button, because Streamlit highlights each page link to the current page.
    st.query_params.from_dict({"run": run_id} | in_links())
