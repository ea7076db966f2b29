"""All lessons of a language: those of the program, and those that a teacher has put into the lab's home."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from cnnlab.errors import LessonError
from cnnlab.i18n import ENGLISH, LANGUAGES, say
from cnnlab.learn.lesson import Lesson
from cnnlab.learn.read import read_lesson

LESSONS = Path(__file__).with_name("lessons")
MOST_FILES = 200  # of one folder


@dataclass(frozen=True)
class Lessons:
    """The lessons of a language in their order, and a sentence for each file that is left out."""

    every: tuple[Lesson, ...]
    broken: tuple[str, ...] = ()

    def find(self, lesson_id: str) -> Lesson | None:
        return next((lesson for lesson in self.every if lesson.id == lesson_id), None)

    def after(self, lesson: Lesson) -> Lesson | None:
        """The next lesson; None after the last one."""
        place = self.every.index(lesson) + 1
        return self.every[place] if place < len(self.every) else None


_Version = tuple[int, int] | str  # a file's time and size, or why it cannot be read


class Catalogue:
    """The lessons of one lab. A lesson of its own takes the place of the program's with the same id."""

    def __init__(self, home: Path, *, shipped: Path = LESSONS) -> None:
        self._shipped, self._own = shipped, home / "lessons"

    def of(self, language: str) -> Lessons:
        """Each lesson in this language, or in English where there is none; a language without lessons is English.

        The program's own are read once. Those of the lab are looked at each time, so that a change is seen at once.
        """
        languages = tuple(dict.fromkeys((ENGLISH, language if language in LANGUAGES else ENGLISH)))
        own = tuple((each, path, _version_of(path)) for each in languages for path in _files(self._own / each))
        return _together(self._shipped, languages, own)


@lru_cache(maxsize=16)
def _together(shipped: Path, languages: tuple[str, ...], own: tuple[tuple[str, Path, _Version], ...]) -> Lessons:
    # Every page of lessons, and each click on one, asks for all of them.
    found: dict[str, Lesson] = {}
    broken: list[str] = []
    for each in languages:
        of_the_program = [(path, _version_of(path)) for path in _files(shipped / each)]
        of_the_lab = [(path, version) for code, path, version in own if code == each]
        for files, is_own in ((of_the_program, False), (of_the_lab, True)):
            seen: set[str] = set()
            for path, version in files:
                lesson = _read(path, each, version, own=is_own)
                if isinstance(lesson, Lesson) and lesson.id in seen:
                    lesson = str(
                        LessonError.at(f"{each}/{path.name}", 1, say("another file here has the id {id} too", id=lesson.id))
                    )
                if isinstance(lesson, str):
                    broken.append(lesson)
                    continue
                seen.add(lesson.id)
                found[lesson.id] = lesson
    return Lessons(tuple(sorted(found.values(), key=lambda each: (each.header.number, each.own, each.id))), tuple(broken))


def _files(folder: Path) -> list[Path]:
    try:
        return sorted(path for path in folder.glob("*.md") if not path.name.startswith("."))[:MOST_FILES]
    except OSError:  # it cannot be listed, or is gone
        return []


def _version_of(path: Path) -> _Version:
    try:
        status = path.stat()
    except OSError as error:
        return error.strerror or str(error)
    return status.st_mtime_ns, status.st_size


def _read(path: Path, language: str, version: _Version, *, own: bool) -> Lesson | str:
    if isinstance(version, str):
        return str(LessonError.at(f"{language}/{path.name}", 1, say("it cannot be read ({reason})", reason=version)))
    return _remembered(path, language, own, version)


@lru_cache(maxsize=2 * MOST_FILES)
def _remembered(path: Path, language: str, own: bool, _version: tuple[int, int]) -> Lesson | str:
    # Reading takes some milliseconds: a change in one file reads that one again.
    try:
        return read_lesson(path, language, own=own)
    except LessonError as error:
        return str(error)
