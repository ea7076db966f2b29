"""Everyone's runs that wait, or were paused or interrupted: their order, and for each what a teacher may do with it."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import streamlit as st

from cnnlab.config_words import words
from cnnlab.errors import CNNLabError
from cnnlab.i18n import _, ngettext
from cnnlab.lab import Lab
from cnnlab.runs.records import Run, State
from cnnlab.runs.summaries import Summary
from pages._parts.deletion import what_goes
from pages._parts.language import in_links
from pages._parts.markdown import escaped
from pages._parts.run_words import STATE_ICONS, short_title
from pages._parts.shell import dialog
from pages._parts.teaching.acting import attempt

SHOWN = 12  # runs of each list at first; a class may have hundreds
_ASKED, _MORE = "class: a run is to be deleted", "class:all waiting"


def queue(lab: Lab) -> None:
    """Draws the lists; a part of a fragment."""
    waiting = lab.queue()
    st.subheader(_("Queue: {count}").format(count=len(waiting)), anchor=False)
    if waiting:
        st.caption(
            _("Owners take turns. Earlier and later move a run among those of its owner; “Start next” puts it before everyone's.")
        )
    else:
        st.caption(_("No run waits."))
    for place, run in enumerate(waiting[: _shown(len(waiting))], 1):
        with st.container(border=True, horizontal=True, vertical_alignment="center", key=f"waits {run.id}"):
            title = f"{place}. **{owner_of(run)}** · {short_title(run)} · {words('device', run.config.device)}"
            st.markdown(title, width="stretch")
            _act(_("Start next"), "vertical_align_top", f"next {run.id}", partial(lab.teaching.start_next, run.id))
            _act(_("Earlier"), "arrow_upward", f"up {run.id}", partial(lab.move_in_queue, run.id, -1))
            _act(_("Later"), "arrow_downward", f"down {run.id}", partial(lab.move_in_queue, run.id, 1))
            pause(lab, run)
            stop(lab, run)
            delete(run)
    _all_or_few(len(waiting))
    found = lab.summaries().runs
    interrupted = [run for run in found if run.state is State.INTERRUPTED]
    _at_rest(lab, interrupted, _("Interrupted: {count}").format(count=len(interrupted)))
    paused = [run for run in found if run.state is State.PAUSED]
    _at_rest(lab, paused, _("Paused: {count}").format(count=len(paused)))
    st.page_link("pages/runs.py", label=_("All runs: stop or delete many at once"), query_params=in_links())


def _at_rest(lab: Lab, runs: list[Summary], title: str) -> None:
    if runs:
        st.subheader(title, anchor=False)
    for run in runs[:SHOWN]:
        with st.container(border=True, horizontal=True, vertical_alignment="center", key=f"rests {run.id}"):
            st.markdown(f"{STATE_ICONS[run.state]} **{owner_of(run)}** · {short_title(run)}", width="stretch")
            _act(_("Resume"), "play_arrow", f"resume {run.id}", partial(lab.resume, run.id))
            stop(lab, run)
            delete(run)
    if (more := len(runs) - SHOWN) > 0:
        st.caption(ngettext("{count:,} more run.", "{count:,} more runs.", more).format(count=more))


def pause(lab: Lab, run: Run | Summary) -> None:
    """The button."""
    _act(_("Pause"), "pause", f"pause {run.id}", partial(lab.pause, run.id))


def stop(lab: Lab, run: Run | Summary) -> None:
    """The button."""
    _act(_("Stop"), "stop", f"stop {run.id}", partial(lab.stop, run.id))


def delete(run: Run | Summary) -> None:
    """The button, which asks first."""
    about = _("Asks first, and says what goes.")
    if st.button(_("Delete …"), icon=":material/delete:", key=f"class:delete {run.id}", type="tertiary", help=about):
        st.session_state[_ASKED] = run.id
        st.rerun()  # the whole page: a dialog in a part that is drawn every few seconds would close


def deletion_dialog(lab: Lab, *, arriving: bool) -> None:
    """The question whether to delete, where it was asked for, until it is answered. `arriving`: another page was open before."""
    if arriving:
        _forget()
    if run_id := st.session_state.get(_ASKED):
        dialog(_("Delete this run?"), _confirm, icon=":material/delete:", on_dismiss=_forget)(lab, run_id)


def owner_of(run: Run | Summary) -> str:
    """In Markdown."""
    return escaped(run.owner) or _("without an owner")


def _confirm(lab: Lab, run_id: str) -> None:
    try:
        run, size = lab.run(run_id), lab.disk_bytes(run_id)
    except CNNLabError:  # its owner was quicker
        _forget()
        st.rerun()
    st.markdown(what_goes([run], size, owner=run.owner))
    if run.active:
        st.markdown(_("It waits or trains, and is stopped first. “Stop” alone keeps what it has learned."))
    with st.container(horizontal=True):
        if st.button(_("Delete it"), type="primary", icon=":material/delete:", key="class:really delete"):
            done = _("“{title}” was deleted.").format(title=short_title(run))
            attempt(partial(lab.teaching.delete, run_id), done)
            _forget()
            st.rerun()
        if st.button(_("Keep it"), key="class:keep"):
            _forget()
            st.rerun()


def _forget() -> None:
    st.session_state.pop(_ASKED, None)


def _shown(waiting: int) -> int:
    return waiting if st.session_state.get(_MORE) else SHOWN


def _all_or_few(waiting: int) -> None:
    if waiting > SHOWN:
        st.toggle(
            _("Show all {count:,} that wait").format(count=waiting), key=_MORE,
            help=_("The first {count} are shown otherwise.").format(count=SHOWN),
        )  # fmt: skip


def _act(label: str, icon: str, key: str, action: Callable[[], object]) -> None:
    st.button(label, icon=f":material/{icon}:", key=f"class:{key}", type="tertiary", on_click=attempt, args=(action,))
