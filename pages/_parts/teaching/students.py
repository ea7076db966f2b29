"""The students of the class: those who are stuck, with the reason and a button, and everyone as a table."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd
import streamlit as st

from cnnlab.config_words import words
from cnnlab.i18n import N_, _, ngettext, translated
from cnnlab.lab import Lab
from cnnlab.teaching.values import Overview, Student
from cnnlab.text import ago, percent, size_text
from pages._parts.grid import grid
from pages._parts.language import in_links
from pages._parts.markdown import escaped, quoting
from pages._parts.teaching.hints import ask_for_hint

REFRESH_SECONDS = 4.0
MOST_CARDS = 10
_KINDS = {
    "failed": N_("a run failed"), "not learning": N_("does not learn"), "waits": N_("waits long"), "idle": N_("nothing started"),
}  # fmt: skip
_ICONS = {
    "failed": ":material/error:", "not learning": ":material/trending_flat:", "waits": ":material/hourglass_empty:",
    "idle": ":material/back_hand:",
}  # fmt: skip


def students(lab: Lab) -> None:
    """Draws both; a fragment, which is drawn again every few seconds."""
    overview = lab.teaching.overview()
    with st.container(horizontal=True, vertical_alignment="center", key="class-head"):
        st.markdown(_counts(overview))
        if st.button(
            _("Send a hint …"), type="primary", icon=":material/lightbulb:", key="class:hint", disabled=not overview.students,
            help=_("A text at the top of a student's pages, or of everyone's."),
        ):  # fmt: skip
            ask_for_hint()
            st.rerun()
    if not overview.students:
        st.info(_("The class has no students yet: add them on the lab's machine, one by one."), icon=":material/group_add:")
        st.code('python -m cnnlab class add "Ana Silva"', language="bash")
        return
    for student in overview.stuck[:MOST_CARDS]:
        _card(student)
    if (more := len(overview.stuck) - MOST_CARDS) > 0:
        st.caption(ngettext("{count} more is stuck.", "{count} more are stuck.", more).format(count=more))
    grid(
        table(overview), height=min(700, 38 + 35 * len(overview.students)), key="class:students",
        column_config={
            _("Best, %"): st.column_config.NumberColumn(_("Best, %"), format="%.1f", help=_("On the data set of the last result.")),
            _("Minutes today"): st.column_config.NumberColumn(_("Minutes today"), format="%.0f", help=_("Of training.")),
            _("GPU minutes this week"): st.column_config.NumberColumn(_("GPU minutes this week"), format="%.0f"),
        },
    )  # fmt: skip
    st.caption(_("Those who are stuck come first. The table is drawn again every few seconds."))


def table(overview: Overview) -> pd.DataFrame:
    """One row a student, with headings in the reader's language."""
    each = overview.students
    columns: dict[str, Sequence[object]] = {
        _("Student"): [student.name for student in each],
        _("Now"): [_now(student) for student in each],
        _("Needs help"): [translated(_KINDS[student.stuck.kind]) if student.stuck else "" for student in each],
        _("Last result"): [_last(student) for student in each],
        _("Best, %"): [round(100 * best.best_test_accuracy, 1) if (best := student.best) else None for student in each],
        _("Lessons"): [_of(student.lessons, overview.lessons) for student in each],
        _("Assignments"): [_of(student.handed_in, overview.assignments) for student in each],
        _("Minutes today"): [round(student.minutes_today, 1) for student in each],
        _("GPU minutes this week"): [round(student.gpu_minutes_week, 1) for student in each],
        _("Disk"): [size_text(student.disk) for student in each],
    }
    return pd.DataFrame(columns)


def _card(student: Student) -> None:
    stuck = student.stuck
    if stuck is None:
        return
    words_, actions = st.columns([2, 1], vertical_alignment="center")
    sentence = f"**{escaped(student.name)}** · {quoting(translated(stuck.reason))}"
    words_.markdown(f"{_ICONS[stuck.kind]} {sentence}")
    with actions, st.container(horizontal=True, horizontal_alignment="right", key=f"stuck {student.name}"):
        if stuck.run:
            st.page_link(
                "pages/train.py", label=_("Open the run"), icon=":material/show_chart:",
                query_params={"run": stuck.run} | in_links(),
            )  # fmt: skip
        if st.button(_("Send a hint"), icon=":material/lightbulb:", key=f"hint {student.name}"):
            ask_for_hint(student)
            st.rerun()


def _counts(overview: Overview) -> str:
    here = sum(student.here for student in overview.students)
    training = sum(student.training for student in overview.students)
    waiting = sum(student.waiting for student in overview.students)
    total = len(overview.students)
    parts = (
        ngettext("{here} of {count} student here", "{here} of {count} students here", total).format(here=here, count=total),
        ngettext("{count} run training", "{count} runs training", training).format(count=training),
        _("{count} waiting").format(count=waiting),
        ngettext("**{count} student is stuck**", "**{count} students are stuck**", len(overview.stuck)).format(
            count=len(overview.stuck)
        ),
    )
    return f"{escaped(overview.name)}: " + " · ".join(parts)


def _now(student: Student) -> str:
    parts = []
    if student.training:
        parts.append(_("training {count}").format(count=student.training))
    if student.waiting:
        parts.append(_("waiting {count}").format(count=student.waiting))
    if student.here:
        parts.insert(0, _("● here"))
    elif student.last_seen is not None:
        parts.insert(0, ago(student.last_seen))
    return " · ".join(parts) or _("not seen yet")


def _last(student: Student) -> str:
    last = student.last
    if last is None:
        return ""
    return f"{percent(last.test_accuracy)} · {words('architecture', last.architecture)} · {words('dataset', last.dataset)}"


def _of(count: int, total: int) -> str:
    return _("{count} of {total}").format(count=count, total=total) if total else "–"
