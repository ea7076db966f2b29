"""The dispatcher as other processes see it: whether it runs, how it is started and ended, and why it could not start."""

from __future__ import annotations

import json
import threading
import time
from contextlib import suppress
from pathlib import Path

from cnnlab.errors import ComputeError, InstallationError
from cnnlab.i18n import say
from cnnlab.system import disk, pausing, processes, room
from cnnlab.system.home import private_file, write_private
from cnnlab.system.processes import Process

STARTUP_SECONDS = 10.0  # within which a new dispatcher must announce itself
RESTART_SECONDS = 1.0  # between two starts after that, so that one that crashes is not restarted at full speed
ATTEMPTS = 3
LOG = "dispatcher.log"  # in the home folder

# One thread until it forks: OpenBLAS starts threads at import, and a fork keeps only the calling thread.
ENVIRONMENT = {"OPENBLAS_NUM_THREADS": "1"}

_lock = threading.Lock()
_starts: dict[Path, list[float]] = {}
_before: dict[Path, Process] = {}  # the dispatcher that had announced itself before the last start


def ensure(home: Path) -> None:
    """Starts the dispatcher of `home` unless one runs, and returns at once. Raises InstallationError if that failed."""
    with _lock:
        starts = _starts.setdefault(home, [])
        if running(home):
            starts.clear()
            return
        _raise_startup_error(home, starts)
        now = time.monotonic()  # the clock may be set back
        announced = bool(starts) and known(home) != _before[home]
        if starts and now - starts[-1] < (RESTART_SECONDS if announced else STARTUP_SECONDS):
            return
        if announced:
            starts.clear()  # the last start succeeded, so its later crash does not count against the next
        if len(starts) >= ATTEMPTS:
            starts.clear()
            if room.shortage(home):
                return  # nothing can start; pages still show what there is, so that users can make room
            raise ComputeError(say("The background process did not start: its file {file} in the lab's folder says why.", file=LOG))
        starts.append(now)
        _before[home] = known(home)
        error_file(home).unlink(missing_ok=True)  # the installation may have been repaired
        environment = ENVIRONMENT | processes.thread_wait_environment()
        processes.start_detached("cnnlab.workers.dispatcher", ["--home", str(home)], log_file(home), environment)


def running(home: Path) -> bool:
    """True while the dispatcher runs that announced itself last."""
    return processes.alive(*known(home))


def known(home: Path) -> Process:
    """The dispatcher that announced itself last; it may have ended."""
    try:
        record = json.loads(disk.read(_file(home)))
        return Process(int(record["pid"]), str(record["pid_started"]))
    except (FileNotFoundError, ValueError, KeyError, TypeError):  # none yet, or cut short by a power failure, which also ended it
        return Process(0, "")


def announce(home: Path) -> None:
    """The dispatcher stores its identity, and deletes the error of an earlier start."""
    error_file(home).unlink(missing_ok=True)
    _waiting_file(home).unlink(missing_ok=True)
    process = processes.current()
    write_private(_file(home), json.dumps({"pid": process.pid, "pid_started": process.started}))


def write_startup_error(home: Path, error: InstallationError) -> None:
    """The dispatcher stores why it could not load its modules, for the process that started it."""
    write_private(error_file(home), str(error))


def write_waiting(home: Path, reason: str) -> None:
    """The dispatcher stores why it starts no run, or "" once it does again."""
    with suppress(OSError):  # on a full disk pages find the reason themselves
        if reason:
            write_private(_waiting_file(home), reason)
        else:
            _waiting_file(home).unlink(missing_ok=True)


def waiting(home: Path) -> str:
    """Why the queue waits although runs could start, as a sentence, such as that of a pause; "" where it does not."""
    if state := pausing.paused(home):
        return state.sentence
    reason = room.shortage(home)
    if not reason and running(home):
        with suppress(OSError, ValueError):
            reason = disk.read(_waiting_file(home))
    return reason


def shut_down(home: Path) -> None:
    """Ends the dispatcher of `home` and all its children, training included."""
    processes.end_family(known(home))


def log_file(home: Path) -> Path:
    return home / LOG


def error_file(home: Path) -> Path:
    return home / "dispatcher-error.txt"


def _raise_startup_error(home: Path, starts: list[float]) -> None:
    """Ignores an error where this process has not started a dispatcher: it is an old one."""
    file = error_file(home)
    if starts and file.exists():
        starts.clear()
        raise InstallationError(file.read_text(encoding="utf-8"))


def _waiting_file(home: Path) -> Path:
    return private_file(home, "waiting.txt")


def _file(home: Path) -> Path:
    return private_file(home, "dispatcher.json")
