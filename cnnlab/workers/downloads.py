"""Downloads of data sets and of published weights, each in its own process, which outlives the page and the server."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from cnnlab import datasets
from cnnlab.datasets.download import fetch
from cnnlab.datasets.places import Places, Search
from cnnlab.errors import CNNLabError, DataError
from cnnlab.i18n import say
from cnnlab.system import files, jobs, processes
from cnnlab.system.home import private_file, private_folder
from cnnlab.values import DatasetStatus, DownloadStatus
from cnnlab.workers import published

REPORT_SECONDS = 0.2
SHOWN_SECONDS = 60.0  # a finished download is reported for this long

Fetch = Callable[[datasets.Entry, Places, Callable[[int, int], None]], Path]


def start(home: Path, entry: datasets.Entry) -> None:
    """Starts a download in the background; does nothing while one of this data set runs. Raises DataError where it cannot begin."""
    if not entry.downloads:
        raise DataError(say("{dataset} cannot be downloaded.", dataset=entry.title))
    known = status(home, entry)
    if known and known.state == "running":
        return

    def begin() -> None:
        processes.start_detached("cnnlab.workers.downloads", ["--home", str(home), entry.name], home / "downloads.log")

    try:
        jobs.begin(_file(home, entry), _facts(entry, "running", 0), begin)
    except OSError as error:
        reason = jobs.reason(error)
        raise DataError(say("The download of {dataset} cannot begin: {reason}.", dataset=entry.title, reason=reason)) from error


def status(home: Path, entry: datasets.Entry) -> DownloadStatus | None:
    """The state of the download; None if there was none, or it finished more than a minute ago."""
    report = jobs.read(_file(home, entry))
    try:
        download = DownloadStatus(*(report.facts[name] for name in ("state", "done", "total", "message"))) if report else None
    except KeyError:  # of another version: it can be started again
        return None
    if report is None or download is None:
        return None
    if download.state == "running" and report.silent:
        message = say("The download of {dataset} ended unexpectedly; please start it again.", dataset=entry.title)
        return DownloadStatus("failed", download.done_bytes, download.total_bytes, message)
    return None if download.state == "finished" and report.age > SHOWN_SECONDS else download


def dataset_status(home: Path, search: Search) -> DatasetStatus:
    """What was found of a data set on this machine, and the state of its download."""
    entry, location = search.entry, search.location
    download = status(home, entry) if entry.downloads else None
    if location is None:
        return DatasetStatus(entry, None, download, problem=search.why_not() if search.here else "")
    return DatasetStatus(entry, location.folder, download, location.variant, location.differs, location.doubt)


def work(home: Path, entry: datasets.Entry, *, fetch: Fetch = fetch) -> None:
    """Downloads `entry` in this process and reports progress. Returns at once if another process downloads it."""
    lock = FileLock(private_folder(home) / f"download-{entry.name}.lock")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        return
    file, due, done = _file(home, entry), jobs.paced(REPORT_SECONDS), 0

    def report(now_done: int, _total: int) -> None:
        nonlocal done
        done = now_done
        if due():
            jobs.write(file, _facts(entry, "running", now_done))

    try:
        report(0, _size(entry))
        fetch(entry, Places(home), report)
        jobs.write(file, _facts(entry, "finished", _size(entry)))
    except CNNLabError as error:
        jobs.write(file, _facts(entry, "failed", done, str(error)))
    except Exception as error:
        message = say(
            "The download of {dataset} failed with an unexpected {kind}: {error}.",
            dataset=entry.title, kind=type(error).__name__, error=error,
        )  # fmt: skip
        jobs.write(file, _facts(entry, "failed", done, files.without_folders(message, home)))
        raise
    finally:
        lock.release()


def _size(entry: datasets.Entry) -> int:
    return sum(item.bytes for item in entry.downloads)


def _facts(entry: datasets.Entry, state: str, done: int, message: str = "") -> dict[str, Any]:
    return {"state": state, "done": done, "total": _size(entry), "message": message}


def _file(home: Path, entry: datasets.Entry) -> Path:
    return private_file(home, f"download-{entry.name}.json")


def main(arguments: Sequence[str] | None = None) -> int:
    """``python -m cnnlab.workers.downloads --home DIR NAME``."""
    parser = argparse.ArgumentParser(description="Downloads a data set. The lab starts it automatically.")
    parser.add_argument("--home", type=Path, required=True)
    parser.add_argument("dataset")
    options = parser.parse_args(arguments)
    processes.detach()
    processes.keep_files_private()
    network = published.of_name(options.dataset)
    if network:
        work(options.home, published.entry(network), fetch=published.fetch)
    else:
        work(options.home, datasets.entry(options.dataset))
    return 0


if __name__ == "__main__":
    sys.exit(main())
