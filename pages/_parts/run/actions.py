"""The row of actions on a run: buttons for its state, and the rest behind “More”."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Sequence
from functools import partial

import streamlit as st

from cnnlab.architectures import code_arguments, own_code
from cnnlab.errors import CNNLabError
from cnnlab.i18n import N_, _, translated
from cnnlab.lab import Lab
from cnnlab.run_names import note_of
from cnnlab.runs.records import Run, State
from pages._parts.deletion import what_goes
from pages._parts.forms.link import open_form
from pages._parts.forms.several import several_values
from pages._parts.language import in_links
from pages._parts.markdown import escaped
from pages._parts.run.twin import change_one_thing
from pages._parts.run_words import short_title, title
from pages._parts.shell import dialog
from pages._parts.visitor import not_yours, visitor

LONGEST_NAME, LONGEST_NOTE = 200, 10_000  # characters
DELETED = "title of the run that was just deleted"
ASKED_TO_DELETE = "run whose deletion is to be confirmed"
MORE = "more about the run"
LATER = N_("Available after the first epoch.")


def run_actions(lab: Lab, run: Run) -> None:
    """Draws the row. A click that comes too late shows a message and the run's current state."""
    refusal, link = not_yours(run), {"run": run.id} | in_links()
    with st.container(horizontal=True, vertical_alignment="center", gap="xsmall", key="run actions"):
        _for_its_state(lab, run, refusal)
        evaluated = run.epochs_done > 0
        next_step = evaluated and run.state in (State.FINISHED, State.STOPPED)
        with st.container(key=f"{'primary-link' if next_step else 'link'} predictions", width="content"):
            st.page_link(
                "pages/predict.py", label=_("Show predictions"), icon=":material/fact_check:", query_params=link,
                disabled=not evaluated, help=None if evaluated else translated(LATER),
            )  # fmt: skip
        st.page_link(
            "pages/inside.py", label=_("Look inside"), icon=":material/frame_inspect:", query_params=link,
            disabled=not evaluated,
            help=_("What the network does with one image, layer by layer, and how it changed.") if evaluated else translated(LATER),
        )  # fmt: skip
        if run.config.architecture != own_code.NAME:
            _new_runs(lab, run)
        _more(lab, run, refusal)
    if run.config.architecture == own_code.NAME:
        st.caption(
            _("This network is code from a file, so only the command line starts a new run of it: {command}").format(
                command=f"`python -m cnnlab train --file {run.config.network}{_arguments(run)} --dataset {run.config.dataset}`"
            )
        )


def _arguments(run: Run) -> str:
    given = code_arguments.read(run.config.options[own_code.ARGUMENTS])
    return "".join(f" --set {shlex.quote(f'{name}={value}').replace('`', '')}" for name, value in given.items())


def _new_runs(lab: Lab, run: Run) -> None:
    change_one_thing(lab, run)
    several_values(lab, run.config, key=run.id, seconds=run.seconds if run.state is State.FINISHED else None)
    st.button(
        _("Use its settings"), icon=":material/edit:", key=f"change {run.id}", on_click=open_form,
        args=(run.config,),
        help=_("For a new run in which more than two things differ. This run does not change."),
    )  # fmt: skip


def attempt(action: Callable[[], object]) -> None:
    """Runs a button's action. A refusal is shown as a toast; the page then shows the current state."""
    try:
        action()
    except CNNLabError as error:
        st.toast(escaped(translated(error)), icon=":material/error:", duration="long")


def queue_buttons(lab: Lab, run: Run, queue: Sequence[Run], refusal: str | None, *, short: bool = False) -> None:
    """Moves the run in the `queue` or takes it out; with `short`, for a list, the buttons are icons only."""
    where = " in the list" if short else ""
    mine = [other.id for other in queue if other.owner == run.owner]
    first, last = not mine or mine[0] == run.id, not mine or mine[-1] == run.id
    if run.owner:
        up = _("Move up among your own waiting runs. Owners take turns, so nobody else loses a place.")
        down = _("Move down among your own waiting runs. Owners take turns, so nobody else loses a place.")
    else:
        up = _("Move up among the waiting runs without an owner. Owners take turns, so nobody else loses a place.")
        down = _("Move down among the waiting runs without an owner. Owners take turns, so nobody else loses a place.")
    for name, label, help_, icon, places, at_end in (
        ("Move up", _("Move up"), up, "arrow_upward", -1, first),
        ("Move down", _("Move down"), down, "arrow_downward", 1, last),
    ):
        st.button(
            "" if short else label, icon=f":material/{icon}:", key=f"{name}{where} {run.id}", disabled=bool(refusal) or at_end,
            help=refusal or help_,
            on_click=attempt, args=(partial(lab.move_in_queue, run.id, places, owner=visitor()),),
        )  # fmt: skip
    _button(
        "" if short else _("Cancel"), run, refusal, partial(lab.stop, run.id, owner=visitor()), icon="close", key=f"cancel{where}",
        help=_("Takes the run out of the queue. Saved weights are kept."),
    )  # fmt: skip


def _for_its_state(lab: Lab, run: Run, refusal: str | None) -> None:
    pause, stop, resume = (partial(action, run.id, owner=visitor()) for action in (lab.pause, lab.stop, lab.resume))
    ends = _("Ends the run. Its best and its last weights are kept.")
    continues = _resumes_from(run)
    match run.state:
        case State.QUEUED:
            queue_buttons(lab, run, lab.queue(), refusal)
        case State.STARTING | State.RUNNING:
            saved = _("Saves the exact state; “Resume” continues as if there had been no pause.")
            _button(_("Pause"), run, refusal, pause, icon="pause", help=saved, key="pause", primary=True)
            _button(_("End run"), run, refusal, stop, icon="stop", help=ends, key="stop")
        case State.PAUSING:
            _button(_("Pausing …"), run, _("Pauses after the current batch."), pause, icon="pause", key="pause")
            _button(_("End run"), run, refusal, stop, icon="stop", help=ends, key="stop")
        case State.STOPPING:
            _button(_("Ending …"), run, _("Ends after the current batch."), stop, icon="stop", key="stop")
        case State.PAUSED | State.INTERRUPTED:
            _button(_("Resume"), run, refusal, resume, icon="play_arrow", help=continues, key="resume", primary=True)
            _button(_("End run"), run, refusal, stop, icon="stop", help=ends, key="stop")
        case State.FAILED if run.has_checkpoint:
            _button(_("Try again from the last checkpoint"), run, refusal, resume, icon="replay", help=continues, key="resume")
        case State.FAILED:
            over = partial(lab.start_over, run.id, owner=visitor())
            again = _("Trains the same settings again from the first epoch: there is no checkpoint that can be read.")
            _button(_("Start over from the beginning"), run, refusal, over, icon="replay", help=again, key="start over")
        case State.STOPPED if run.epochs_done < run.config.epochs:
            _button(_("Resume"), run, refusal, resume, icon="play_arrow", help=continues, key="resume")
            if run.has_checkpoint:
                _extend(lab, run, refusal)
        case State.STOPPED | State.FINISHED:
            _extend(lab, run, refusal)


def _resumes_from(run: Run) -> str:
    if run.state is State.PAUSED and (run.has_checkpoint or run.epochs_done):
        return _("Continues exactly where it paused.")
    if run.has_checkpoint:
        return _("Continues from the last checkpoint.")
    return _("Starts from the beginning: there is no checkpoint yet.")


def _button(
    label: str, run: Run, refusal: str | None, action: Callable[[], object], *, icon: str, key: str, help: str = "",
    primary: bool = False,
) -> None:  # fmt: skip
    st.button(
        label, icon=f":material/{icon}:", type="primary" if primary else "secondary", key=f"{key} {run.id}",
        disabled=bool(refusal), help=refusal or help, on_click=attempt, args=(action,),
    )  # fmt: skip


def _extend(lab: Lab, run: Run, refusal: str | None) -> None:
    with st.popover(_("More epochs"), icon=":material/add_circle:", disabled=bool(refusal), help=refusal):
        key = f"more epochs {run.id}"
        st.session_state.setdefault(key, run.config.epochs)
        st.number_input(_("How many more"), step=1, key=key, help=_("Continues from the last epoch and extends the curves."))

        def extend() -> None:
            attempt(partial(lab.extend, run.id, st.session_state[key], owner=visitor()))

        st.button(_("Continue training"), type="primary", key=f"extend {run.id}", on_click=extend)


def _more(lab: Lab, run: Run, refusal: str | None) -> None:
    # on_change is set so that `_close` can close the popover.
    with st.popover(_("More"), icon=":material/more_horiz:", key=MORE, on_change="rerun"):
        if refusal:
            st.caption(refusal)
        with st.form(f"name and note of {run.id}", border=False):
            name, note = title(run) if run.name else "", note_of(run)
            # The keys change with the texts, so that the fields follow a change from another browser, and the language.
            keys = f"name {run.id} {hash(name)}", f"note {run.id} {hash(note)}"
            longest = max(LONGEST_NAME, len(title(run))), max(LONGEST_NOTE, len(note))
            st.text_input(_("Name"), value=name, max_chars=longest[0], key=keys[0], disabled=bool(refusal))
            st.text_area(
                _("Note"), value=note, max_chars=longest[1], key=keys[1], height=120, disabled=bool(refusal),
                placeholder=_("What you tried, and the result"),
            )  # fmt: skip
            st.form_submit_button(
                _("Save"), icon=":material/save:", disabled=bool(refusal), help=refusal, on_click=_save, args=(lab, run, *keys)
            )
        st.button(
            _("Delete …"), icon=":material/delete:", key=f"delete {run.id}", disabled=bool(refusal) or run.active,
            help=refusal or (_("End the run before you delete it.") if run.active else None),
            on_click=_close, args=(run.id,),
        )  # fmt: skip
    if st.session_state.pop(ASKED_TO_DELETE, None) == run.id:
        dialog(_("Delete this run?"), _confirm, icon=":material/delete:")(lab, run)


def _close(delete: str | None = None) -> None:
    st.session_state[MORE] = False
    st.session_state[ASKED_TO_DELETE] = delete


def _save(lab: Lab, run: Run, name_key: str, note_key: str) -> None:
    name, note = st.session_state[name_key].strip(), st.session_state[note_key]
    if name not in (run.name, title(run)):
        attempt(partial(lab.rename, run.id, name, owner=visitor()))
    if note not in (run.note, note_of(run)):
        attempt(partial(lab.annotate, run.id, note, owner=visitor()))
    _close()


def _confirm(lab: Lab, run: Run) -> None:
    if DELETED in st.session_state:
        st.rerun()  # deleted: redraw the page without the dialog
    st.markdown(what_goes([run], lab.disk_bytes(run.id)))

    def delete() -> None:
        lab.delete(run.id, owner=visitor())
        st.session_state[DELETED] = short_title(run)
        st.query_params.from_dict(in_links())

    with st.container(horizontal=True):
        really = f"really delete {run.id}"
        st.button(_("Delete it"), type="primary", icon=":material/delete:", key=really, on_click=attempt, args=(delete,))
        if st.button(_("Keep it"), key=f"keep {run.id}"):
            st.rerun()
