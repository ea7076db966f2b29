"""What pages and commands ask and do about teaching. A person's view of it (seen.py) lets teachers alone."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from cnnlab.access import classes
from cnnlab.access.classes import Class
from cnnlab.access.roles import Role
from cnnlab.errors import CNNLabError, ConfigError, NotAllowed, RunStateError
from cnnlab.forecasts.usage import set_bytes
from cnnlab.i18n import N_, say
from cnnlab.runs.records import IN_PROCESS, State
from cnnlab.runs.store import Store
from cnnlab.runs.store_log import Entry, Log
from cnnlab.runs.store_teacher import TeacherRecord
from cnnlab.runs.summaries import Summary
from cnnlab.system import pausing
from cnnlab.system.pausing import Paused
from cnnlab.teaching import archive, presence, results
from cnnlab.teaching.archive import Archive, Forgetting
from cnnlab.teaching.board import Board
from cnnlab.teaching.notes import Note, Notes, checked
from cnnlab.teaching.values import CleanUp, Overview, Share, TaughtLab
from cnnlab.text import shortened

MOST_LOGGED = 20_000
STOP_SECONDS = 10.0  # within which a run that trains ends: after its batch, with a checkpoint
_LOOK_SECONDS = 0.1
ENDED = frozenset({State.STOPPED, State.FAILED, State.FINISHED})

DATA = "data"
# Which runs of an owner a clean-up takes, in the words of a choice.
CLEAN_UPS: Mapping[str, str] = {
    "failed": N_("failed and stopped runs"),
    "not best": N_("all but the best run of each network"),
    "all": N_("all runs that have ended"),
    DATA: N_("data sets that no unfinished run uses"),
}


class Teaching:
    """The teaching of one lab. A view of it shares the table and the notes of the one `beside` it.

    `by` is who acts, "" for the command line, and `check` raises NotAllowed where they are no teacher.
    """

    def __init__(
        self, lab: TaughtLab, store: Store, *, beside: Teaching | None = None, by: str = "",
        check: Callable[[], None] = lambda: None, clock: Callable[[], float] = time.time,
    ) -> None:  # fmt: skip
        self._lab, self._may_teach = lab, check
        self._log, self._record = Log(store), TeacherRecord(store)
        self._board = beside._board if beside else Board(lab, store, clock)
        self._notes = beside._notes if beside else Notes(lab.home, clock)
        self._by = by  # who acts; "" is the command line
        self._clock = clock

    def overview(self) -> Overview:
        """The class, one row a student, those who are stuck first; the same object for two seconds. Raises StoreError."""
        self._check("overview")
        return self._board.overview()

    # Notes

    def hint(self, to: Sequence[str], text: str, *, run: str = "") -> int:
        """Shows a text to these students, or to all where none is named; returns how many.

        Raises ConfigError for a text or a name, StoreError.
        """
        self._check("hint")
        students = {student.name for student in self.overview().students}
        for name in to:
            if name not in students:
                raise ConfigError(say("The class has no student called {name}.", name=shortened(name)), "name")
        names = tuple(to) or tuple(sorted(students))
        checked(text)
        for name in names:
            self._notes.hint(name, text, by=self._by, run=run)
            self._log.note(self._by, "hint", run, name, note=text)
        return len(names)

    def announce(self, text: str) -> None:
        """Shows a text to everyone, in place of the one before. Raises ConfigError, StoreError."""
        self._check("announce")
        self._notes.announce(text, by=self._by)
        self._log.note(self._by, "announce", note=text)

    def withdraw(self) -> None:
        """Takes the announcement back. Raises StoreError."""
        self._check("withdraw")
        self._notes.withdraw()
        self._log.note(self._by, "withdraw")

    def announcement(self) -> Note | None:
        return self._notes.announcement()

    def notes(self) -> tuple[Note, ...]:
        """What the person who asks has not dismissed yet, the newest first."""
        return self._notes.of(self._by)

    def dismiss(self, note_id: str) -> None:
        """Shows this note to them no more. Raises StoreError."""
        self._notes.dismiss(self._by, note_id)

    # The machine

    def paused(self) -> Paused | None:
        return pausing.paused(self._lab.home)

    def pause(self, text: str = "", *, running: bool = False) -> None:
        """From now on no run starts, and every page says so with this text. With `running`, those that train pause as well.

        Raises ConfigError for the text, StoreError.
        """
        self._check("pause")
        before = self.paused()
        text, runs = checked(text, empty=True), list(before.runs if before else ())
        # First the flag: else a run that makes room would let the next one start.
        pausing.pause(self._lab.home, Paused(text, self._by, self._clock(), tuple(runs)))
        self._log.note(self._by, "lab pause", note=text)
        if running:
            for run in self._lab.summaries().runs:
                if run.state in (State.STARTING, State.RUNNING):
                    with suppress(CNNLabError):  # it has just ended
                        self._lab.pause(run.id)
                        runs.append(run.id)
            pausing.pause(self._lab.home, Paused(text, self._by, self._clock(), tuple(runs)))

    def go_on(self) -> None:
        """Runs start again, also those that were paused with the lab. No effect where it is not paused. Raises StoreError."""
        self._check("go_on")
        state = self.paused()
        if state is None:
            return
        pausing.go_on(self._lab.home)
        self._log.note(self._by, "lab resume")
        for run_id in state.runs:
            with suppress(CNNLabError):  # its owner has resumed or deleted it meanwhile
                self._lab.resume(run_id)

    def start_next(self, run_id: str) -> None:
        """Puts a queued run before those of everyone. Raises RunNotFound, RunStateError."""
        self._check("start_next")
        self._record.start_next(run_id, who=self._by)

    def delete(self, run_id: str) -> None:
        """Deletes a run of anyone. One that waits or trains is stopped first, and waited for.

        Raises RunNotFound, StoreError, and RunStateError where it has not ended within `STOP_SECONDS`.
        """
        self._check("delete")
        if self._lab.run(run_id).active:
            self._lab.stop(run_id)
        until = time.monotonic() + STOP_SECONDS
        while self._lab.run(run_id).active:
            if time.monotonic() > until:
                raise RunStateError(say("Run {run} is still stopping: delete it again in a moment.", run=run_id))
            time.sleep(_LOOK_SECONDS)
        self._lab.delete(run_id)

    def shares(self) -> tuple[Share, ...]:
        """What each owner's runs and data sets take on the disk, the largest first."""
        self._check("shares")
        return self._board.shares()

    def clean_up(self, owner: str | None, which: str) -> CleanUp:
        """What a clean-up (a key of CLEAN_UPS) of `owner`, or with None of everyone, would delete. Deletes nothing.

        Data sets for the whole class stay.
        """
        self._check("clean_up")
        if which == DATA:
            return self._data_sets(owner)
        runs = [run for run in self._lab.summaries().runs if owner in (None, run.owner) and run.state in ENDED]
        if which == "failed":
            runs = [run for run in runs if run.state is not State.FINISHED]
        elif which == "not best":
            best = _best(runs)
            runs = [run for run in runs if run.id not in best]
        return CleanUp(tuple(runs), bytes=self._board.bytes_of(runs, self._clock()))

    def _data_sets(self, owner: str | None) -> CleanUp:
        used = {run.dataset.partition(".")[0] for run in self._lab.summaries().runs if run.state not in ENDED}
        own = self._lab.own_data.sets()
        sets = tuple(each for each in own if not each.for_all and owner in (None, each.owner) and each.base not in used)
        return CleanUp(sets=sets, bytes=sum(set_bytes(self._lab.home, each) for each in sets))

    # The log, and results

    def log(self, limit: int = 200) -> tuple[Entry, ...]:
        """Who did what, the newest first."""
        self._check("log")
        return self._log.entries(limit)

    def note(self, did: str, what: str = "", whose: str = "", *, refused: bool = False, note: str = "") -> None:
        """Adds a row to the log (`store_log.DEEDS` has the words)."""
        self._check("note")
        self._log.note(self._by, did, what, whose, refused=refused, note=note)

    def files(self) -> dict[str, Callable[[], str]]:
        """What can be saved: a name, and the function that writes the text. The report raises RunStateError without a result."""
        self._check("files")
        lab = self._lab
        return {
            "students.csv": lambda: results.students_csv(self.overview()),
            "runs.csv": lambda: results.runs_csv(lab),
            "epochs.csv": lambda: results.epochs_csv(lab),
            "handed-in.csv": lambda: results.handed_in_csv(lab),
            "log.csv": lambda: results.log_csv(self.log(MOST_LOGGED)),
            "report.html": lambda: results.report_html(lab, self.overview()),
        }

    # The end of a term

    def archive(self, path: Path) -> Archive:
        """Writes all that is kept of the class into a new .zip file, and reads it back. Raises StoreError."""
        self._check("archive")
        made = archive.make_archive(self._lab, self._record, self.overview(), self.log(MOST_LOGGED), path)
        self._log.note(self._by, "archive", note=path.name)
        return made

    def to_forget(self, path: Path) -> Forgetting:
        """What `forget` would delete, after the archive was read. Raises ConfigError without a class, StoreError."""
        self._check("to_forget")
        group = self._group()
        teachers = {member.name for member in group.members if member.role is Role.TEACHER}
        if group.proxy:
            teachers |= set(group.proxy.teachers)
        overview = self.overview()
        others = [member.name for member in group.members if member.role is Role.OBSERVER]
        people = tuple(dict.fromkeys([*(student.name for student in overview.students), *others]))
        found = archive.read_archive(path)
        return archive.plan(self._lab, found, people, teachers, lambda runs: self._board.bytes_of(runs, self._clock()))

    def forget(self, what: Forgetting) -> None:
        """Deletes it, and everyone but the teachers leaves the class. Raises RunStateError, StoreError."""
        self._check("forget")
        archive.delete_planned(self._lab, what)
        for name in what.people:
            self._notes.forget(name)
        self._notes.withdraw()
        group = self._group()
        staying = tuple(member for member in group.members if member.role is Role.TEACHER)
        classes.save(self._lab.home, group.model_copy(update={"members": staying, "former": ()}))
        presence.forget(self._lab.home)
        self._record.forget(what.people)
        self._log.note(self._by, "forget", note=group.name)

    def _check(self, asked: str) -> None:
        """Raises NotAllowed where the person who asks is no teacher, and notes it."""
        try:
            self._may_teach()
        except NotAllowed:
            self._log.note(self._by, "teach", refused=True, note=asked)
            raise

    def _group(self) -> Class:
        group = self._board.group()
        if group is None:
            raise ConfigError(N_("This lab has no class: make one with `python -m cnnlab class new`."), "class")
        return group


def training(lab: TaughtLab) -> tuple[Summary, ...]:
    """The runs on which a process works, by device."""
    return tuple(
        sorted((run for run in lab.summaries().runs if run.state in IN_PROCESS), key=lambda run: (run.device, run.created))
    )


def _best(runs: Iterable[Summary]) -> set[str]:
    """The ids of each owner's best run of each network on each data set."""
    best: dict[tuple[str, str, str], Summary] = {}
    for run in runs:
        kind = run.owner, run.architecture, run.dataset
        if run.best_test_accuracy is not None and (
            kind not in best or run.best_test_accuracy > (best[kind].best_test_accuracy or 0.0)
        ):
            best[kind] = run
    return {run.id for run in best.values()}
