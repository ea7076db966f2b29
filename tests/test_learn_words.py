"""How the lessons are written: short sentences in both languages, and the words that the pages use too."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from benchmarks.readability import HIGHEST_GRADE, MOST_CHARACTERS, MOST_WORDS, PAGE, reading, render
from cnnlab.i18n import translated, using
from cnnlab.i18n.catalogue import catalogue
from cnnlab.learn.catalogue import LESSONS, Catalogue

EVERY = [lesson for language in ("en", "zh") for lesson in Catalogue(Path("nowhere")).of(language).every]
PAGES = ("Design", "Learn", "Data", "Train", "Runs", "Predict", "Inside")


@pytest.mark.parametrize("lesson", EVERY, ids=lambda lesson: f"{lesson.language}-{lesson.id}")
def test_a_lesson_has_short_sentences_and_easy_words(lesson):
    measured = reading(lesson)

    most = MOST_WORDS if lesson.language == "en" else MOST_CHARACTERS
    assert [sentence for sentence, length in measured.sentences if length > most] == []
    assert measured.grade is None or measured.grade <= HIGHEST_GRADE


def test_the_page_of_the_lessons_has_these_figures():
    assert render() in PAGE.read_text(encoding="utf-8"), "run python -m benchmarks.readability"


def test_the_grade_is_that_of_a_sentence_counted_by_hand():
    lesson = next(each for each in EVERY if each.id == "lenet")
    quoted = lesson.model_copy(
        update={"blocks": (lesson.blocks[0].model_copy(update={"text": "The small network learned nothing."}),)}
    )
    alone = reading(quoted).sentences[0]

    assert alone == ("The small network learned nothing.", 5)


def test_chinese_lessons_and_pages_use_the_same_words():
    """The reader is 您; an epoch is 轮, and 迭代周期 stands in brackets where a lesson introduces it; a page has its own name."""
    with using("zh"):
        pages = {translated(name) for name in PAGES}
    for path in sorted((LESSONS / "zh").glob("*.md")):
        text = path.read_text(encoding="utf-8")
        assert "你" not in text, path.name
        assert text.count("周期") == text.count("**轮**（epoch，书上也叫“迭代周期”）"), path.name
        assert set(re.findall(r"“([^”]+)”页", text)) <= pages, path.name
    assert not [form for message in catalogue("zh").messages.values() for form in message.translations if "你" in form]
