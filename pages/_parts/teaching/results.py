"""Everyone's results as files, the assignments, and how a term ends."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from cnnlab.i18n import N_, _, language, ngettext, translated, using
from cnnlab.lab import Lab
from pages._parts.language import in_links
from pages._parts.markdown import escaped

_FILES = {
    "students.csv": (N_("Students"), N_("CSV: the table of the class, one row for each student.")),
    "runs.csv": (N_("Runs"), N_("CSV: one row for each run of everyone, with its settings and results.")),
    "epochs.csv": (N_("Epochs"), N_("CSV: one row for each epoch of each run.")),
    "report.html": (N_("Report"), N_("HTML: the best run of each student side by side, in one file that needs no internet.")),
    "handed-in.csv": (N_("Handed in"), N_("CSV: one row for each run that was handed in, of all assignments.")),
}


def results(lab: Lab) -> None:
    """Draws the buttons. A file is made only when its button is pressed, in a thread that knows no browser."""
    reader, files = language(), lab.teaching.files()
    any_result = any(student.best for student in lab.teaching.overview().students)

    def written(build: Callable[[], str]) -> Callable[[], str]:
        def write() -> str:
            with using(reader):
                return build()

        return write

    st.subheader(_("Files"), anchor=False)
    with st.container(horizontal=True, key="class-files"):
        for name, (label, text) in _FILES.items():
            mime = "text/html" if name.endswith("html") else "text/csv"
            st.download_button(
                translated(label), written(files[name]), f"cnnlab-class-{name}", mime,
                key=f"class:{name}", icon=":material/download:", on_click="ignore", help=translated(text),
                disabled=name == "report.html" and not any_result,
            )  # fmt: skip
    _assignments(lab)
    st.subheader(_("The end of the term"), anchor=False)
    st.markdown(
        _(
            "On the lab's machine, the first command writes all that is kept of the class into one file and reads it back: the "
            "record with every curve, hand-ins, progress in lessons, and the log. Weights are not in it. The second shows what it "
            "would delete, asks, and deletes what that file holds; teachers and their runs stay."
        )
    )
    st.code("python -m cnnlab class archive autumn.zip\npython -m cnnlab class forget autumn.zip", language="bash")


def _assignments(lab: Lab) -> None:
    st.subheader(_("Assignments"), anchor=False)
    every = lab.assignments.every()
    if not every:
        st.caption(_("None yet: “Make an assignment” is on the page Learn."))
    for assignment in every:
        handed_in = lab.assignments.handed_in(assignment)
        learners = {each.learner for each in handed_in}
        with st.container(horizontal=True, vertical_alignment="center", key=f"assignment {assignment.id}"):
            st.markdown(
                f"**{escaped(assignment.task.title)}** · "
                + ngettext("handed in by {count} student", "handed in by {count} students", len(learners)).format(
                    count=len(learners)
                )
            )
            st.page_link(
                "pages/learn.py", label=_("Open"), icon=":material/assignment:",
                query_params={"assignment": assignment.id} | in_links(),
            )  # fmt: skip
