"""What can be done to all selected runs at once. Each run is asked for by itself, so that one refusal stops no other."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import streamlit as st

from cnnlab.access.roles import Action
from cnnlab.errors import CNNLabError
from cnnlab.lab import Lab
from cnnlab.runs.records import State
from cnnlab.runs.summaries import Summary
from cnnlab.text import size_text
from pages._parts.markdown import quoting
from pages._parts.run_words import short_title
from pages._parts.runs.table import CHOSEN
from pages._parts.shell import in_words
from pages._parts.visitor import person, visitor

OUTCOME = "runs:outcome"
CONFIRM = "runs:deletion is to be confirmed"
MENU, TAG, NAME = "runs:change", "runs:new tag", "runs:new name"
LONGEST_NAME, LONGEST_TAG = 200, 40  # characters
MOST_NAMES = 12  # in a sentence
ENDED = (State.STOPPED, State.FINISHED, State.FAILED)


def change_many(lab: Lab, runs: Sequence[Summary]) -> None:
    """Draws the menu of changes, and on request the question whether to delete."""
    count = f"{len(runs):,} run{'' if len(runs) == 1 else 's'}"
    stoppable = [run for run in runs if run.state not in ENDED]
    # on_change is set so that a choice can close the popover.
    with st.popover(
        "Change …", icon=":material/edit:", key=MENU, on_change="rerun", help="Tag, rename, stop or delete all of them."
    ):
        st.caption(
            f"For {'the selected run' if len(runs) == 1 else f'all {count} selected'}. Runs of other people stay as they are."
        )
        st.text_input("Tag", key=TAG, max_chars=LONGEST_TAG, placeholder="final, homework 3 …")
        with st.container(horizontal=True):
            st.button("Add tag", icon=":material/new_label:", key="runs:add tag", on_click=_tag, args=(lab, runs, True))
            st.button("Remove tag", icon=":material/label_off:", key="runs:remove tag", on_click=_tag, args=(lab, runs, False))
        st.text_input(
            "Name", key=NAME, max_chars=LONGEST_NAME,
            help="Several runs get numbers behind the name, in the order in which you selected them.",
        )  # fmt: skip
        st.button("Rename", icon=":material/title:", key="runs:rename", on_click=_rename, args=(lab, runs))
        st.button(
            f"Stop {len(stoppable):,}", icon=":material/stop:", key="runs:stop", disabled=not stoppable, on_click=_stop,
            args=(lab, stoppable), help="Ends those that wait, train or are paused. Their weights are kept.",
        )  # fmt: skip
        st.button(f"Delete {count} …", icon=":material/delete:", key="runs:delete", on_click=_ask)
    if st.session_state.pop(CONFIRM, False):
        _confirm(lab, runs)


def show_outcome() -> None:
    """What the last change of many runs did, once."""
    outcome = st.session_state.pop(OUTCOME, None)
    if outcome:
        done, refused = outcome
        (st.warning if refused else st.success)(
            quoting(" ".join(filter(None, (done, *refused)))), icon=":material/playlist_add_check:"
        )


def for_each(runs: Sequence[Summary], action: Callable[[Summary], object], done: str, undone: str) -> tuple[str, tuple[str, ...]]:
    """Runs the action for each run. Returns a sentence about those done, and one for each reason of refusal, with names."""
    refused: dict[str, list[Summary]] = {}
    for run in runs:
        try:
            action(run)
        except CNNLabError as error:
            refused.setdefault(str(error).replace(f"Run {run.id}", "It"), []).append(run)
    failed = sum(map(len, refused.values()))
    total = f" of {len(runs):,}" if failed else ""
    sentence = f"{done} {len(runs) - failed:,}{total} run{'' if len(runs) == 1 else 's'}."
    return sentence, tuple(f"{undone} {_names(those)}: {reason}" for reason, those in refused.items())


def _names(runs: Sequence[Summary]) -> str:
    names = ", ".join(f"“{' '.join((run.name or run.id).split())[:60]}”" for run in runs[:MOST_NAMES])
    return names + (f" and {len(runs) - MOST_NAMES:,} more" if len(runs) > MOST_NAMES else "")


def _report(outcome: tuple[str, tuple[str, ...]]) -> None:
    st.session_state[OUTCOME] = outcome
    st.session_state[MENU] = False


def _tag(lab: Lab, runs: Sequence[Summary], add: bool) -> None:
    owner, tag = visitor(), " ".join(st.session_state[TAG].replace(",", " ").split())
    if not tag:
        _report(("No run was changed.", ("Write a tag first.",)))
    elif add:
        _report(for_each(runs, lambda run: lab.tag(run.id, add=[tag], owner=owner), f"“{tag}” added to", "Not tagged:"))
    else:
        with_it = [run for run in runs if tag in run.tags]
        _report(for_each(with_it, lambda run: lab.tag(run.id, remove=[tag], owner=owner), f"“{tag}” removed from", "Still tagged:"))


def _rename(lab: Lab, runs: Sequence[Summary]) -> None:
    owner, name = visitor(), st.session_state[NAME].strip()
    if not name:
        _report(("No run was changed.", ("Write a name first.",)))
        return
    names = {run.id: name if len(runs) == 1 else f"{name} {number}" for number, run in enumerate(runs, 1)}
    _report(for_each(runs, lambda run: lab.rename(run.id, names[run.id], owner=owner), "Renamed", "Not renamed:"))


def _stop(lab: Lab, runs: Sequence[Summary]) -> None:
    owner = visitor()
    _report(for_each(runs, lambda run: lab.stop(run.id, owner=owner), "Stopped", "Not stopped:"))


def _ask() -> None:
    st.session_state[MENU] = False
    st.session_state[CONFIRM] = True


@st.dialog("Delete these runs?", icon=":material/delete:")
@in_words()
def _confirm(lab: Lab, runs: Sequence[Summary]) -> None:
    if OUTCOME in st.session_state:
        st.rerun()  # deleted: redraw the page without the dialog
    owner = visitor()
    own = [run for run in runs if person().may(Action.CHANGE, run.owner)]
    others = "belongs to another person and stays" if len(own) == len(runs) - 1 else "belong to other people and stay"
    if len(own) < len(runs):
        which = f"{len(runs) - len(own):,} of the {len(runs):,} selected runs" if len(runs) > 1 else "The selected run"
        st.markdown(f"{which} {others}.")
    if own:
        names = ", ".join(f"“{short_title(run)}”" for run in own[:MOST_NAMES])
        more = f" and {len(own) - MOST_NAMES:,} more" if len(own) > MOST_NAMES else ""
        frees = size_text(sum(_bytes(lab, run) for run in own))
        st.markdown(
            f"{names}{more} will be deleted with {'its' if len(own) == 1 else 'their'} curves, weights and predictions. "
            f"This frees {frees} of disk space. **This cannot be undone.**"
        )

    def delete() -> None:
        _report(for_each(own, lambda run: _delete(lab, run, owner), "Deleted", "Not deleted:"))

    with st.container(horizontal=True):
        label = f"Delete {len(own):,} run{'' if len(own) == 1 else 's'}"
        st.button(label, type="primary", icon=":material/delete:", key="runs:really delete", disabled=not own, on_click=delete)
        if st.button("Keep them", key="runs:keep"):
            st.rerun()


def _delete(lab: Lab, run: Summary, owner: str) -> None:
    lab.delete(run.id, owner=owner)
    st.session_state[CHOSEN] = tuple(run_id for run_id in st.session_state[CHOSEN] if run_id != run.id)


def _bytes(lab: Lab, run: Summary) -> int:
    try:
        return lab.disk_bytes(run.id)
    except CNNLabError:
        return 0  # deleted meanwhile
