"""Downloads of data sets and of published weights, each in its own process, which outlives the page and the server."""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from cnnlab import datasets
from cnnlab.datasets.download import fetch
from cnnlab.datasets.places import Places, Search
from cnnlab.errors import CNNLabError, DataError
from cnnlab.i18n import N_, say
from cnnlab.system import disk, files, processes
from cnnlab.system.home import private_file, private_folder, write_private
from cnnlab.system.processes import Process
from cnnlab.values import DatasetStatus, DownloadStatus
from cnnlab.workers import published

REPORT_SECONDS = 0.2
SHOWN_SECONDS = 60.0  # a finished download is reported for this long

_NOT_WRITTEN = N_("the lab's folder cannot be written; its owner has to make it writable, or to free some space")

Fetch = Callable[[datasets.Entry, Places, Callable[[int, int], None]], Path]


def start(home: Path, entry: datasets.Entry) -> None:
    """Starts a download in the background; does nothing while one of this data set runs. Raises DataError where it cannot begin."""
    if not entry.downloads:
        raise DataError(say("{dataset} cannot be downloaded.", dataset=entry.title))
    known = status(home, entry)
    if known and known.state == "running":
        return
    try:
        _write(home, entry, "running", 0, process=Process(None, None))  # so that the next poll shows it; it has no process yet
        processes.start_detached("cnnlab.workers.downloads", ["--home", str(home), entry.name], home / "downloads.log")
    except OSError as error:
        with suppress(OSError):
            _file(home, entry).unlink(missing_ok=True)
        reason = f"{_NOT_WRITTEN} ({error.strerror or type(error).__name__})"
        raise DataError(say("The download of {dataset} cannot begin: {reason}.", dataset=entry.title, reason=reason)) from error


def status(home: Path, entry: datasets.Entry) -> DownloadStatus | None:
    """The state of the download; None if there was none, or it finished more than a minute ago."""
    try:
        record = json.loads(disk.read(_file(home, entry)))
        download = DownloadStatus(record["state"], record["done"], record["total"], record["message"])
    except (OSError, ValueError, KeyError, TypeError):  # there was none, or its record cannot be read: it can be started again
        return None
    age = time.time() - record["time"]
    if download.state == "running" and age > SHOWN_SECONDS / 6 and not processes.alive(record["pid"], record["pid_started"]):
        message = say("The download of {dataset} ended unexpectedly; please start it again.", dataset=entry.title)
        return DownloadStatus("failed", download.done_bytes, download.total_bytes, message)
    return None if download.state == "finished" and age > SHOWN_SECONDS else download


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
    reported = 0.0
    done = 0

    def report(now_done: int, _total: int) -> None:
        nonlocal reported, done
        done = now_done
        if time.monotonic() - reported > REPORT_SECONDS:
            reported = time.monotonic()
            _write(home, entry, "running", now_done)

    try:
        report(0, _size(entry))
        fetch(entry, Places(home), report)
        _write(home, entry, "finished", _size(entry))
    except CNNLabError as error:
        _write(home, entry, "failed", done, str(error))
    except Exception as error:
        message = say(
            "The download of {dataset} failed with an unexpected {kind}: {error}.",
            dataset=entry.title, kind=type(error).__name__, error=error,
        )  # fmt: skip
        _write(home, entry, "failed", done, files.without_folders(message, home))
        raise
    finally:
        lock.release()


def _size(entry: datasets.Entry) -> int:
    return sum(item.bytes for item in entry.downloads)


def _write(
    home: Path, entry: datasets.Entry, state: str, done: int, message: str = "", *, process: Process | None = None
) -> None:  # fmt: skip
    process = process or processes.current()
    record: dict[str, Any] = {"state": state, "done": done, "total": _size(entry), "message": message}
    record |= {"pid": process.pid, "pid_started": process.started, "time": time.time()}
    write_private(_file(home, entry), json.dumps(record))


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
