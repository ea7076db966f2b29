"""Is the dispatcher of a home there? Starts it if not, and passes on why it could not start. Needs no torch."""

from __future__ import annotations

import json
import os
import threading
import time
from pathlib import Path

import psutil

from cnnlab.errors import ComputeError, InstallationError
from cnnlab.system import processes
from cnnlab.system.home import private_file, write_private

PATIENCE = 10.0  # seconds until a dispatcher that was started must have said who it is
PAUSE = 1.0  # between two starts even so: one that dies of itself is not started again and again at full speed
ATTEMPTS = 3

# Kept to one thread until it forks: OpenBLAS starts its threads at import, and a fork takes only one thread along.
# NVML tells whether there are GPUs without starting CUDA, which does not survive a fork either.
ENVIRONMENT = {"OPENBLAS_NUM_THREADS": "1", "PYTORCH_NVML_BASED_CUDA_CHECK": "1"}

_lock = threading.Lock()
_starts: dict[Path, list[float]] = {}
_before: dict[Path, tuple[int, str]] = {}  # who had announced itself when we last started one


def ensure(home: Path) -> None:
    """Starts the dispatcher of `home` unless one runs, and returns at once. Raises InstallationError if that failed."""
    with _lock:
        starts = _starts.setdefault(home, [])
        if running(home):
            starts.clear()
            return
        _raise_startup_error(home, starts)
        now = time.monotonic()  # the clock may be set back meanwhile
        announced = bool(starts) and known(home) != _before[home]
        if starts and now - starts[-1] < (PAUSE if announced else PATIENCE):
            return
        if announced:
            starts.clear()  # the last start went well, so whatever killed that dispatcher says nothing about the next
        if len(starts) >= ATTEMPTS:
            starts.clear()
            raise ComputeError(f"The background process did not start; see {log_file(home)}.")
        starts.append(now)
        _before[home] = known(home)
        error_file(home).unlink(missing_ok=True)  # the installation may have been mended since
        environment = ENVIRONMENT | processes.patience()
        processes.start_detached("cnnlab.workers.dispatcher", ["--home", str(home)], log_file(home), environment)


def running(home: Path) -> bool:
    """True while a dispatcher that holds the lock of `home` runs."""
    pid, started = known(home)
    return processes.alive(pid, started)


def known(home: Path) -> tuple[int, str]:
    """Process and identity of the dispatcher that announced itself last; it may be gone."""
    try:
        record = json.loads(_file(home).read_text(encoding="utf-8"))
        return int(record["pid"]), str(record["pid_started"])
    except (FileNotFoundError, ValueError, KeyError, TypeError):  # none yet, or torn by a power cut, which ended whoever wrote it
        return 0, ""


def announce(home: Path) -> None:
    """The dispatcher says who it is; earlier troubles are over."""
    error_file(home).unlink(missing_ok=True)
    pid = os.getpid()
    write_private(_file(home), json.dumps({"pid": pid, "pid_started": processes.identity(pid)}))


def complain(home: Path, error: InstallationError) -> None:
    """The dispatcher could not load what it needs: its last words."""
    write_private(error_file(home), str(error))


def shut_down(home: Path) -> None:
    """Ends the dispatcher of `home` with all that it started, training included."""
    pid, started = known(home)
    if not processes.alive(pid, started):
        return
    try:
        dispatcher = psutil.Process(pid)
        family = [dispatcher, *dispatcher.children(recursive=True)]
    except psutil.NoSuchProcess:
        return  # it has ended by itself
    processes.end(family)


def log_file(home: Path) -> Path:
    return home / "dispatcher.log"


def error_file(home: Path) -> Path:
    return home / "dispatcher-error.txt"


def _raise_startup_error(home: Path, starts: list[float]) -> None:
    """Only an error of a start that we asked for counts."""
    file = error_file(home)
    if starts and file.exists():
        starts.clear()
        raise InstallationError(file.read_text(encoding="utf-8"))


def _file(home: Path) -> Path:
    return private_file(home, "dispatcher.json")
