"""Downloads of data sets, each in a process of its own that outlives a page and a restarted server. Needs no torch."""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from cnnlab import datasets
from cnnlab.datasets.download import fetch
from cnnlab.datasets.places import Location, Places
from cnnlab.errors import CNNLabError
from cnnlab.system import processes
from cnnlab.system.home import private_file, private_folder, write_private
from cnnlab.values import DatasetStatus, DownloadStatus

REPORT_SECONDS = 0.2
NEWS_SECONDS = 60.0  # how long a finished download is still told of

Fetch = Callable[[datasets.Entry, Places, Callable[[int, int], None]], Path]


def start(home: Path, entry: datasets.Entry) -> None:
    """Starts fetching in the background; does nothing while a download of this data set runs."""
    known = status(home, entry)
    if known and known.state == "running":
        return
    _write(home, entry, "running", 0)  # a page that looks at once sees that its click counted
    processes.start_detached("cnnlab.workers.downloads", ["--home", str(home), entry.name], home / "downloads.log")


def status(home: Path, entry: datasets.Entry) -> DownloadStatus | None:
    """How far the download is; None if there was none, or it finished a while ago."""
    try:
        record = json.loads(_file(home, entry).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    found = DownloadStatus(record["state"], record["done"], record["total"], record["message"])
    age = time.time() - record["time"]
    if found.state == "running" and age > NEWS_SECONDS / 6 and not processes.alive(record["pid"], record["pid_started"]):
        return DownloadStatus(
            "failed",
            found.done_bytes,
            found.total_bytes,
            f"The download of {entry.title} ended unexpectedly; please start it again.",
        )
    return None if found.state == "finished" and age > NEWS_SECONDS else found


def dataset_status(home: Path, entry: datasets.Entry, location: Location | None) -> DatasetStatus:
    """Where a data set is on this machine (`location`), and how far its download is."""
    download = status(home, entry) if entry.downloads else None
    return DatasetStatus(entry, location and location.folder, download, location.variant if location else "")


def work(home: Path, entry: datasets.Entry, *, fetch: Fetch = fetch) -> None:
    """Fetches `entry` in this process and reports on the way. Leaves at once if another process is at it."""
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
        _write(
            home, entry, "failed", done, f"The download of {entry.title} failed with an unexpected {type(error).__name__}: {error}."
        )
        raise
    finally:
        lock.release()


def _size(entry: datasets.Entry) -> int:
    return sum(item.bytes for item in entry.downloads)


def _write(home: Path, entry: datasets.Entry, state: str, done: int, message: str = "") -> None:
    pid = os.getpid()
    record: dict[str, Any] = {"state": state, "done": done, "total": _size(entry), "message": message}
    record |= {"pid": pid, "pid_started": processes.identity(pid), "time": time.time()}
    write_private(_file(home, entry), json.dumps(record))


def _file(home: Path, entry: datasets.Entry) -> Path:
    return private_file(home, f"download-{entry.name}.json")


def main(arguments: Sequence[str] | None = None) -> int:
    """``python -m cnnlab.workers.downloads --home DIR NAME``."""
    parser = argparse.ArgumentParser(description="Fetches a data set. The lab starts this by itself.")
    parser.add_argument("--home", type=Path, required=True)
    parser.add_argument("dataset")
    given = parser.parse_args(arguments)
    processes.detach()
    work(given.home, datasets.entry(given.dataset))
    return 0


if __name__ == "__main__":
    sys.exit(main())
