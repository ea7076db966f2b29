"""The class as a table, one row a student, made at most every two seconds for all teachers together."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from cnnlab.access.classes import Class
from cnnlab.access.door import Door
from cnnlab.access.roles import Role
from cnnlab.errors import CNNLabError
from cnnlab.forecasts.usage import Usage, data_bytes, usage
from cnnlab.i18n import ENGLISH
from cnnlab.runs.records import IN_PROCESS, State
from cnnlab.runs.store import Store
from cnnlab.runs.summaries import Summary
from cnnlab.system import pausing
from cnnlab.teaching import presence
from cnnlab.teaching.presence import Seen
from cnnlab.teaching.stuck import Watch, started_by_hand
from cnnlab.teaching.values import Overview, Share, Student, TaughtLab

SHARED_SECONDS = 2.0  # during which teachers see the same table
FILES_SECONDS = 20.0  # between two looks at files: what runs take, lessons, what was handed in
_FIRST = {"not learning": 0, "failed": 1, "waits": 2, "idle": 3}  # of those who are stuck


class _Files(NamedTuple):
    """What is looked at less often, because it takes longer than all else."""

    lessons: dict[str, int]  # done, by name
    handed_in: dict[str, int]  # assignments, by name
    usage: dict[str, Usage]  # by name
    data: dict[str, int]  # bytes of data sets, by owner
    lessons_in_all: int
    assignments: int


class Board:
    """Safe to share between threads."""

    def __init__(self, lab: TaughtLab, store: Store, clock: Callable[[], float] = time.time) -> None:
        self._lab, self._store = lab, store
        self._clock = clock
        self._door = Door(lab.home)
        self._watch = Watch(lab)
        self._lock = threading.Lock()
        self._made = Overview(float("-inf"))
        self._files, self._files_at = _Files({}, {}, {}, {}, 0, 0), float("-inf")
        self._bytes: dict[str, tuple[State, int, float, int]] = {}  # by run: when it was measured, and what it took

    def group(self) -> Class | None:
        """The class as its file is now. Raises StoreError where it cannot be read."""
        return self._door.group()

    def overview(self) -> Overview:
        """Everyone, those who are stuck first. Raises StoreError."""
        with self._lock:
            now = self._clock()
            if not 0 <= now - self._made.at < SHARED_SECONDS:
                self._made = self._overview(now)
            return self._made

    def shares(self) -> tuple[Share, ...]:
        """What each owner's runs and data sets take on the disk, the largest first; "" owns those of the command line."""
        with self._lock:
            now, runs = self._clock(), self._by_owner()
            sets = Counter(each.owner for each in self._lab.own_data.sets())
            found = [
                Share(
                    owner, len(runs.get(owner, ())),
                    self.bytes_of(runs.get(owner, ()), now) + data_bytes(self._lab.home, owner),
                    sets[owner],
                )
                for owner in dict.fromkeys([*runs, *sets])
            ]  # fmt: skip
        return tuple(sorted(found, key=lambda share: -share.bytes))

    def bytes_of(self, runs: Iterable[Summary], now: float) -> int:
        """What these runs take on the disk. One that has ended is measured once."""
        return sum(self._run_bytes(run, now) for run in runs)

    def _overview(self, now: float) -> Overview:
        group = self.group()
        if group is None:
            return Overview(now)
        by_owner, seen = self._by_owner(), presence.everyone(self._lab.home, now)
        names = _students(group, by_owner, seen)
        if now - self._files_at >= FILES_SECONDS:
            self._files, self._files_at = self._read_files(names, now), now
        paused = pausing.paused(self._lab.home) is not None
        students = [self._student(name, by_owner.get(name, ()), seen.get(name), now, paused=paused) for name in names]
        students.sort(key=lambda each: (_FIRST[each.stuck.kind] if each.stuck else 9, not each.here, each.name.casefold()))
        return Overview(now, group.name, tuple(students), self._files.lessons_in_all, self._files.assignments)

    def _student(self, name: str, runs: Sequence[Summary], seen: Seen | None, now: float, *, paused: bool) -> Student:
        last = next((run for run in runs if run.test_accuracy is not None), None)
        used = self._files.usage.get(name)
        results = [run for run in runs if last and run.dataset == last.dataset and run.best_test_accuracy is not None]
        return Student(
            name,
            here=seen is not None and seen.here,
            # A server that has started anew has seen nobody; who began a run was there.
            last_seen=seen.last if seen else max((run.created for run in started_by_hand(runs)), default=None),
            training=sum(run.state in IN_PROCESS for run in runs),
            waiting=sum(run.state is State.QUEUED for run in runs),
            runs=len(runs),
            last=last,
            best=max(results, key=lambda run: run.best_test_accuracy or 0.0, default=None),
            lessons=self._files.lessons.get(name, 0),
            handed_in=self._files.handed_in.get(name, 0),
            disk=self.bytes_of(runs, now) + self._files.data.get(name, 0),
            minutes_today=used.minutes_today if used else 0.0,
            gpu_minutes_week=used.gpu_minutes_week if used else 0.0,
            stuck=self._watch.stuck(runs, seen, now, paused=paused),
        )

    def _by_owner(self) -> dict[str, list[Summary]]:
        found: dict[str, list[Summary]] = {}
        for run in self._lab.summaries().runs:
            found.setdefault(run.owner, []).append(run)
        return found

    def _read_files(self, names: Sequence[str], now: float) -> _Files:
        known = {lesson.id for lesson in self._lab.lessons.of(ENGLISH).every}
        lessons = {}
        for name in names:
            progress = self._lab.learners.progress(f"name {name}")
            lessons[name] = sum(each.done for lesson, each in progress.items() if lesson in known)
        every = self._lab.assignments.every()
        handed_in: dict[str, int] = {}
        for assignment in every:
            for learner in {each.learner for each in self._lab.assignments.handed_in(assignment)}:
                handed_in[learner] = handed_in.get(learner, 0) + 1
        usage_of = {name: usage(self._store, name, now, disk=False) for name in names}
        data = {name: data_bytes(self._lab.home, name) for name in names}
        return _Files(lessons, handed_in, usage_of, data, len(known), len(every))

    def _run_bytes(self, run: Summary, now: float) -> int:
        known = self._bytes.get(run.id)
        if known and (now - known[2] < FILES_SECONDS if run.active else known[:2] == (run.state, run.epochs_done)):
            return known[3]
        try:
            taken = self._lab.disk_bytes(run.id)
        except CNNLabError:  # deleted since it was listed
            taken = 0
        self._bytes[run.id] = run.state, run.epochs_done, now, taken
        return taken


def _students(group: Class, owners: Iterable[str], seen: Iterable[str]) -> tuple[str, ...]:
    """The students of the class. Where a proxy says who asks, also those whom the class does not list."""
    roles = {member.name: member.role for member in group.members}
    names = [member.name for member in group.members if member.role is Role.STUDENT]
    if group.proxy:
        others = {*owners, *seen} - set(roles) - set(group.proxy.teachers) - {""}
        names += sorted(others)
    return tuple(names)
