"""Learn: the course as lessons, each with a prediction, experiments, and your result beside ours."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from cnnlab.i18n import _, language, translated
from cnnlab.lab import Lab
from cnnlab.text import shortened
from pages._parts.address import MOST_UNKNOWN, Address
from pages._parts.assignments.make import NEW, assignment_list, draw_maker
from pages._parts.assignments.task import draw_assignment
from pages._parts.language import PARAMETER
from pages._parts.learn import words
from pages._parts.learn.address import lesson_button
from pages._parts.learn.learner import progress_of
from pages._parts.learn.lesson import draw_lesson
from pages._parts.learn.overview import draw_overview
from pages._parts.learn.top import begin_at_the_top
from pages._parts.markdown import quoting
from pages._parts.shell import enter, in_words

STYLE = Path(__file__).with_suffix(".css")


def main() -> None:
    lab = enter()
    st.html(STYLE)
    address = Address("learn")
    chosen = language()
    lessons = lab.lessons.of(chosen)
    progress = progress_of(lab.learners)
    if (wanted := address.text("assignment")) is not None:
        _assignment(lab, address, wanted)
        return
    asked = address.text("lesson")
    lesson = lessons.find(asked) if asked else None
    problems = st.container()
    if lesson:
        address.preserve("lesson")
    elif asked is not None:
        address.problems.append(words.unknown_lesson(shortened(asked)))
    address.flush()
    address.show_problems(problems)
    begin_at_the_top(lesson.id if lesson else "")
    if lesson:
        draw_lesson(lab, lessons, lesson, chosen, progress)
        return
    st.title(translated(words.TITLE), anchor=False)
    for sentence in lessons.broken:
        st.warning(quoting(translated(sentence)), icon=":material/heart_broken:")
    if not lessons.every:
        st.info(translated(words.NO_LESSONS))
        return
    draw_overview(lessons, progress)
    assignment_list(lab)


def _assignment(lab: Lab, address: Address, wanted: str) -> None:
    """One assignment; for a new one the rest of the address holds the settings that it starts from."""
    found = lab.assignments.find(wanted)
    others = [name for name in st.query_params.to_dict() if name not in ("assignment", PARAMETER)]
    address.preserve("assignment")
    if wanted == NEW:
        address.preserve(*others)
    elif others:
        for name in others:
            address.text(name)  # known, so that the address loses it without a second sentence
        names = ", ".join(map(shortened, others[:MOST_UNKNOWN]))
        address.problems.append(words.not_from_address(names))
    address.flush()
    address.show_problems(st.container())
    lesson_button(translated(words.ALL_LESSONS), "", key="all lessons", icon=":material/arrow_back:")
    if found:
        draw_assignment(lab, found)
    elif wanted == NEW:
        draw_maker(lab, {name: text for name, text in st.query_params.to_dict().items() if name not in ("assignment", PARAMETER)})
    else:
        missing = _("There is no assignment {name} here: ask your teacher for its address.")
        st.error(quoting(missing.format(name=shortened(wanted))))


with in_words():
    main()
