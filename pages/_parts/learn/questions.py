"""What a lesson asks: the prediction, the questions with the reason for each answer, and the mistakes to find."""

from __future__ import annotations

from functools import partial

import streamlit as st

from cnnlab.i18n import _, translated
from cnnlab.lab import Lab
from cnnlab.learn.lesson import Lesson, Mistake, Quiz
from cnnlab.learn.progress import LessonProgress
from pages._parts.learn import words
from pages._parts.learn.learner import keep

SKIPPED = "lessons read without a prediction"


def draw_prediction(lab: Lab, lesson: Lesson, known: LessonProgress) -> bool:
    """Asks, or shows the answer to what was predicted; False as long as the rest of the lesson is to wait."""
    asked = lesson.header.prediction
    with st.container(border=True, key="prediction"):
        if known.prediction is not None and known.prediction < len(asked.options):
            st.markdown(f"**{asked.question}**")
            st.markdown(verdict(lesson, known))
            st.markdown(asked.after)
            return True
        key = f"prediction of {lesson.id}"
        chosen = st.radio(
            f"**{asked.question}**", range(len(asked.options)), index=None, key=key, format_func=asked.options.__getitem__,
            help=translated(words.PREDICT_FIRST),
        )  # fmt: skip
        skipped = lesson.id in st.session_state.get(SKIPPED, ())
        with st.container(horizontal=True):
            st.button(
                translated(words.PREDICT_BUTTON), type="primary", disabled=chosen is None, key=f"predict {lesson.id}",
                on_click=partial(keep, lambda learner: lab.learners.predict(learner, lesson.id, st.session_state[key])),
            )  # fmt: skip
            if not skipped:
                label = translated(words.SKIP_BUTTON)
                st.button(label, type="tertiary", key=f"skip {lesson.id}", on_click=_skip, args=(lesson.id,))
    if not skipped:
        st.caption(translated(words.GOES_ON))
    return skipped


def verdict(lesson: Lesson, known: LessonProgress) -> str:
    """The prediction beside what is the case."""
    asked = lesson.header.prediction
    place = known.prediction or 0
    return words.predicted(asked.options[place], asked.options[asked.right - 1], hit=place == asked.right - 1)


def draw_quiz(lab: Lab, lesson: Lesson, quiz: Quiz, known: LessonProgress) -> None:
    """The question; once it is answered, the reason for the chosen answer and for the right one."""
    before = known.answers.get(quiz.id)
    before = before if before is not None and before < len(quiz.options) else None
    with st.container(border=True, key=f"quiz-{lesson.id}-{quiz.id}".replace(".", "-")):
        key = f"quiz {lesson.id} {quiz.id}"
        st.session_state.setdefault(key, before)
        chosen = st.radio(
            f"**:material/quiz: {quiz.question}**", range(len(quiz.options)), key=key,
            format_func=lambda place: quiz.options[place].text,
        )  # fmt: skip
        st.button(
            translated(words.CHECK), key=f"check {key}", disabled=chosen is None or chosen == before,
            on_click=partial(keep, lambda learner: lab.learners.answer(learner, lesson.id, quiz.id, st.session_state[key])),
        )  # fmt: skip
        if before is None:
            return
        answer, right = quiz.options[before], quiz.options[quiz.right]
        (st.success if answer.right else st.warning)(words.answered(answer.text, answer.reason, hit=answer.right))
        if not answer.right:
            st.markdown(words.right_answer(right.text, right.reason))


def draw_mistake(mistake: Mistake) -> None:
    """A claim, and behind a button what is wrong with it."""
    with st.container(border=True, key=f"mistake-{mistake.id}".replace(".", "-")):
        find = _("{sentence}.").format(sentence=translated(words.FIND))
        st.markdown(f"**:material/bug_report: {find}** {mistake.claim}")
        with st.expander(translated(words.WRONG)):
            st.markdown(mistake.truth)


def _skip(lesson_id: str) -> None:
    st.session_state[SKIPPED] = (*st.session_state.get(SKIPPED, ()), lesson_id)
