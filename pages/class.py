"""Class: who needs help, the machine that all share, and everyone's results. For teachers."""

from __future__ import annotations

import streamlit as st

from cnnlab.access.roles import Role
from cnnlab.i18n import _
from pages._parts.address import Address
from pages._parts.one_choice import one_choice
from pages._parts.shell import enter, fragment, in_words
from pages._parts.teaching.disk import disk
from pages._parts.teaching.hints import hint_dialog
from pages._parts.teaching.log import log
from pages._parts.teaching.machine import at_work, machine
from pages._parts.teaching.queue import deletion_dialog
from pages._parts.teaching.results import results
from pages._parts.teaching.students import REFRESH_SECONDS, students
from pages._parts.visitor import person

HOW_TO = "python -m cnnlab class new"
VIEWS = ("students", "machine", "results", "log")


def main() -> None:
    lab = enter()
    st.title(_("My class"), anchor=False)
    address = Address("class")
    role = person().role
    if role is not Role.TEACHER:
        address.preserve("view")
        address.flush()
        if role is Role.GUEST:
            st.info(
                _("This lab has no class, so everyone here is a guest. A class gives each student a code and a link to sign in."),
                icon=":material/group_add:",
            )
            st.markdown(_("Make one on the lab's machine, then start the lab again:"))
            st.code(HOW_TO, language="bash")
        else:
            st.error(_("This page is for the teachers of this class: your own runs are on the page Runs."), icon=":material/lock:")
        return
    titles = {"students": _("Students"), "machine": _("Machine"), "results": _("Results"), "log": _("Log")}
    problems = st.container()
    view = one_choice(
        _("What to look at"), "class:view", "view", titles, address,
        help=_("Students: who needs help. Machine: queue, devices, disk. Results: files for marking. Log: who did what."),
    )  # fmt: skip
    address.flush()
    address.show_problems(problems)
    if view == "students":
        fragment(students, run_every=REFRESH_SECONDS)(lab)
        hint_dialog(lab, arriving=address.arriving)
    elif view == "machine":
        machine(lab)
        fragment(at_work, run_every=REFRESH_SECONDS)(lab)
        disk(lab)
        deletion_dialog(lab, arriving=address.arriving)
    elif view == "results":
        results(lab)
    else:
        log(lab)


with in_words():
    main()
