"""An assignment as a learner sees it: the task, what may be changed, the runs made for it, and handing one in."""

from __future__ import annotations

import uuid
from functools import lru_cache, partial

import pyarrow as pa
import streamlit as st

from cnnlab.assignments import Assignment, HandedIn, goal
from cnnlab.config import RunConfig
from cnnlab.config_words import settings, title, words
from cnnlab.errors import CNNLabError, ConfigError
from cnnlab.i18n import _, shown, translated
from cnnlab.lab import Lab
from cnnlab.runs.summaries import Summary
from cnnlab.text import duration, in_sentence, percent
from pages._parts.assignments.table import POLL_SECONDS, handed_in_table
from pages._parts.forms.click import only_looks
from pages._parts.forms.order import in_order
from pages._parts.forms.settings import in_titles
from pages._parts.forms.value import read_value, value_control
from pages._parts.grid import guarded, guarded_grid
from pages._parts.language import in_links
from pages._parts.markdown import box, escaped, isolated, quoting
from pages._parts.refreshing import refresh_if
from pages._parts.run_words import STATE_WORDS, short_title, state_icon
from pages._parts.shell import fragment
from pages._parts.visitor import visitor

ACROSS = 4
_TOKEN = "token of the assignment"  # noqa: S105  # names a form, not a secret
_REFUSAL = "why the assignment's run was not started"
_ANSWER = "what became of handing in"  # shown by the fragment: Streamlit warns in the terminal where its callback draws


def draw_assignment(lab: Lab, assignment: Assignment) -> None:
    """The whole view."""
    task = assignment.task
    st.title(escaped(task.title), anchor=False)
    by = _("Assignment by {teacher}") if assignment.teacher else _("Assignment")
    st.caption(by.format(teacher=escaped(isolated(assignment.teacher))))
    if task.text:
        st.html(box(task.text))
    if wanted := goal(task):
        words = _("**Goal:** {goal}.").format(goal=translated(wanted))
        st.markdown(f":material/flag: {words}")
    _settings_of(assignment)
    config = _controls(assignment)
    _start(lab, assignment, config)
    fragment(_own_runs, run_every=POLL_SECONDS)(lab, assignment)
    handed_in_table(lab, assignment)


def _settings_of(assignment: Assignment) -> None:
    task = assignment.task
    with st.expander(_("What is fixed"), icon=":material/lock:"):
        rows = [
            (title(name, task.config.architecture), words(name, value))
            for name, value in settings(task.config).items()
            if name not in (*task.free, "device")
        ]
        guarded_grid(_table((_("Setting"), _("Value")), tuple(rows)), height=280, key="fixed settings")


@lru_cache(maxsize=32)
def _table(titles: tuple[str, str], rows: tuple[tuple[str, str], ...]) -> pa.Table:
    """Kept: a class draws the same table at each of its steps."""
    return guarded({title: [row[place] for row in rows] for place, title in enumerate(titles)})


def _controls(assignment: Assignment) -> RunConfig | None:
    """The free settings; None, and the reason on the page, where a value is not allowed."""
    task = assignment.task
    names = in_order(task.free, task.config)
    if not names:
        st.caption(_("Nothing has to be chosen: start it, look, and hand it in."))
        return task.config
    st.markdown(f"**{_('What you may change')}**")
    values = {}
    for start in range(0, len(names), ACROSS):
        for name, column in zip(names[start : start + ACROSS], st.columns(ACROSS, vertical_alignment="bottom"), strict=False):
            with column:
                values[name] = value_control(task.config, name, f"assignment {assignment.id}: {name}")
    try:
        return task.with_values({name: read_value(task.config, name, value) for name, value in values.items()})
    except ConfigError as error:
        st.error(quoting(in_titles(error)), icon=":material/error:")
        return None


def _start(lab: Lab, assignment: Assignment, config: RunConfig | None) -> None:
    token = st.session_state.setdefault(_TOKEN, uuid.uuid4().hex)
    looks = only_looks()
    st.button(
        _("Start training"), type="primary", icon=":material/play_arrow:", disabled=bool(config is None or looks),
        key="start assignment", on_click=partial(_begin, lab, assignment, config, token),
        help=looks
        or _("Trains the network with these settings. You can try as often as you like, and hand in the run that you choose."),
    )  # fmt: skip
    if refusal := st.session_state.pop(_REFUSAL, None):
        st.error(quoting(refusal), icon=":material/error:")


def _begin(lab: Lab, assignment: Assignment, config: RunConfig | None, token: str) -> None:
    """Queues the run. A double click brings the same token twice, which is one run."""
    if config is None:
        return
    try:
        run_id = lab.start(config, token=token, name=assignment.task.title, owner=visitor())
        lab.tag(run_id, add=[assignment.tag], owner=visitor())
    except CNNLabError as error:
        st.session_state[_REFUSAL] = in_titles(error)
        return
    st.session_state[_TOKEN] = uuid.uuid4().hex


def _own_runs(lab: Lab, assignment: Assignment) -> None:
    """The visitor's runs for this assignment, newest first, each with its result and a button that hands it in."""
    if show := st.session_state.pop(_ANSWER, None):
        show()
    name = visitor()
    drawn = _tried(lab, assignment, name)
    refresh_if(lambda: _tried(lab, assignment, name) != drawn)
    runs, taken = drawn
    if not runs:
        return
    st.markdown(f"**{_('Your runs for it')}**")
    for run in runs:
        with st.container(horizontal=True, vertical_alignment="center", border=True, key=f"own run {run.id}"):
            _run(lab, assignment, run)
            if run.id in taken:
                words = _("Handed in, target {result}.").format(result=translated(taken[run.id].result))
                st.markdown(f":material/task_alt: {words}")
            st.button(
                _("Hand in") if run.id not in taken else _("Hand in again"), icon=":material/assignment_turned_in:",
                key=f"hand in {run.id}",
                disabled=run.active or not run.epochs_done, on_click=partial(_hand_in, lab, assignment, run.id),
                help=_("Gives this run to your teacher, with its own record: settings, accuracy, epochs and time."),
            )  # fmt: skip


def _tried(lab: Lab, assignment: Assignment, name: str) -> tuple[list[Summary], dict[str, HandedIn]]:
    """The runs of this name for it, and those handed in by their ids."""
    runs = [run for run in lab.summaries().runs if assignment.tag in run.tags and run.owner == name]
    return runs, {each.run_id: each for each in lab.assignments.handed_in(assignment)} if runs else {}


def _run(lab: Lab, assignment: Assignment, run: Summary) -> None:
    task, chosen = assignment.task, run.settings
    changed = _(", ").join(
        f"{in_sentence(title(name, run.architecture))} {words(name, chosen[name])}" for name in task.free if name in chosen
    )
    link = {"run": run.id} | in_links()
    st.page_link("pages/train.py", label=short_title(run), icon=state_icon(run), query_params=link, width="content")
    epochs = _("{done} of {total} epochs").format(done=f"{run.epochs_done:,}", total=f"{run.epochs:,}")
    facts = [shown(STATE_WORDS[run.state]), epochs]
    if run.epochs_done:
        facts.append(_("best test accuracy {accuracy}").format(accuracy=percent(run.best_test_accuracy)))
    if run.seconds:
        facts.append(_("{time} min").format(time=duration(run.seconds)))
    if task.target is not None and run.best_test_accuracy is not None:
        mark = _("✓ at or above {target}") if run.best_test_accuracy >= task.target else _("✗ below {target}")
        facts.append(mark.format(target=percent(task.target, None)))
    st.caption(escaped(" · ".join(filter(None, (*facts, changed)))), width="stretch")


def _hand_in(lab: Lab, assignment: Assignment, run_id: str) -> None:
    try:
        lab.assignments.hand_in(assignment, run_id, learner=visitor())
        answer = partial(st.toast, _("Handed in."), icon=":material/task_alt:")
    except CNNLabError as error:
        answer = partial(st.toast, escaped(in_titles(error)), icon=":material/error:", duration="long")
    st.session_state[_ANSWER] = answer
