"""What can be done to all selected runs at once. Each run is asked for by itself, so that one refusal stops no other."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import streamlit as st

from cnnlab.access.roles import Action
from cnnlab.errors import CNNLabError
from cnnlab.i18n import _, ngettext, together, translated
from cnnlab.lab import Lab
from cnnlab.runs.records import State
from cnnlab.runs.summaries import Summary
from pages._parts.deletion import quoted, what_goes
from pages._parts.markdown import quoting
from pages._parts.run_words import title
from pages._parts.runs.table import CHOSEN
from pages._parts.shell import dialog
from pages._parts.visitor import person, visitor

OUTCOME = "runs:outcome"
CONFIRM = "runs:deletion is to be confirmed"
MENU, TAG, NAME = "runs:change", "runs:new tag", "runs:new name"
LONGEST_NAME, LONGEST_TAG = 200, 40  # characters
ENDED = (State.STOPPED, State.FINISHED, State.FAILED)


def change_many(lab: Lab, runs: Sequence[Summary]) -> None:
    """Draws the menu of changes, and on request the question whether to delete."""
    stoppable = [run for run in runs if run.state not in ENDED]
    # on_change is set so that a choice can close the popover.
    with st.popover(
        _("Change …"), icon=":material/edit:", key=MENU, on_change="rerun", help=_("Tag, rename, stop or delete all of them.")
    ):
        alone = _("For the selected run. Runs of other people stay as they are.")
        several = _("For all {count:,} runs selected. Runs of other people stay as they are.")
        st.caption((alone if len(runs) == 1 else several).format(count=len(runs)))
        st.text_input(_("Tag"), key=TAG, max_chars=LONGEST_TAG, placeholder=_("final, homework 3 …"))
        with st.container(horizontal=True):
            st.button(_("Add tag"), icon=":material/new_label:", key="runs:add tag", on_click=_tag, args=(lab, runs, True))
            st.button(_("Remove tag"), icon=":material/label_off:", key="runs:remove tag", on_click=_tag, args=(lab, runs, False))
        st.text_input(
            _("Name"), key=NAME, max_chars=LONGEST_NAME,
            help=_("Several runs get numbers behind the name, in the order in which you selected them."),
        )  # fmt: skip
        st.button(_("Rename"), icon=":material/title:", key="runs:rename", on_click=_rename, args=(lab, runs))
        st.button(
            _("Stop {count:,}").format(count=len(stoppable)), icon=":material/stop:", key="runs:stop", disabled=not stoppable,
            on_click=_stop, args=(lab, stoppable), help=_("Ends those that wait, train or are paused. Their weights are kept."),
        )  # fmt: skip
        label = ngettext("Delete {count:,} run …", "Delete {count:,} runs …", len(runs)).format(count=len(runs))
        st.button(label, icon=":material/delete:", key="runs:delete", on_click=_ask)
    if st.session_state.pop(CONFIRM, False):
        dialog(_("Delete these runs?"), _confirm, icon=":material/delete:")(lab, runs)


def show_outcome() -> None:
    """What the last change of many runs did, once."""
    outcome = st.session_state.pop(OUTCOME, None)
    if outcome:
        done, refused = outcome
        (st.warning if refused else st.success)(quoting(together(done, *refused)), icon=":material/playlist_add_check:")


def for_each(
    runs: Sequence[Summary], action: Callable[[Summary], object], done: str, undone: str, **values: str
) -> tuple[str, tuple[str, ...]]:
    """Runs the action for each run. Returns a sentence about those done, and one for each reason of refusal, with names.

    `done` has a place for {runs} and those of `values`, `undone` for {names} and {reason}.
    """
    refused: dict[str, list[Summary]] = {}
    for run in runs:
        try:
            action(run)
        except CNNLabError as error:
            refused.setdefault(translated(error).replace(_("Run {id}").format(id=run.id), _("It")), []).append(run)
    failed = sum(map(len, refused.values()))
    some = ngettext("{count:,} of {total:,} run", "{count:,} of {total:,} runs", len(runs))
    counted = (some if failed else ngettext("{count:,} run", "{count:,} runs", len(runs))).format(
        count=len(runs) - failed, total=len(runs)
    )
    refusals = tuple(undone.format(names=_names(those), reason=reason) for reason, those in refused.items())
    return done.format(runs=counted, **values), refusals


def _names(runs: Sequence[Summary]) -> str:
    return quoted([" ".join(title(run).split())[:60] for run in runs])


def _report(outcome: tuple[str, tuple[str, ...]]) -> None:
    st.session_state[OUTCOME] = outcome
    st.session_state[MENU] = False


def _tag(lab: Lab, runs: Sequence[Summary], add: bool) -> None:
    owner, tag = visitor(), " ".join(st.session_state[TAG].replace(",", " ").split())
    if not tag:
        _report((_("No run was changed."), (_("Write a tag first."),)))
    elif add:
        done, undone = _("“{tag}” added to {runs}."), _("Not tagged: {names}: {reason}")
        _report(for_each(runs, lambda run: lab.tag(run.id, add=[tag], owner=owner), done, undone, tag=tag))
    else:
        with_it = [run for run in runs if tag in run.tags]
        done, undone = _("“{tag}” removed from {runs}."), _("Still tagged: {names}: {reason}")
        _report(for_each(with_it, lambda run: lab.tag(run.id, remove=[tag], owner=owner), done, undone, tag=tag))


def _rename(lab: Lab, runs: Sequence[Summary]) -> None:
    owner, name = visitor(), st.session_state[NAME].strip()
    if not name:
        _report((_("No run was changed."), (_("Write a name first."),)))
        return
    names = {run.id: name if len(runs) == 1 else f"{name} {number}" for number, run in enumerate(runs, 1)}
    done, undone = _("Renamed {runs}."), _("Not renamed: {names}: {reason}")
    _report(for_each(runs, lambda run: lab.rename(run.id, names[run.id], owner=owner), done, undone))


def _stop(lab: Lab, runs: Sequence[Summary]) -> None:
    owner = visitor()
    done, undone = _("Stopped {runs}."), _("Not stopped: {names}: {reason}")
    _report(for_each(runs, lambda run: lab.stop(run.id, owner=owner), done, undone))


def _ask() -> None:
    st.session_state[MENU] = False
    st.session_state[CONFIRM] = True


def _confirm(lab: Lab, runs: Sequence[Summary]) -> None:
    if OUTCOME in st.session_state:
        st.rerun()  # deleted: redraw the page without the dialog
    owner = visitor()
    own = [run for run in runs if person().may(Action.CHANGE, run.owner)]
    if foreign := len(runs) - len(own):
        some = ngettext(
            "{count:,} of the {total:,} selected runs belongs to another person and stays.",
            "{count:,} of the {total:,} selected runs belong to other people and stay.",
            foreign,
        )
        alone = _("The selected run belongs to another person and stays.")
        st.markdown((some if len(runs) > 1 else alone).format(count=foreign, total=len(runs)))
    if own:
        st.markdown(what_goes(own, sum(_bytes(lab, run) for run in own)))

    def delete() -> None:
        _report(for_each(own, lambda run: _delete(lab, run, owner), _("Deleted {runs}."), _("Not deleted: {names}: {reason}")))

    with st.container(horizontal=True):
        label = ngettext("Delete {count:,} run", "Delete {count:,} runs", len(own)).format(count=len(own))
        st.button(label, type="primary", icon=":material/delete:", key="runs:really delete", disabled=not own, on_click=delete)
        if st.button(_("Keep them"), key="runs:keep"):
            st.rerun()


def _delete(lab: Lab, run: Summary, owner: str) -> None:
    lab.delete(run.id, owner=owner)
    st.session_state[CHOSEN] = tuple(run_id for run_id in st.session_state[CHOSEN] if run_id != run.id)


def _bytes(lab: Lab, run: Summary) -> int:
    try:
        return lab.disk_bytes(run.id)
    except CNNLabError:
        return 0  # deleted meanwhile
