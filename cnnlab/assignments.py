"""Assignments of a teacher: settings of which a learner may change some, a target, a budget, and the runs that were handed in.

An assignment and each run handed in are a small file in the lab's home. What may change is checked here, whatever a page shows,
and what the table lists is the run's own record.
"""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from cnnlab.config import RunConfig
from cnnlab.config_rules import checked
from cnnlab.config_words import changed, settings, title, words
from cnnlab.errors import CNNLabError, ConfigError, RunStateError, StoreError
from cnnlab.runs.records import Run
from cnnlab.system import disk
from cnnlab.system.home import write_private
from cnnlab.text import percent

ALWAYS_FREE = ("device",)  # what a learner's machine has; it changes nothing that is learnt
NEVER_FREE = ("architecture", "dataset")  # they decide which other settings there are
MOST_ASSIGNMENTS, MOST_HANDED_IN = 500, 5_000
_ID = 8  # characters, of which 16 are possible each


class Task(BaseModel):
    """What a teacher sets. `free` names settings as `config_words.settings` does; `target` is a share, 0 to 1."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    title: str = Field(min_length=1, max_length=80)
    text: str = Field("", max_length=4_000)
    config: RunConfig
    free: tuple[str, ...] = Field((), max_length=60)
    target: float | None = Field(None, gt=0, le=1)
    epochs: int | None = Field(None, ge=1, le=10_000)
    minutes: float | None = Field(None, gt=0, le=10_000)

    @field_validator("title", "text", mode="before")
    @classmethod
    def _trimmed(cls, text: Any) -> Any:
        return text.strip() if isinstance(text, str) else text

    @model_validator(mode="after")
    def _free_exist(self) -> Task:
        known = set(settings(self.config)) - set(NEVER_FREE)
        for name in self.free:
            if name not in known:
                raise ConfigError(f"{name[:60]!r} is no setting that can be left free here: leave it out.", "free")
        if self.epochs is not None and "epochs" not in self.free and self.config.epochs > self.epochs:
            fixed = f"{self.config.epochs:,} epochs are fixed, and at most {self.epochs:,} are allowed"
            raise ConfigError(f"{fixed}: leave the number of epochs free, or allow more.", "epochs")
        return self

    @classmethod
    def make(cls, **given: Any) -> Task:
        """A task of these values. Raises ConfigError: one sentence with the field, the rule and the value."""
        return checked(cls, lambda: cls(**given))

    def problem(self, config: RunConfig) -> str:
        """Which rule of the task these settings break, as a sentence; "" where they keep all."""
        fixed, given = settings(self.config), settings(config)
        for name in (*fixed, *given):
            if name in (*self.free, *ALWAYS_FREE) or fixed.get(name) == given.get(name):
                continue
            wrong = name if name in fixed and name in given else "architecture"  # options of another one
            label, now, then = title(wrong, self.config.architecture), words(wrong, given[wrong]), words(wrong, fixed[wrong])
            return f"{label} is {now}, and this assignment fixes it at {then}: set it back."
        if self.epochs is not None and config.epochs > self.epochs:
            return f"Epochs is {config.epochs:,}, and this assignment allows {self.epochs:,}: choose fewer."
        return ""

    def with_values(self, values: dict[str, Any]) -> RunConfig:
        """The settings with a learner's values of free ones. Raises ConfigError for a value, a fixed setting or the budget."""
        config = changed(self.config, values)
        if problem := self.problem(config):
            raise ConfigError(problem)
        return config


@dataclass(frozen=True, slots=True)
class Assignment:
    """A task that was set: its id is in the address that learners open."""

    id: str
    task: Task
    teacher: str  # the name of its maker; "" without one
    made: float  # seconds since 1970

    @property
    def tag(self) -> str:
        """Of the runs that learners start for it."""
        return f"assignment:{self.id}"


@dataclass(frozen=True, slots=True)
class HandedIn:
    """A run that was handed in, as its record was then. Accuracies are shares of the test images."""

    run_id: str
    learner: str
    at: float
    accuracy: float | None  # of the epoch that counts as best
    epochs: int
    seconds: float | None
    chosen: str  # the free settings in words
    reached: bool | None  # the target, within the budget; None where there is no target

    @property
    def result(self) -> str:
        return {True: "reached", False: "not reached", None: "–"}[self.reached]


class Assignments:
    """All assignments of a lab. `tag` marks a run, `run` reads one: both are the lab's."""

    def __init__(self, home: Path, run: Callable[[str], Run]) -> None:
        self._folder = home / "assignments"
        self._run = run

    def make(self, task: Task, *, teacher: str = "") -> Assignment:
        """Stores a task under a new id. Raises StoreError."""
        if len(self._ids()) >= MOST_ASSIGNMENTS:
            raise StoreError(f"This lab has {MOST_ASSIGNMENTS} assignments: delete some that are over.")
        made = Assignment(secrets.token_hex(_ID // 2), task, teacher.strip()[:80], time.time())
        content = {"task": task.model_dump(mode="json"), "teacher": made.teacher, "made": made.made}
        self._write(self._file(made.id), content)
        return made

    def find(self, assignment_id: str) -> Assignment | None:
        """None where there is none of this id, and where its file is damaged."""
        if not _is_id(assignment_id) or (stored := _read(self._file(assignment_id))) is None:
            return None
        try:
            return Assignment(
                assignment_id, Task.model_validate(stored["task"]), str(stored["teacher"]), float(stored["made"])
            )  # fmt: skip
        except (CNNLabError, ValidationError, KeyError, TypeError, ValueError):
            return None

    def every(self) -> tuple[Assignment, ...]:
        """The newest first."""
        found = [each for each in map(self.find, self._ids()) if each]
        return tuple(sorted(found, key=lambda each: each.made, reverse=True))

    def hand_in(self, assignment: Assignment, run_id: str, *, learner: str) -> HandedIn:
        """Hands a run in; one that was handed in before is replaced by its record of now.

        Raises ConfigError where it breaks a rule of the task, RunStateError where it has no result yet or trains, RunNotFound,
        StoreError.
        """
        run, task = self._run(run_id), assignment.task
        if problem := task.problem(run.config):
            raise ConfigError(problem)
        if run.active or not run.epochs_done:
            raise RunStateError("This run has not ended yet: hand it in when its training is over.")
        if len(self._handed_in_files(assignment)) >= MOST_HANDED_IN and not self._entry(assignment, run.id).exists():
            raise StoreError(f"{MOST_HANDED_IN:,} runs have been handed in: no more are taken.")
        given = settings(run.config)
        chosen = ", ".join(f"{title(name, run.config.architecture).lower()} {words(name, given[name])}" for name in task.free)
        done = HandedIn(
            run.id,
            learner.strip()[:80],
            time.time(),
            run.best_test_accuracy,
            run.epochs_done,
            run.seconds,
            chosen,
            _reached(task, run),
        )
        self._write(self._entry(assignment, run.id), {name: getattr(done, name) for name in HandedIn.__dataclass_fields__})
        return done

    def handed_in(self, assignment: Assignment) -> tuple[HandedIn, ...]:
        """The newest first."""
        found = [_handed_in(stored) for file in self._handed_in_files(assignment) if (stored := _read(file))]
        return tuple(sorted(filter(None, found), key=lambda each: each.at, reverse=True))

    def delete(self, assignment: Assignment) -> None:
        """Deletes it with what was handed in; the runs stay. Raises StoreError."""
        try:
            for file in (*self._handed_in_files(assignment), self._file(assignment.id)):
                file.unlink(missing_ok=True)
        except OSError as error:
            raise StoreError(f"The assignment could not be deleted: {error.strerror}.") from error

    def _ids(self) -> list[str]:
        return [file.stem for file in self._folder.glob("*.json") if _is_id(file.stem)]

    def _file(self, assignment_id: str) -> Path:
        return self._folder / f"{assignment_id}.json"

    def _entry(self, assignment: Assignment, run_id: str) -> Path:
        return self._folder / assignment.id / f"{run_id}.json"

    def _handed_in_files(self, assignment: Assignment) -> Sequence[Path]:
        return list((self._folder / assignment.id).glob("*.json"))

    def _write(self, path: Path, content: dict[str, Any]) -> None:
        try:
            write_private(path, json.dumps(content))
        except OSError as error:
            raise StoreError(f"This cannot be stored ({error.strerror}): free some space on the lab's disk.") from error


def _reached(task: Task, run: Run) -> bool | None:
    if task.target is None:
        return None
    in_time = task.minutes is None or (run.seconds is not None and run.seconds <= 60 * task.minutes)
    in_epochs = task.epochs is None or run.epochs_done <= task.epochs
    return in_time and in_epochs and run.best_test_accuracy is not None and run.best_test_accuracy >= task.target


def goal(task: Task) -> str:
    """The target and the budget in words; "" where there is neither."""
    target = f"a test accuracy of at least {percent(task.target, None)}" if task.target is not None else ""
    limits = [
        f"{task.epochs:,} epoch{'' if task.epochs == 1 else 's'}" if task.epochs is not None else "",
        f"{task.minutes:g} minute{'' if task.minutes == 1 else 's'} of training" if task.minutes is not None else "",
    ]
    budget = " and ".join(filter(None, limits))
    return " within ".join(filter(None, (target or ("training" if budget else ""), budget)))


def _is_id(text: str) -> bool:
    return len(text) == _ID and set(text) <= set("0123456789abcdef")


def _read(path: Path) -> dict[str, Any] | None:
    try:
        stored = json.loads(disk.read(path))
    except (OSError, ValueError, RecursionError):
        return None
    return stored if isinstance(stored, dict) else None


def _handed_in(stored: dict[str, Any]) -> HandedIn | None:
    try:
        return HandedIn(**stored)
    except TypeError:
        return None
