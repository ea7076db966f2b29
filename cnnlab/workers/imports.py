"""The import of a user's own images: a process of its own, which outlives the page and the server. One at a time in a home."""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from cnnlab.datasets import own
from cnnlab.datasets.own import OwnSet
from cnnlab.errors import CNNLabError, DataError
from cnnlab.forecasts import limits_file, refusals
from cnnlab.forecasts.usage import usage
from cnnlab.i18n import N_, say
from cnnlab.own_data import records
from cnnlab.own_data.values import Choices, ImportStatus
from cnnlab.runs.store import Store
from cnnlab.system import disk, files, jobs, processes
from cnnlab.system.home import private_file, private_folder, write_private
from cnnlab.system.room import LEAST_FREE
from cnnlab.text import size_text

REPORT_SECONDS = 0.2
SHOWN_SECONDS = 60.0  # a finished import is reported for this long

_FULL = N_("The disk of the lab is full: nothing was imported. Make room, and import again.")
_NOT_WRITTEN = N_("The lab's folder cannot be written: nothing was imported. Its owner has to make it writable.")


class Stopped(Exception):
    """A user has asked the import to end."""


@dataclass(frozen=True, slots=True)
class Order:
    """What is to be imported, as the process reads it."""

    path: str
    called: str
    choices: Choices
    owner: str
    for_all: bool
    uploaded: bool  # the file is deleted afterwards


def begin(home: Path, order: Order) -> None:
    """Starts an import in the background. Raises DataError while one runs, or where it cannot begin; as `left_for`."""
    check_none_runs(home)
    left_for(home, order.owner)

    def go() -> None:
        processes.start_detached("cnnlab.workers.imports", ["--home", str(home)], home / "imports.log")

    try:
        (home / own.FOLDER).mkdir(mode=0o700, parents=True, exist_ok=True)
        _stop_file(home).unlink(missing_ok=True)
        write_private(_order_file(home), json.dumps(asdict(order)))
        jobs.begin(_file(home), _facts(order, "running"), go)
    except OSError:
        raise DataError(_NOT_WRITTEN) from None


def check_none_runs(home: Path) -> None:
    """Raises DataError while an import runs."""
    known = status(home)
    if known and known.state == "running":
        raise DataError(say("“{name}” is being imported: wait until it is done, or stop it.", name=known.title))


def status(home: Path) -> ImportStatus | None:
    """The import that runs, or the last one until a minute after its end; a failed one until the next begins."""
    report = jobs.read(_file(home))
    try:
        known = ImportStatus(**report.facts) if report else None
    except TypeError:  # of another version: another import can begin
        return None
    if report is None or known is None:
        return None
    if known.state == "running" and report.silent:
        message = say("The import of “{name}” ended unexpectedly; please start it again.", name=known.title)
        return ImportStatus("failed", known.step, known.done, known.total, known.title, known.owner, message)
    return None if known.state in ("finished", "stopped") and report.age > SHOWN_SECONDS else known


def stop(home: Path) -> None:
    """Asks the import to end. No effect where none runs."""
    if (known := status(home)) and known.state == "running":
        write_private(_stop_file(home), "")


def forget(home: Path) -> None:
    """Takes back the report of an import that has ended, so that no page shows it any more, and what was ordered."""
    if not ((known := status(home)) and known.state == "running"):
        for file in (_file(home), _order_file(home)):
            file.unlink(missing_ok=True)


def left_for(home: Path, owner: str) -> int | None:
    """Bytes that are left of what this lab allows a person on its disk; None without such a limit.

    Raises LimitError where none are left, ConfigError, StoreError.
    """
    known = limits_file.rules(home)
    most = known.of(owner).disk_per_owner
    if most is None:
        return None
    with closing(Store(home)) as store:
        taken = usage(store, known.account(owner), time.time()).disk_bytes or 0
    if taken >= most:
        words = refusals.NO_DISK_FOR_DATA_OF_ALL if known.together else refusals.NO_DISK_FOR_DATA
        text = say(words, taken=size_text(taken), most=size_text(most))
        raise refusals.over("disk_per_owner", text, temporary=True)
    return most - taken


def room(home: Path) -> int | None:
    """Bytes that the images of an import may take: free on the disk, and left of the lab's limit. Raises ConfigError."""
    free, most = disk.free(home), limits_file.load(limits_file.limits_file()).disk
    left = [] if free is None else [free - LEAST_FREE]
    if most is not None:
        left.append(most - files.folder_bytes(home))
    return max(0, min(left)) if left else None


@contextmanager
def alone(home: Path) -> Iterator[None]:
    """Holds the lock of imports. Raises DataError where another process has it."""
    lock = FileLock(private_folder(home) / "import.lock")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise DataError(N_("Another import is running in this lab: wait until it is done.")) from None
    try:
        records.tidy(home)
        yield
    finally:
        lock.release()


def imported(home: Path, order: Order, report: Callable[[Any, int, int], None]) -> OwnSet:
    """Imports in this process, which holds the lock. Raises DataError; as `left_for`."""
    from cnnlab.own_data.bringing import Job, bring  # loads numpy and Pillow, which the web process does without

    left = min((each for each in (room(home), left_for(home, order.owner)) if each is not None), default=None)
    try:
        return bring(Job(home, Path(order.path), order.called, order.choices, order.owner, order.for_all, left, report=report))
    except OSError as error:
        raise DataError(_FULL if disk.is_full(error, home) else _NOT_WRITTEN) from error
    except MemoryError:
        raise DataError(N_("The files do not fit into the memory that is free: import fewer at a time.")) from None


def work(home: Path) -> None:
    """Imports what was ordered, in this process, and reports progress. Returns at once if another process imports."""
    text = disk.read(_order_file(home))
    facts = json.loads(text)
    order = Order(**facts | {"choices": Choices(**facts["choices"])})
    try:
        with alone(home):
            _work(home, order)
    except DataError:  # another process has the lock
        return
    finally:
        if order.uploaded:
            Path(order.path).unlink(missing_ok=True)


def _work(home: Path, order: Order) -> None:
    last, due = ("looking", 0, 0), jobs.paced(REPORT_SECONDS)

    def put(state: str, message: str = "", name: str = "") -> None:
        jobs.write(_file(home), _facts(order, state, last, message, name))

    def report(step: str, done: int, total: int) -> None:
        nonlocal last
        last = step, done, total
        if due():
            if _stop_file(home).exists():
                raise Stopped
            put("running")

    try:
        report(*last)
        made = imported(home, order, report)
        put("finished", name=made.name)
    except Stopped:
        put("stopped")
    except CNNLabError as error:
        put("failed", files.without_folders(str(error), home))
    except Exception as error:
        text = say("The import failed with an unexpected {kind}: {error}.", kind=type(error).__name__, error=error)
        put("failed", files.without_folders(text, home))
        raise


def _facts(
    order: Order, state: str, last: tuple[str, int, int] = ("looking", 0, 0), message: str = "", name: str = ""
) -> dict[str, Any]:
    """An ImportStatus, as JSON has it."""
    step, done, total = last
    facts = {"state": state, "step": step, "done": done, "total": total}
    return facts | {"title": order.choices.title, "owner": order.owner, "message": message, "name": name}


def _file(home: Path) -> Path:
    return private_file(home, "import.json")


def _order_file(home: Path) -> Path:
    return private_file(home, "import-order.json")


def _stop_file(home: Path) -> Path:
    return private_file(home, "import-stop")


def main(arguments: Sequence[str] | None = None) -> int:
    """``python -m cnnlab.workers.imports --home DIR``: what `begin` has ordered."""
    parser = argparse.ArgumentParser(description="Imports a user's own images. The lab starts it automatically.")
    parser.add_argument("--home", type=Path, required=True)
    options = parser.parse_args(arguments)
    processes.detach()
    processes.keep_files_private()
    work(options.home)
    return 0


if __name__ == "__main__":
    sys.exit(main())
