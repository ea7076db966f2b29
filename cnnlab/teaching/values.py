"""What a teacher's page shows, as values; and the part of a lab that teaching needs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Protocol

from cnnlab.datasets.own import OwnSet
from cnnlab.runs.summaries import Summaries, Summary


class TaughtLab(Protocol):
    """`cnnlab.lab.Lab`, or a person's view of it."""

    home: Path
    assignments: Any
    lessons: Any
    learners: Any
    summaries: Callable[[], Summaries]
    run: Callable[..., Any]
    runs: Callable[..., Any]
    sweeps: Any
    own_data: Any
    networks: Any
    events: Callable[..., Any]
    epochs: Callable[..., Any]
    progress: Callable[..., Any]
    stop: Callable[..., None]
    pause: Callable[..., None]
    resume: Callable[..., None]
    delete: Callable[..., None]
    disk_bytes: Callable[[str], int]


@dataclass(frozen=True, slots=True)
class Stuck:
    """Why a student may need help, as an English sentence for `translated`."""

    kind: Literal["failed", "not learning", "waits", "idle"]
    reason: str
    run: str = ""  # the id of the run that it is about


@dataclass(frozen=True, slots=True)
class Student:
    """One row of the table. Accuracies are shares, times seconds since 1970."""

    name: str
    here: bool = False
    last_seen: float | None = None
    training: int = 0  # runs
    waiting: int = 0
    runs: int = 0
    last: Summary | None = None  # the newest run with a result
    best: Summary | None = None  # the best one on the same data set
    lessons: int = 0  # done
    handed_in: int = 0  # assignments
    disk: int = 0  # bytes, of runs and data sets
    minutes_today: float = 0.0  # of training; deleted runs count
    gpu_minutes_week: float = 0.0
    stuck: Stuck | None = None


@dataclass(frozen=True)
class Overview:
    """The class at one moment."""

    at: float
    name: str = ""  # of the class; "" where there is none
    students: tuple[Student, ...] = ()  # those who are stuck first
    lessons: int = 0  # in all
    assignments: int = 0

    @property
    def stuck(self) -> tuple[Student, ...]:
        return tuple(student for student in self.students if student.stuck)


@dataclass(frozen=True, slots=True)
class Share:
    """What the runs and data sets of one owner take on the disk."""

    owner: str
    runs: int
    bytes: int
    sets: int = 0


@dataclass(frozen=True, slots=True)
class CleanUp:
    """Runs, or data sets, that a clean-up would delete."""

    runs: tuple[Summary, ...] = ()
    sets: tuple[OwnSet, ...] = ()
    bytes: int = 0
