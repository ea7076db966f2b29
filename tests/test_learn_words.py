"""How the lessons are written: short sentences in both languages, and the words that the pages use too."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from benchmarks.readability import HIGHEST_GRADE, MOST_CHARACTERS, MOST_WORDS, PAGE, reading, render
from cnnlab.i18n import translated, using
from cnnlab.learn.catalogue import LESSONS, Catalogue

EVERY = [lesson for language in ("en", "zh") for lesson in Catalogue(Path("nowhere")).of(language).every]
ROOT = Path(__file__).parents[1]
TEXTS = (".py", ".po", ".md", ".js", ".html", ".tsv", ".txt", ".bat", ".sh")
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
    """An epoch is 轮, and 迭代周期 stands in brackets where a lesson introduces it; a page has its own name."""
    with using("zh"):
        pages = {translated(name) for name in PAGES}
    for path in sorted((LESSONS / "zh").glob("*.md")):
        text = path.read_text(encoding="utf-8")
        assert text.count("周期") == text.count("**轮**（epoch，书上也叫“迭代周期”）"), path.name
        assert set(re.findall(r"“([^”]+)”页", text)) <= pages, path.name


def test_no_text_of_the_program_calls_its_reader_by_the_familiar_word():
    """In catalogue, lessons, exported programs, scripts and the notes of a pack."""
    files = [path for folder in ("cnnlab", "pages") for path in (ROOT / folder).rglob("*") if path.suffix in TEXTS]
    assert {"cnnlab.po", "words.py", "READ ME.txt"} <= {path.name for path in files}
    assert [str(path.relative_to(ROOT)) for path in files if "你" in path.read_text(encoding="utf-8")] == []
