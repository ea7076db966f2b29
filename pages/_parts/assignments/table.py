"""Who has handed in what, for the teacher: a table, a CSV file, and deleting the assignment."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import partial

import pandas as pd
import streamlit as st

from cnnlab.access.roles import Role
from cnnlab.assignments import Assignment, HandedIn
from cnnlab.errors import CNNLabError
from cnnlab.i18n import N_, _, translated
from cnnlab.lab import Lab
from cnnlab.spreadsheet import csv_text
from pages._parts.grid import grid
from pages._parts.language import in_links
from pages._parts.markdown import escaped
from pages._parts.refreshing import refresh_if
from pages._parts.shell import fragment
from pages._parts.visitor import may_teach, person, visitor

HEADER = (
    N_("Learner"), N_("Run"), N_("Best test accuracy, %"), N_("Target"), N_("Epochs"), N_("Seconds of training"), N_("Chosen"),
    N_("Handed in (UTC)"),
)  # fmt: skip
POLL_SECONDS = 3.0  # learners hand in while a teacher looks on
_WIDEST = 320  # pixels
_DELETED = "the assignment was just deleted"


def handed_in_table(lab: Lab, assignment: Assignment) -> None:
    """Draws it for the teachers of a class; in a lab without one for the maker, and without a name on either side for everybody."""
    if may_teach() and (person().role is not Role.GUEST or assignment.teacher == visitor()):
        fragment(_table, run_every=POLL_SECONDS)(lab, assignment)


def _table(lab: Lab, assignment: Assignment) -> None:
    if st.session_state.pop(_DELETED, False):
        st.rerun()  # the rest of the page too
    handed_in = lab.assignments.handed_in(assignment)
    refresh_if(lambda: lab.assignments.handed_in(assignment) != handed_in)
    st.subheader(_("Handed in: {count:,}").format(count=len(handed_in)), anchor=False)
    if not handed_in:
        st.caption(_("Give learners the address of this page. Each run that is handed in adds a row here."))
    else:
        rows = [_row(each, translated(each.result), assignment.words(each)) for each in handed_in]
        grid(pd.DataFrame(rows, columns=list(map(translated, HEADER))), height=min(_WIDEST, 38 + 35 * len(rows)), key="handed in")
    plain = [_row(each, each.result, each.chosen) for each in handed_in]
    with st.container(horizontal=True):
        st.download_button(
            _("Save as CSV"), partial(csv_text, HEADER, plain), f"cnnlab-assignment-{assignment.id}.csv", "text/csv",
            icon=":material/download:", type="tertiary", on_click="ignore", disabled=not handed_in,
            help=_("A row for each run that was handed in, from the run's own record."),
        )  # fmt: skip
        with st.popover(_("Delete the assignment …"), icon=":material/delete:", type="tertiary"):
            st.caption(_("Its address stops working, and this table is gone. The runs stay."))
            st.button(_("Delete it"), key="delete assignment", on_click=partial(_delete, lab, assignment))


def _row(each: HandedIn, result: str, chosen: str) -> tuple[object, ...]:
    at = datetime.fromtimestamp(each.at, UTC)
    accuracy = None if each.accuracy is None else round(100 * each.accuracy, 2)
    seconds = None if each.seconds is None else round(each.seconds, 1)
    return (each.learner, each.run_id, accuracy, result, each.epochs, seconds, chosen, f"{at:%Y-%m-%d %H:%M}")


def _delete(lab: Lab, assignment: Assignment) -> None:
    try:
        lab.assignments.delete(assignment)
    except CNNLabError as error:
        st.toast(escaped(translated(error)), icon=":material/error:", duration="long")
        return
    st.query_params.from_dict(in_links())
    st.session_state[_DELETED] = True
