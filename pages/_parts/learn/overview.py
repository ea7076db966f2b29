"""The list of lessons, with what the learner has done of each."""

from __future__ import annotations

from collections.abc import Mapping

import streamlit as st

from cnnlab.i18n import translated
from cnnlab.learn.catalogue import Lessons
from cnnlab.learn.lesson import Lesson
from cnnlab.learn.progress import LessonProgress
from cnnlab.text import duration_text
from pages._parts.learn import words
from pages._parts.learn.address import lesson_button

ICONS = {
    "done": ":material/check_circle:", "begun": ":material/timelapse:", "next": ":material/arrow_circle_right:",
    "waits": ":material/radio_button_unchecked:",
}  # fmt: skip
NOTHING = LessonProgress()


def next_lesson(lessons: Lessons, progress: Mapping[str, LessonProgress]) -> Lesson | None:
    """The first one that is not done; None where all are."""
    return next((lesson for lesson in lessons.every if not progress.get(lesson.id, NOTHING).done), None)


def draw_overview(lessons: Lessons, progress: Mapping[str, LessonProgress]) -> None:
    """Draws it, with the way into the next lesson as the page's primary button."""
    st.markdown(translated(words.LEAD))
    following = next_lesson(lessons, progress)
    done = sum(progress.get(lesson.id, NOTHING).done for lesson in lessons.every)
    if done:
        st.progress(done / len(lessons.every), text=words.so_far(done, len(lessons.every)))
    if following:
        begun = progress.get(following.id, NOTHING).begun
        lesson_button(
            words.begin(following.header.number, following.header.title, begun=begun), following.id, key="next lesson",
            icon=":material/play_arrow:", primary=True,
        )  # fmt: skip
    with st.container(key="learn-list", gap="small"):
        for lesson in lessons.every:
            _row(lesson, progress.get(lesson.id, NOTHING), following=lesson is following)


def _row(lesson: Lesson, known: LessonProgress, *, following: bool) -> None:
    header = lesson.header
    icon = "done" if known.done else "next" if following else "begun" if known.begun else "waits"
    own = [translated(words.OWN)] if lesson.own else []
    with st.container(gap=None):
        lesson_button(f"{header.number} · **{header.title}**", lesson.id, key=f"lesson {lesson.id}", icon=ICONS[icon])
        state = words.state(done=known.done, begun=known.begun, following=following)
        st.caption(" · ".join([header.summary, duration_text(60 * header.minutes), f"**{state}**", *own]))
