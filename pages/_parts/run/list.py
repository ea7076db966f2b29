"""The queue, and the runs so far as a short table of links, newest first."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from functools import partial

import streamlit as st

from cnnlab.i18n import _, ngettext, say, together, translated
from cnnlab.lab import Lab
from cnnlab.runs.records import MAY_GO_ON, Run, State
from cnnlab.runs.summaries import Summaries
from cnnlab.text import ago, duration, percent
from pages._parts.language import in_links
from pages._parts.markdown import escaped, isolated, quoting
from pages._parts.refreshing import refresh_if
from pages._parts.run.actions import queue_buttons
from pages._parts.run_words import best_accuracy, last_accuracy, short_title, start_words, state_icon, state_word
from pages._parts.shell import fragment
from pages._parts.sidebar import OTHERS_SECONDS, own_runs, runs_of, share_done, states_of
from pages._parts.visitor import not_yours, visitor

SHOWN = 6  # rows at first; more on request, since each row is several page elements
QUEUE_SHOWN = 8
POLL_SECONDS = 3.0
BESIDE_SECONDS = 5.0  # between two looks at the other runs, on the page of one


def run_list(lab: Lab, *, current: str | None = None) -> None:
    """Draws links to all runs except `current`, the one on the page: a fragment, as other people's runs change all the time."""
    if current is None:
        changes = bool(MAY_GO_ON & lab.summaries().states)
        fragment(_list, run_every=POLL_SECONDS if changes else None)(lab, current, _own(lab, visitor()))
    else:
        fragment(_list, run_every=BESIDE_SECONDS)(lab, current, None)


def _list(lab: Lab, current: str | None, own: object) -> None:
    """`own`: what the page itself has drawn of this visitor's active runs; None where that watches for changes."""
    summaries, name = lab.summaries(), visitor()
    if own is not None:
        refresh_if(partial(_has_changed, lab, summaries.version, name, own, time.monotonic()))
        if _own(lab, name) != own:
            st.rerun()
    else:
        refresh_if(partial(_has_moved, lab, name, _turns(lab), states_of(lab, name), time.monotonic()))
    runs = lab.runs()
    warn_of_unreadable(runs.unreadable)
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
    for run in others if st.session_state.get("all runs") else others[:SHOWN]:
        facts = [state_word(run), _("{done} of {total} epochs").format(done=run.epochs_done, total=run.config.epochs)]
        if run.test_accuracy is None:
            facts.append(_("no result yet") if run.active else _("no result"))
        else:
            facts += [translated(say("test accuracy {accuracy}", accuracy=last_accuracy(run))), best_accuracy(run)]
        facts += [escaped(isolated(run.owner)) if run.owner else "", ago(run.created)]
        if run.seconds and not run.active:
            facts.append(_("took {time}").format(time=duration(run.seconds)))
        with st.container(horizontal=True, vertical_alignment="center"):
            _link(run)
            st.caption(" · ".join(filter(None, facts)))
    if len(others) > SHOWN:
        st.toggle(_("Show all {count}").format(count=len(others)), key="all runs")


def _has_moved(lab: Lab, name: str, turns: object, own: object, drawn: float) -> bool:
    """Whether a list beside a run, drawn at this time with these turns and own states, has to be drawn again."""
    return states_of(lab, name) != own or (time.monotonic() - drawn > OTHERS_SECONDS and _turns(lab) != turns)


def _turns(lab: Lab) -> object:
    """What a list beside a run follows of all people: who waits, in which order, and what trains."""
    starts = lab.sharing.starts()
    return [(run.id, starts[run.id].place if run.id in starts else run.state) for run in lab.summaries().active]


def own_run_first(lab: Lab) -> None:
    """Draws the way back to the run that this visitor has training or waiting; nothing where there is none."""
    if own_runs(lab):
        fragment(_own_run, run_every=POLL_SECONDS)(lab)


def _own_run(lab: Lab) -> None:
    name = visitor()
    drawn = _first_own(lab, name)
    refresh_if(lambda: _first_own(lab, name) != drawn)
    if drawn is None:
        st.rerun()
    run_id, words = drawn
    with st.container(horizontal=True, vertical_alignment="center", key="own-run"):
        st.markdown(words)
        if st.button(_("Watch it"), icon=":material/show_chart:", key="watch the own run"):
            _open(run_id)


def _first_own(lab: Lab, name: str) -> tuple[str, str] | None:
    """The id of the first run of this name that waits or trains, and what is written of it."""
    if not (runs := runs_of(lab, name)):
        return None
    run = runs[0]
    done = f"{state_word(run)} · {percent(share_done(lab, run), 0)}"
    own = _("Your run **{title}**: {state}").format(title=short_title(run), state=done)
    return run.id, f"{state_icon(run)} {own}"


def warn_of_unreadable(messages: Sequence[str]) -> None:
    """Shows why a list lacks runs whose rows are damaged: one message in full, and how many more there are."""
    if messages:
        others = len(messages) - 1
        more = ngettext("So is {count:,} more.", "So are {count:,} more.", others).format(count=others) if others else ""
        st.warning(quoting(together(translated(messages[0]), more)), icon=":material/heart_broken:")


def rerun_on_change(lab: Lab, summaries: Summaries) -> None:
    """Reruns the page when any run has changed since `summaries`; polls only while one may."""
    if MAY_GO_ON & summaries.states:
        changed = partial(_has_changed, lab, summaries.version, visitor(), _own(lab, visitor()), time.monotonic())
        fragment(_rerun_if, run_every=POLL_SECONDS)(changed)


def _rerun_if(changed: Callable[[], bool]) -> None:
    refresh_if(changed)
    if changed():
        st.rerun()


def _has_changed(lab: Lab, version: int, name: str, own: object, drawn: float) -> bool:
    """Whether a list drawn at this time and `version` has to be drawn again."""
    return lab.summaries().version != version and (_own(lab, name) != own or time.monotonic() - drawn > OTHERS_SECONDS)


def _own(lab: Lab, name: str) -> object:
    """What a list shows of the active runs of this name."""
    return [(run.id, run.state, run.epochs_done) for run in runs_of(lab, name)]


def _queue(lab: Lab) -> None:
    queue = lab.queue()
    if not queue:
        return
    heading = _("Waiting for their turn ({count})").format(count=len(queue))
    st.markdown(f"## {heading}")
    starts = lab.sharing.starts()
    for place, run in enumerate(queue[:QUEUE_SHOWN], 1):
        turn = _("next") if place == 1 else _("number {count}").format(count=place)
        if run.id in starts:
            turn = start_words(starts[run.id])
        facts = (turn, escaped(isolated(run.owner)) if run.owner else "", ago(run.created))
        with st.container(horizontal=True, vertical_alignment="center"):
            _link(run)
            st.caption(" · ".join(filter(None, facts)))
            if not (refusal := not_yours(run)):
                with st.container(horizontal=True, width="content"):  # together also where a line is too short
                    queue_buttons(lab, run, queue, refusal, short=True)
    if len(queue) > QUEUE_SHOWN:
        st.caption(_("and {count:,} more").format(count=len(queue) - QUEUE_SHOWN))


def _link(run: Run) -> None:
    if st.button(short_title(run), key=f"open {run.id}", type="tertiary", icon=state_icon(run)):
        _open(run.id)


def _open(run_id: str) -> None:
    # A button, because Streamlit highlights each page link to the current page; the click alone would draw this fragment only.
    st.query_params.from_dict({"run": run_id} | in_links())
    st.rerun()
