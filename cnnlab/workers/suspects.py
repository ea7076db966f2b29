"""The search for wrong labels in a user's own data set: a process of its own, which outlives the page and the server."""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from cnnlab.compute import typed
from cnnlab.datasets import own
from cnnlab.datasets.own import OwnSet
from cnnlab.errors import CNNLabError, DataError
from cnnlab.i18n import N_, say
from cnnlab.own_data.checkup import Search
from cnnlab.system import files, jobs, processes, working_home
from cnnlab.system.home import private_file, private_folder

REPORT_SECONDS = 0.5
# One core: batches this small gain little from a second one, and beside a run that trains, two threads wait for each other.
ENVIRONMENT = {"OMP_NUM_THREADS": "1"}

_ENDED = N_("The search for wrong labels ended unexpectedly; please start it again.")
_BUSY = N_("Another data set is being searched for wrong labels; wait until that is done, or stop it.")


def start(home: Path, brought: OwnSet) -> None:
    """Begins a search in the background; no effect while one of this set runs. Raises DataError where it cannot begin."""
    known = status(home, brought)
    if known and known.state == "running":
        return
    if is_busy(home):
        raise DataError(_BUSY)

    def begin() -> None:
        arguments = ["--home", str(home), brought.name]
        processes.start_detached("cnnlab.workers.suspects", arguments, home / "suspects.log", ENVIRONMENT)

    try:
        _stop_file(home, brought).unlink(missing_ok=True)
        jobs.begin(_file(home, brought), _facts(brought, Search("running")), begin)
    except OSError as error:
        raise DataError(say("The search for wrong labels cannot begin: {reason}.", reason=jobs.reason(error))) from error


def stop(home: Path, brought: OwnSet) -> None:
    """Asks the search to end; what it has found so far is dropped."""
    private_folder(home)
    _stop_file(home, brought).touch()


def status(home: Path, brought: OwnSet) -> Search | None:
    """How far the search in this set is; the result of the last one; None where there was none."""
    report = jobs.read(_file(home, brought))
    try:
        if report is None or report.facts["digest"] != brought.digest:  # of an earlier set of this name
            return None
        search: Search = typed.read(Search, report.facts["search"])
    except (ValueError, KeyError, TypeError):  # of another version: it can be started again
        return None
    return Search("failed", message=_ENDED) if search.state == "running" and report.silent else search


def is_busy(home: Path) -> bool:
    """Whether a search of any set runs in this home."""
    lock = _lock(home)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        return True
    lock.release()
    return False


def work(home: Path, brought: OwnSet) -> None:
    """Searches in this process and reports progress. Searches nothing while another process does."""
    lock = _lock(home)
    try:
        lock.acquire(timeout=1.0)  # `is_busy` holds it for a moment
    except Timeout:
        _write(home, brought, Search("failed", message=_BUSY))
        return
    try:
        _write(home, brought, Search("running"))
        _write(home, brought, _search(home, brought))
    except CNNLabError as error:
        _write(home, brought, Search("failed", message=str(error)))
    except Exception as error:
        message = say("The search failed with an unexpected {kind}: {error}.", kind=type(error).__name__, error=error)
        _write(home, brought, Search("failed", message=files.without_folders(message, home)))
        raise
    finally:
        _stop_file(home, brought).unlink(missing_ok=True)
        lock.release()


def _search(home: Path, brought: OwnSet) -> Search:
    from cnnlab.compute.checkup import search
    from cnnlab.training import process

    process.keep_freed_memory()
    due = jobs.paced(REPORT_SECONDS)
    with tempfile.TemporaryDirectory(prefix="suspects-", dir=private_folder(home)) as folder:
        steps = search(home, brought, Path(folder))
        try:
            while True:
                step = next(steps)
                if _stop_file(home, brought).exists():
                    return Search("stopped")
                if due():
                    _write(home, brought, Search("running", step.done, step.seconds_left))
        except StopIteration as end:
            found: Search = end.value
            return found
        finally:
            steps.close()


def _write(home: Path, brought: OwnSet, search: Search) -> None:
    jobs.write(_file(home, brought), _facts(brought, search))


def _facts(brought: OwnSet, search: Search) -> dict[str, Any]:
    return {"search": json.loads(typed.write(search)), "digest": brought.digest}


def _file(home: Path, brought: OwnSet) -> Path:
    return private_file(home, f"suspects-{brought.base}.json")


def _stop_file(home: Path, brought: OwnSet) -> Path:
    return private_file(home, f"suspects-{brought.base}.stop")


def _lock(home: Path) -> FileLock:
    return FileLock(private_folder(home) / "suspects.lock")


def main(arguments: Sequence[str] | None = None) -> int:
    """``python -m cnnlab.workers.suspects --home DIR NAME``."""
    parser = argparse.ArgumentParser(description="Searches for wrong labels. The lab starts it automatically.")
    parser.add_argument("--home", type=Path, required=True)
    parser.add_argument("dataset")
    options = parser.parse_args(arguments)
    processes.detach()
    processes.keep_files_private()
    if hasattr(os, "nice"):
        os.nice(10)  # runs that train beside it come first
    working_home.look_in(options.home)
    if brought := own.known(options.home, options.dataset):
        work(options.home, brought)
    return 0


if __name__ == "__main__":
    sys.exit(main())
