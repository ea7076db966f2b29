"""The end of a term: all that the lab keeps of a class as one .zip file, which is read back, and the deletion of what it holds."""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
import zipfile
from collections.abc import Callable, Collection, Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cnnlab.errors import CNNLabError, RunStateError, StoreError
from cnnlab.forecasts.usage import set_bytes
from cnnlab.i18n import N_, say
from cnnlab.runs.store_log import Entry
from cnnlab.runs.store_teacher import TeacherRecord, runs_in
from cnnlab.runs.summaries import Summary
from cnnlab.system import disk
from cnnlab.teaching import results
from cnnlab.teaching.values import Overview, TaughtLab

RECORD, MANIFEST = "lab.sqlite", "manifest.json"
KIND = "CNN Lab class archive, version 1"
_FOLDERS = ("assignments", "learn", "lessons", "networks", "teaching")  # of the home, as they are
_MOST_BYTES = 100_000_000  # of the manifest
_CHUNK = 1 << 20


@dataclass(frozen=True, slots=True)
class Archive:
    """What an archive holds, after it was read."""

    path: Path
    class_name: str
    runs: dict[str, tuple[str, int]]  # by id: the state, and how many epochs were done
    sums: dict[str, str]  # by file
    bytes: int


@dataclass(frozen=True, slots=True)
class Forgetting:
    """What deleting a class's data would delete, and what stays because the archive does not have it as it is now."""

    people: tuple[str, ...]
    runs: tuple[Summary, ...]
    bytes: int  # of the runs and data sets, on the disk
    assignments: tuple[str, ...]
    sets: tuple[str, ...]  # titles of data sets, whose images no archive has
    networks: tuple[str, ...]  # ids of those that they have saved
    kept: tuple[str, ...] = ()  # ids of runs that have changed since, or that the archive lacks


def make_archive(lab: TaughtLab, record: TeacherRecord, overview: Overview, log: Iterable[Entry], path: Path) -> Archive:
    """Writes the file and reads it back; only then has it its name. Weights are not in it. Raises StoreError."""
    if path.exists():
        raise StoreError(say("There is a file {name} already: name another one.", name=str(path)))
    partial = path.with_name(f".{path.name}.partial")
    try:
        with tempfile.TemporaryDirectory(prefix="cnnlab-archive-", dir=path.parent) as folder:
            copy = Path(folder) / RECORD
            record.copy(copy)
            _write(lab, overview, log, copy, partial)
        read_archive(partial)
        disk.replace(partial, path)
    except OSError as error:
        reason = error.strerror
        raise StoreError(say("The archive cannot be written ({reason}): name another place.", reason=reason)) from error
    finally:
        with suppress(OSError):
            partial.unlink(missing_ok=True)
    return read_archive(path)


def _write(lab: TaughtLab, overview: Overview, log: Iterable[Entry], copy: Path, partial: Path) -> None:
    sums: dict[str, str] = {}
    texts: dict[str, Callable[[], str]] = {
        "students.csv": lambda: results.students_csv(overview),
        "runs.csv": lambda: results.runs_csv(lab),
        "epochs.csv": lambda: results.epochs_csv(lab),
        "handed-in.csv": lambda: results.handed_in_csv(lab),
        "log.csv": lambda: results.log_csv(log),
    }
    if any(student.best for student in overview.students):
        texts["report.html"] = lambda: results.report_html(lab, overview)
    partial.unlink(missing_ok=True)
    partial.touch(mode=0o600, exist_ok=False)
    with partial.open("wb") as file:
        with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, text in texts.items():
                _add(archive, sums, name, text().encode())
            for path in _kept(lab.home):
                with suppress(FileNotFoundError):  # changed since it was listed
                    _add(archive, sums, path.relative_to(lab.home).as_posix(), path.read_bytes())
            archive.write(copy, RECORD)
            sums[RECORD] = _sum_of(copy.open("rb"))
            manifest = {"kind": KIND, "class": overview.name, "files": sums}
            archive.writestr(MANIFEST, json.dumps(manifest, ensure_ascii=False))
        file.flush()
        os.fsync(file.fileno())


def read_archive(path: Path) -> Archive:
    """Reads the whole file: every checksum, and every page of the copy of the record. Raises StoreError."""
    damaged = say("{name} is no archive of a class that can be read: make another one with `class archive`.", name=path.name)
    try:
        with zipfile.ZipFile(path) as archive:
            if archive.getinfo(MANIFEST).file_size > _MOST_BYTES:
                raise StoreError(damaged)
            manifest = json.loads(archive.read(MANIFEST))
            if manifest["kind"] != KIND or any(_sum_of(archive.open(name)) != each for name, each in manifest["files"].items()):
                raise StoreError(damaged)
            with tempfile.TemporaryDirectory(prefix="cnnlab-archive-", dir=path.absolute().parent) as folder:
                copy = Path(folder) / RECORD
                with archive.open(RECORD) as source, copy.open("wb") as target:
                    while chunk := source.read(_CHUNK):
                        target.write(chunk)
                runs = runs_in(copy)
            sums = {str(name): str(each) for name, each in manifest["files"].items()}
            return Archive(path, str(manifest["class"]), runs, sums, path.stat().st_size)
    except FileNotFoundError as error:
        raise StoreError(say("There is no file {name}.", name=str(path))) from error
    except (OSError, zipfile.BadZipFile, KeyError, TypeError, ValueError, AttributeError, RecursionError, EOFError) as error:
        raise StoreError(damaged) from error


def plan(lab: TaughtLab, archive: Archive, people: Collection[str], teachers: Iterable[str], bytes_of: Any) -> Forgetting:
    """What `forget` would delete: what the archive holds as it is now, without the runs of teachers and of nobody."""
    spared = {*teachers, ""}
    runs, kept = [], []
    for run in lab.summaries().runs:
        if run.owner in spared:
            continue
        same = archive.runs.get(run.id) == (run.state, run.epochs_done)
        (runs if same and not run.active else kept).append(run)
    assignments = tuple(each.id for each in lab.assignments.every() if _holds(archive, lab.home, *_files_of(lab.home, each.id)))
    leave = {*people} - spared
    sets = [each for each in lab.own_data.sets() if each.owner in leave]
    return Forgetting(
        tuple(people),
        tuple(runs),
        bytes_of(runs) + sum(set_bytes(lab.home, each) for each in sets),
        assignments,
        sets=tuple(each.title for each in sets),
        networks=tuple(
            each.id
            for each in lab.networks.every()
            if each.owner in leave and _holds(archive, lab.home, lab.home / "networks" / f"{each.id}.json")
        ),
        kept=tuple(run.id for run in kept),
    )


def _files_of(home: Path, assignment_id: str) -> tuple[Path, ...]:
    """The assignment, and all that was handed in for it."""
    folder = home / "assignments"
    return folder / f"{assignment_id}.json", *(folder / assignment_id).glob("*.json")


def _holds(archive: Archive, home: Path, *files: Path) -> bool:
    """Whether the archive has the files as they are now."""
    return all(archive.sums.get(path.relative_to(home).as_posix()) == _sum_of(path.open("rb")) for path in files)


def delete_planned(lab: TaughtLab, what: Forgetting) -> None:
    """Deletes these people's data sets and networks, the runs with their files, sweeps, progress, and the assignments.

    Raises what these do, first of all DataError where a teacher's run uses one of the data sets.
    """
    if any(run.active for run in lab.summaries().runs if run.owner in what.people):
        raise RunStateError(N_("Runs of the class wait or train: stop them first, and make the archive again."))
    lab.own_data.forget_people(what.people)
    for saved in lab.networks.every():
        if saved.id in what.networks:
            lab.networks.delete(saved)
    for run in what.runs:
        lab.delete(run.id)
    for sweep in lab.sweeps.all(limit=100_000):
        if sweep.owner in what.people:
            with suppress(CNNLabError):  # its process has not ended yet: a teacher can delete it on its page
                lab.sweeps.delete(sweep.id)
    for assignment_id in what.assignments:
        if assignment := lab.assignments.find(assignment_id):
            lab.assignments.delete(assignment)
    for name in what.people:
        lab.learners.delete(f"name {name}")


def _kept(home: Path) -> list[Path]:
    found = [path for folder in _FOLDERS for path in (home / folder).rglob("*") if path.is_file() and not path.is_symlink()]
    return sorted(found)


def _add(archive: zipfile.ZipFile, sums: dict[str, str], name: str, content: bytes) -> None:
    archive.writestr(name, content)
    sums[name] = hashlib.sha256(content).hexdigest()


def _sum_of(file: Any) -> str:
    found = hashlib.sha256()
    with file:
        while chunk := file.read(_CHUNK):
            found.update(chunk)
    return found.hexdigest()
