"""Assignments of a teacher: settings of which a learner may change some, a target, a budget, and the runs that were handed in.

An assignment and each run handed in are a small file in the lab's home. What may change is checked here, whatever a page shows,
and what the table lists is the run's own record.
"""

from __future__ import annotations

import json
import secrets
import time as clock
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from cnnlab.architectures.own_code import check_not_own
from cnnlab.config import RunConfig
from cnnlab.config_rules import checked
from cnnlab.config_words import changed, settings, title, words
from cnnlab.errors import CNNLabError, ConfigError, RunStateError, StoreError
from cnnlab.i18n import ENGLISH, N_, _, nsay, say, using
from cnnlab.runs.records import Run
from cnnlab.system import disk
from cnnlab.system.home import write_private
from cnnlab.text import duration_text, in_sentence, percent

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
                raise ConfigError(say("{name!r} is no setting that can be left free here: leave it out.", name=name[:60]), "free")
        if self.epochs is not None and "epochs" not in self.free and self.config.epochs > self.epochs:
            raise ConfigError(
                say(
                    "{count:,} epochs are fixed, and at most {most:,} are allowed: leave the number of epochs free, or allow more.",
                    count=self.config.epochs, most=self.epochs,
                ),
                "epochs",
            )  # fmt: skip
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
            return say(
                "{setting} is {now}, and this assignment fixes it at {fixed}: set it back.",
                setting=title(wrong, self.config.architecture), now=words(wrong, given[wrong]), fixed=words(wrong, fixed[wrong]),
            )  # fmt: skip
        if self.epochs is not None and config.epochs > self.epochs:
            return say(
                "Epochs is {count:,}, and this assignment allows {most:,}: choose fewer.", count=config.epochs, most=self.epochs
            )
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

    def words(self, handed_in: HandedIn) -> str:
        """The free settings of a run that was handed in, in the reader's language."""
        given = handed_in.settings
        return _listed(self.task, given) if given else handed_in.chosen


@dataclass(frozen=True, slots=True)
class HandedIn:
    """A run that was handed in, as its record was then. Accuracies are shares of the test images."""

    run_id: str
    learner: str
    at: float
    accuracy: float | None  # of the epoch that counts as best
    epochs: int
    seconds: float | None
    chosen: str  # the free settings in English words
    reached: bool | None  # the target, within the budget; None where there is no target
    settings: dict[str, Any] = field(default_factory=dict)  # the free ones

    @property
    def result(self) -> str:
        return {True: N_("reached"), False: N_("not reached"), None: "–"}[self.reached]


class Assignments:
    """All assignments of a lab; `run` reads one of its runs."""

    def __init__(self, home: Path, run: Callable[[str], Run]) -> None:
        self._folder = home / "assignments"
        self._run = run

    def make(self, task: Task, *, teacher: str = "") -> Assignment:
        """Stores a task under a new id. Raises StoreError, and NotAllowed for own code, which learners cannot start."""
        check_not_own(task.config.architecture)
        if len(self._ids()) >= MOST_ASSIGNMENTS:
            raise StoreError(say("This lab has {count} assignments: delete some that are over.", count=MOST_ASSIGNMENTS))
        made = Assignment(secrets.token_hex(_ID // 2), task, teacher.strip()[:80], clock.time())
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
            raise RunStateError(N_("This run has not ended yet: hand it in when its training is over."))
        if len(self._handed_in_files(assignment)) >= MOST_HANDED_IN and not self._entry(assignment, run.id).exists():
            raise StoreError(say("{count:,} runs have been handed in: no more are taken.", count=MOST_HANDED_IN))
        given = {name: value for name, value in settings(run.config).items() if name in task.free}
        with using(ENGLISH):
            chosen = _listed(task, given)
        done = HandedIn(
            run.id,
            learner.strip()[:80],
            clock.time(),
            run.best_test_accuracy,
            run.epochs_done,
            run.seconds,
            chosen,
            _reached(task, run),
            given,
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
            raise StoreError(say("The assignment could not be deleted: {reason}.", reason=error.strerror)) from error

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
            reason = error.strerror
            raise StoreError(say("This cannot be stored ({reason}): free some space on the lab's disk.", reason=reason)) from error


def _listed(task: Task, given: Mapping[str, Any]) -> str:
    return _(", ").join(f"{in_sentence(title(name, task.config.architecture))} {words(name, given[name])}" for name in task.free)


def _reached(task: Task, run: Run) -> bool | None:
    if task.target is None:
        return None
    in_time = task.minutes is None or (run.seconds is not None and run.seconds <= 60 * task.minutes)
    in_epochs = task.epochs is None or run.epochs_done <= task.epochs
    return in_time and in_epochs and run.best_test_accuracy is not None and run.best_test_accuracy >= task.target


def goal(task: Task) -> str:
    """The target and the budget in English words, for `translated`; "" where there is neither."""
    budget = "" if task.epochs is None else nsay("{count:,} epoch", "{count:,} epochs", task.epochs, count=task.epochs)
    if task.minutes is not None:
        time = duration_text(60 * task.minutes)
        both = say("{epochs} and {time} of training", epochs=budget, time=time)
        budget = both if budget else say("{time} of training", time=time)
    if task.target is None:
        return say("training within {budget}", budget=budget) if budget else ""
    target = percent(task.target, None)
    if budget:
        return say("a test accuracy of at least {accuracy} within {budget}", accuracy=target, budget=budget)
    return say("a test accuracy of at least {accuracy}", accuracy=target)


def _is_id(text: str) -> bool:
    return len(text) == _ID and set(text) <= set("0123456789abcdef")


def _read(path: Path) -> dict[str, Any] | None:
    """Shared, so not to be changed: open pages ask for each file every three seconds, and a look takes 2 µs."""
    try:
        found = path.stat()
        stored = _parsed(path, (found.st_mtime_ns, found.st_size, found.st_ino))
    except (OSError, ValueError, RecursionError):
        return None
    return stored if isinstance(stored, dict) else None


@lru_cache(maxsize=2_000)
def _parsed(path: Path, _stamp: tuple[int, ...]) -> Any:
    return json.loads(disk.read(path))


def _handed_in(stored: dict[str, Any]) -> HandedIn | None:
    try:
        return HandedIn(**stored)
    except TypeError:
        return None
