"""Learn: the course as lessons, each with a prediction, experiments, and your result beside ours."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from cnnlab.text import shortened
from pages._parts.address import Address
from pages._parts.learn import words
from pages._parts.learn.language import NAME, language
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
    address.preserve(NAME)
    chosen = language()
    lessons = lab.lessons.of(chosen)
    progress = progress_of(lab.learners)
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
    st.title(words.TITLE, anchor=False)
    for sentence in lessons.broken:
        st.warning(quoting(sentence), icon=":material/heart_broken:")
    if not lessons.every:
        st.info(words.NO_LESSONS)
        return
    draw_overview(lessons, progress)


with in_words():
    main()
