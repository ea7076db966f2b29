"""What each learner has done of the lessons: a small file a learner, in the lab's home.

A learner is a key of any text, such as a visitor's name; the file is called after its checksum, so that no key becomes a path.
"""

from __future__ import annotations

import hashlib
import json
import re
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from cnnlab.errors import StoreError
from cnnlab.i18n import say
from cnnlab.learn.lesson import ITEM, is_lesson_id
from cnnlab.system import disk
from cnnlab.system.home import write_private

MOST_LEARNERS = 5_000  # files; the one that was left alone longest makes room
MOST_LESSONS = 200  # of one learner
MOST_ANSWERS = 20  # of one lesson
MOST_OPTIONS = 6
MOST_BYTES = 500_000


@dataclass(frozen=True, slots=True)
class LessonProgress:
    """What a learner has done of one lesson; options count from 0."""

    done: bool = False
    prediction: int | None = None
    answers: Mapping[str, int] = field(default_factory=dict)  # the option chosen, by question

    @property
    def begun(self) -> bool:
        return self.done or self.prediction is not None or bool(self.answers)


class Learners:
    """The progress of all learners of one lab. Safe to share between threads of one process."""

    def __init__(self, home: Path) -> None:
        self._folder = home / "learn"
        self._lock = threading.Lock()

    def progress(self, key: str) -> dict[str, LessonProgress]:
        """By lesson; nothing for a new learner, and for one whose file is damaged."""
        try:
            path = self._file(key)
            if path.stat().st_size > MOST_BYTES:
                return {}
            stored = json.loads(disk.read(path))
        except (OSError, ValueError, RecursionError):
            return {}
        lessons = stored.get("lessons") if isinstance(stored, dict) and stored.get("learner") == key else None
        if not isinstance(lessons, dict):
            return {}
        return {name: _lesson(values) for name, values in list(lessons.items())[:MOST_LESSONS] if is_lesson_id(name)}

    def predict(self, key: str, lesson: str, option: int) -> None:
        """Keeps a prediction. Raises StoreError where it cannot be written, as the next three."""
        self._change(key, lesson, lambda now: replace(now, prediction=_option(option)))

    def answer(self, key: str, lesson: str, question: str, option: int) -> None:
        """Keeps an answer, in place of an earlier one to the same question."""
        self._change(key, lesson, lambda now: replace(now, answers=_answers({**now.answers, question: option})))

    def finish(self, key: str, lesson: str, *, done: bool = True) -> None:
        """Marks a lesson as done, or as not done."""
        self._change(key, lesson, lambda now: replace(now, done=done))

    def forget(self, key: str, lesson: str) -> None:
        """Begins a lesson again."""
        self._change(key, lesson, lambda _: LessonProgress())

    def delete(self, key: str) -> None:
        """Deletes all that is kept of this learner. Raises StoreError."""
        try:
            with self._lock:
                self._file(key).unlink(missing_ok=True)
        except OSError as error:
            reason = error.strerror
            raise StoreError(
                say("This cannot be deleted ({reason}): make the lab's folder yours to write.", reason=reason)
            ) from error

    def adopt(self, key: str, earlier: str) -> None:
        """Copies the progress of `earlier` to a learner who has none yet, such as a visitor who has just typed a name."""
        with self._lock:
            if not self.progress(key) and (known := self.progress(earlier)):
                self._write(key, known)

    def _change(self, key: str, lesson: str, change: Callable[[LessonProgress], LessonProgress]) -> None:
        if not is_lesson_id(lesson):
            raise StoreError(say("There is no lesson {name!r}, so nothing is kept of it.", name=lesson[:40]))
        with self._lock:
            every = self.progress(key)
            every[lesson] = change(every.get(lesson, LessonProgress()))
            kept = {name: each for name, each in every.items() if each.begun}
            self._write(key, dict(list(kept.items())[-MOST_LESSONS:]))

    def _write(self, key: str, lessons: Mapping[str, LessonProgress]) -> None:
        values = {
            name: {"done": each.done, "prediction": each.prediction, "answers": dict(each.answers)}
            for name, each in lessons.items()
        }  # fmt: skip
        path = self._file(key)
        try:
            if not path.exists():
                self._make_room()
            write_private(path, json.dumps({"learner": key, "lessons": values}))
        except OSError as error:
            raise StoreError(
                say(
                    "What you do here cannot be kept ({reason}): the lab's disk may be full. Free some space, and try again.",
                    reason=error.strerror,
                ),
                temporary=True,
            ) from error

    def _make_room(self) -> None:
        if not self._folder.is_dir():
            return
        files = list(self._folder.glob("*.json"))
        if len(files) >= MOST_LEARNERS:
            with suppress(OSError):  # another process has deleted it
                min(files, key=lambda file: file.stat().st_mtime).unlink()

    def _file(self, key: str) -> Path:
        return self._folder / f"{hashlib.sha256(key.encode('utf-8', 'replace')).hexdigest()[:32]}.json"


def _lesson(values: Any) -> LessonProgress:
    """A lesson as it was stored; what is not as it should be is left out."""
    if not isinstance(values, dict):
        return LessonProgress()
    return LessonProgress(values.get("done") is True, _option(values.get("prediction")), _answers(values.get("answers")))


def _option(value: Any) -> int | None:
    return value if type(value) is int and 0 <= value < MOST_OPTIONS else None


def _answers(values: Any) -> dict[str, int]:
    if not isinstance(values, dict):
        return {}
    kept = {name: value for name, value in values.items() if re.fullmatch(ITEM, str(name)) and _option(value) is not None}
    return dict(list(kept.items())[-MOST_ANSWERS:])
