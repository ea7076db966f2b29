"""One lesson: its text with the prediction, experiments, figures and questions in their places, and what comes next."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

import streamlit as st

from cnnlab.i18n import translated
from cnnlab.lab import Lab
from cnnlab.learn.catalogue import Lessons
from cnnlab.learn.lesson import Block, Lesson
from cnnlab.learn.progress import LessonProgress
from pages._parts.language import in_links
from pages._parts.learn import words
from pages._parts.learn.address import lesson_button
from pages._parts.learn.experiment import draw_experiment
from pages._parts.learn.figures import draw_figure
from pages._parts.learn.learner import keep
from pages._parts.learn.questions import draw_mistake, draw_prediction, draw_quiz, verdict
from pages._parts.learn.runs import own_runs_of_lesson
from pages._parts.shell import in_words

READABLE = 800  # pixels: longer lines are hard to follow


def draw_lesson(lab: Lab, lessons: Lessons, lesson: Lesson, language: str, progress: Mapping[str, LessonProgress]) -> None:
    """Draws it. Before the prediction is made, or skipped, only the first section stands there."""
    known = progress.get(lesson.id, LessonProgress())
    with st.container(width=READABLE, key="lesson"):
        _top(lesson, language, known)
        for block in lesson.blocks:
            if block.kind == "prediction":
                if not draw_prediction(lab, lesson, known):
                    return
                continue
            with in_words():  # what is wrong in one part does not hide the rest
                _block(lab, lesson, block, known)
        _end(lab, lessons, lesson, known)


def _top(lesson: Lesson, language: str, known: LessonProgress) -> None:
    facts = [words.place(lesson.header.number, lesson.header.minutes)]
    if known.done:
        facts.append(f"✓ {words.state(done=True, begun=True, following=False)}")
    if lesson.own:
        facts.append(translated(words.OWN_LESSON))
    with st.container(gap=None):
        lesson_button(translated(words.ALL_LESSONS), "", key="all lessons", icon=":material/arrow_back:")
        st.title(lesson.header.title, anchor=False)
        st.caption(" · ".join(facts))
    if lesson.language != language:
        st.info(translated(words.IN_ENGLISH), icon=":material/translate:")


def _block(lab: Lab, lesson: Lesson, block: Block, known: LessonProgress) -> None:
    if block.kind == "text":
        st.markdown(block.text)
    elif block.kind == "figure":
        draw_figure(lab, block.text)
    elif block.kind == "experiment":
        draw_experiment(lab, lesson, lesson.experiment(block.text))
    elif block.kind == "quiz":
        draw_quiz(lab, lesson, lesson.quiz(block.text), known)
    else:
        draw_mistake(lesson.mistake(block.text))


def _end(lab: Lab, lessons: Lessons, lesson: Lesson, known: LessonProgress) -> None:
    """The prediction beside what came, the runs of the lesson side by side, and the way on."""
    st.divider()
    if known.prediction is not None and known.prediction < len(lesson.header.prediction.options):
        st.markdown(verdict(lesson, known))
    runs = own_runs_of_lesson(lab, lesson)
    if len(runs) > 1:
        st.page_link(
            "pages/runs.py", label=translated(words.COMPARE).format(count=len(runs)), icon=":material/compare_arrows:",
            query_params={"runs": ",".join(run.id for run in runs)} | in_links(), width="content",
        )  # fmt: skip
    following = lessons.after(lesson)
    with st.container(horizontal=True, vertical_alignment="center"):
        if known.done:
            st.markdown(f":material/check_circle: {translated(words.IS_DONE)}", width="content")
        st.button(
            translated(words.NOT_DONE if known.done else words.DONE),
            icon=":material/undo:" if known.done else ":material/check:",
            type="tertiary" if known.done else "primary", key=f"done {lesson.id}",
            on_click=partial(keep, partial(lab.learners.finish, lesson=lesson.id, done=not known.done)),
        )  # fmt: skip
        if known.begun:
            st.button(
                translated(words.AGAIN), icon=":material/restart_alt:", type="tertiary", help=translated(words.AGAIN_HELP),
                key=f"again {lesson.id}", on_click=partial(_begin_again, lab, lesson),
            )  # fmt: skip
    if following is None:
        st.caption(translated(words.LAST_LESSON))
        return
    label = translated(words.NEXT_LESSON).format(title=following.header.title)
    lesson_button(label, following.id, key="next lesson", icon=":material/arrow_forward:", primary=known.done)


def _begin_again(lab: Lab, lesson: Lesson) -> None:
    keep(partial(lab.learners.forget, lesson=lesson.id))
    for key in [key for key in st.session_state if str(key).startswith((f"quiz {lesson.id} ", f"prediction of {lesson.id}"))]:
        del st.session_state[key]
