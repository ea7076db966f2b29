"""How easily each lesson reads: the length of its sentences and its school grade, as a table of docs/LESSONS.md.

    python -m benchmarks.readability

English is to be within reach of level B1: no sentence over 25 words, and no lesson over grade 8 of Flesch and Kincaid. Chinese has
no such grade; there the characters of a sentence are counted, up to its full stop, question mark or semicolon.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from benchmarks.figures import table
from benchmarks.results_page import ROOT, put
from cnnlab.learn.catalogue import Catalogue
from cnnlab.learn.lesson import Lesson

PAGE = ROOT / "docs" / "LESSONS.md"
MOST_WORDS, MOST_CHARACTERS, HIGHEST_GRADE = 25, 50, 8.0
_WORD = re.compile(r"[A-Za-z][A-Za-z’'-]*|\d[\d,.×]*")
_HAN = re.compile(r"[\u4e00-\u9fff]")
_NO_PROSE = ("|", "#", "```")  # tables, headings, code


@dataclass(frozen=True)
class Reading:
    """A lesson in one language. Lengths are of words in English and of Chinese characters in Chinese."""

    sentences: tuple[tuple[str, int], ...]  # each with its length
    grade: float | None  # Flesch–Kincaid, of English alone

    @property
    def mean(self) -> float:
        return sum(length for _, length in self.sentences) / len(self.sentences)

    @property
    def longest(self) -> tuple[str, int]:
        return max(self.sentences, key=lambda each: each[1])


def reading(lesson: Lesson) -> Reading:
    """Measures all that a learner reads of a lesson: its text, experiments, questions, reasons and mistakes."""
    whole = [sentence for text in _texts(lesson) for sentence in _sentences(text)]
    count = _WORD if lesson.language == "en" else _HAN
    lengths = [(sentence, len(count.findall(sentence))) for sentence in whole]
    lengths = [(sentence, length) for sentence, length in lengths if length]
    if lesson.language != "en":
        return Reading(tuple(lengths), None)
    words = [word for sentence, _ in lengths for word in _WORD.findall(sentence)]
    grade = 0.39 * len(words) / len(lengths) + 11.8 * sum(map(_syllables, words)) / len(words) - 15.59
    return Reading(tuple(lengths), grade)


def _texts(lesson: Lesson) -> Iterator[str]:
    header = lesson.header
    yield from (block.text for block in lesson.blocks if block.kind == "text")
    yield from (header.summary, header.prediction.question, *header.prediction.options, header.prediction.after)
    yield from (experiment.see for experiment in header.experiment)
    for quiz in header.quiz:
        yield quiz.question
        for option in quiz.options:
            yield from (option.text, option.reason)
    for mistake in header.mistake:
        yield from (mistake.claim, mistake.truth)


def _sentences(text: str) -> Iterator[str]:
    for block in re.split(r"\n\s*\n|\n(?=\s*(?:[-*|#]|\d+\.))", text):
        if block.strip().startswith(_NO_PROSE):
            continue
        prose = re.sub(r"[*_]", "", re.sub(r"`[^`]*`|\$[^$]*\$", "code", block))
        yield from (
            each.strip() for each in re.split(r"(?<=[.!?])[\"”)]?\s+|(?<=[。！？；])[”）]?|(?<=[:：])\n", prose) if each.strip()
        )


def _syllables(word: str) -> int:
    """Groups of vowels, without a silent e; a number counts as one."""
    letters = re.sub(r"[^a-z]", "", word.lower())
    groups = len(re.findall(r"[aeiouy]+", letters))
    silent = re.search(r"[^l]e$|[^td]ed$", letters) is not None
    return max(1, groups - silent)


def render() -> str:
    """The table, and what it means."""
    english, chinese = ([reading(each) for each in Catalogue(Path()).of(name).every] for name in ("en", "zh"))
    rows = [
        (
            f"{number}", f"{len(first.sentences)}", f"{first.mean:.1f}", f"{first.longest[1]}", f"{first.grade:.1f}",
            f"{len(second.sentences)}", f"{second.mean:.1f}", f"{second.longest[1]}",
        )
        for number, (first, second) in enumerate(zip(english, chinese, strict=True), 1)
    ]  # fmt: skip
    heads = (
        "lesson", "sentences", "words each, mean", "longest", "grade",
        "Chinese sentences", "characters each, mean", "longest",
    )  # fmt: skip
    return table(heads, rows) + "\n"


if __name__ == "__main__":
    put("readability", render(), PAGE)
