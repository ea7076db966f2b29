"""The machine that a class shares: a pause and an announcement for all, and its devices with who trains there."""

from __future__ import annotations

from functools import partial
from itertools import groupby

import streamlit as st

from cnnlab.config_words import words
from cnnlab.errors import CNNLabError
from cnnlab.i18n import _, ngettext, translated
from cnnlab.lab import Lab
from cnnlab.runs.records import State
from cnnlab.runs.summaries import Summary
from cnnlab.teaching.notes import LONGEST
from cnnlab.teaching.service import training
from cnnlab.text import ago, duration, size_text
from cnnlab.values import DeviceState
from pages._parts.language import in_links
from pages._parts.markdown import escaped
from pages._parts.run_words import STATE_ICONS, STATE_WORDS, short_title
from pages._parts.sidebar import share_done
from pages._parts.teaching.acting import attempt
from pages._parts.teaching.queue import delete, owner_of, pause, queue, stop

_PAUSE_TEXT, _PAUSE_TOO, _ANNOUNCE = "class:pause text", "class:pause too", "class:announcement"


def machine(lab: Lab) -> None:
    """What holds for everyone."""
    with st.container(horizontal=True, vertical_alignment="center", key="class-machine"):
        if lab.teaching.paused():
            st.button(
                _("Let the lab go on"), type="primary", icon=":material/play_arrow:", key="class:go on",
                on_click=partial(attempt, lab.teaching.go_on, _("Runs start again.")),
                help=_("Runs start again, also those that were paused with the lab."),
            )  # fmt: skip
        else:
            _pause(lab)
        _announce(lab)
        _stop_all(lab)
    if note := lab.teaching.announcement():
        with st.container(horizontal=True, vertical_alignment="center", key="class-announced"):
            st.info(escaped(note.text), icon=":material/campaign:", width="stretch")
            st.button(
                _("Withdraw"), icon=":material/close:", key="class:withdraw",
                on_click=partial(attempt, lab.teaching.withdraw, _("The announcement was withdrawn.")),
                help=_("Nobody sees it any more."),
            )  # fmt: skip
        st.caption(_("Announced {ago}").format(ago=ago(note.at)))


def _pause(lab: Lab) -> None:
    with st.popover(_("Pause the lab …"), icon=":material/pause:", help=_("No new run starts until you let the lab go on.")):
        text = st.text_input(
            _("What everyone reads"), key=_PAUSE_TEXT, max_chars=LONGEST, placeholder=_("We look at the results together."),
            help=_("Stands at the top of every page. It may be empty."),
        )  # fmt: skip
        too = st.checkbox(
            _("Also pause the runs that train now"), key=_PAUSE_TOO,
            help=_("Each writes a checkpoint, and goes on exactly there when the lab goes on."),
        )  # fmt: skip
        if st.button(_("Pause the lab"), type="primary", icon=":material/pause:", key="class:pause") and attempt(
            lambda: lab.teaching.pause(text, running=too), _("The lab is paused.")
        ):
            st.rerun()


def _announce(lab: Lab) -> None:
    with st.popover(_("Announce …"), icon=":material/campaign:", help=_("A text at the top of everyone's pages.")):
        text = st.text_area(
            _("Announcement"), key=_ANNOUNCE, max_chars=LONGEST, help=_("Plain text, in place of the one before."), height=120
        )
        if st.button(_("Show it to everyone"), type="primary", icon=":material/campaign:", key="class:announce") and attempt(
            lambda: lab.teaching.announce(text), _("Everyone sees it within ten seconds.")
        ):
            st.rerun()


def _stop_all(lab: Lab) -> None:
    going = lab.summaries().active
    with st.popover(_("Stop all …"), icon=":material/stop:", disabled=not going, help=_("Ends every run that waits or trains.")):
        st.markdown(
            ngettext(
                "{count} run waits or trains. It ends, its weights are kept, and its owner can resume it.",
                "{count} runs wait or train. They end, their weights are kept, and their owners can resume them.",
                len(going),
            ).format(count=len(going))
        )
        st.button(
            _("Stop all of them"), type="primary", icon=":material/stop:", key="class:stop all", on_click=_stop, args=(lab, going)
        )


def _stop(lab: Lab, runs: list[Summary]) -> None:
    for run in runs:
        attempt(partial(lab.stop, run.id))


def at_work(lab: Lab) -> None:
    """The devices and the queue; a fragment, which is drawn again every few seconds."""
    going = training(lab)
    st.subheader(_("Devices"), anchor=False)
    states = _states(lab)
    for state in states:
        st.markdown(f"**{escaped(state.device.title)}** · {_memory(state)}")
        for run in (run for run in going if run.device == state.device.name):
            _training(lab, run)
    # Beyond this machine, at a command line before its training begins, and while nothing is known of the devices.
    elsewhere = [run for run in going if run.device not in {state.device.name for state in states}]
    for device, runs in groupby(elsewhere, lambda run: run.device):  # sorted by device
        if device:
            st.markdown(f"**{words('device', device)}**")
        for run in runs:
            _training(lab, run)
    if not going:
        st.caption(_("Nothing trains at the moment."))
    queue(lab)


def _training(lab: Lab, run: Summary) -> None:
    with st.container(border=True, horizontal=True, vertical_alignment="center", key=f"trains {run.id}"):
        share = share_done(lab, run)
        st.progress(share, text=f"{STATE_ICONS[run.state]} **{owner_of(run)}** · {short_title(run)} · {_left(lab, run)}")
        st.page_link(
            "pages/train.py", label=_("Open the run"), icon=":material/show_chart:", query_params={"run": run.id} | in_links()
        )
        if run.state in (State.STARTING, State.RUNNING):
            pause(lab, run)
        stop(lab, run)
        delete(run)


def _left(lab: Lab, run: Summary) -> str:
    if run.state is not State.RUNNING:
        return translated(STATE_WORDS[run.state])
    try:
        latest = next(reversed(lab.progress(run.id, points=2)), None)
    except CNNLabError:  # deleted a moment ago
        latest = None
    return _("{time} left").format(time=duration(latest.seconds_left)) if latest else translated(STATE_WORDS[run.state])


def _states(lab: Lab) -> tuple[DeviceState, ...]:
    try:
        return lab.device_states()
    except CNNLabError as error:  # the helper is still starting
        st.caption(escaped(translated(error)))
        return ()


def _memory(state: DeviceState) -> str:
    parts = []
    if state.free is not None and state.total:
        parts.append(_("{free} of {total} free").format(free=size_text(state.free), total=size_text(state.total)))
    if state.use is not None:
        parts.append(_("busy {percent} % of the time").format(percent=state.use))
    if state.temperature is not None:
        parts.append(_("{degrees} °C").format(degrees=state.temperature))
    return " · ".join(parts) or _("memory unknown")
