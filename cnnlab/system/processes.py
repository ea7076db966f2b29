"""Processes: how the lab identifies one, and how it starts one that outlives it."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Sequence
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import psutil

from cnnlab.i18n import say
from cnnlab.system.home import PACKAGE

if sys.platform != "win32":
    import resource


MANY_FILES = 65_536
ENOUGH_FILES = 4_096  # for 500 browsers
_SAME_START = 1.0  # seconds; a clock that is adjusted bit by bit moves boot and start a little apart


class Process(NamedTuple):
    """Identifies a process by its id and its start, because the system uses ids again."""

    pid: int | None
    started: str | None


def current() -> Process:
    """This process."""
    return Process(os.getpid(), identity(os.getpid()))


def identity(pid: int) -> str:
    """The start of process `pid`, which no later process with this id shares; "" if none runs (a zombie does not run)."""
    try:
        if sys.platform == "linux":
            # psutil adds the boot time, which changes when the clock is set; the raw ticks since boot do not.
            fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
            return "" if fields[0] == "Z" else f"{_boot()}:{fields[19]}"
        process = psutil.Process(pid)
        if process.status() == psutil.STATUS_ZOMBIE:
            return ""
        started = process.create_time()
        # On macOS psutil moves it when the clock is set; the distance from the boot, which moves alike, stays.
        return f"{started - psutil.boot_time():.1f}" if sys.platform == "darwin" else str(started)
    except (psutil.NoSuchProcess, psutil.AccessDenied, FileNotFoundError, ProcessLookupError):
        return ""  # also where another user's process has this id now


def alive(pid: int | None, started: str | None) -> bool:
    """True while the process runs for which `identity(pid)` was `started`."""
    if not pid or not started:
        return False
    found = identity(pid)
    if sys.platform == "darwin" and found:
        with suppress(ValueError):  # an identity that an earlier version has written
            return abs(float(found) - float(started)) < _SAME_START
    return found == started


def user_of(pid: int) -> str:
    """The user whose process it is; "" where that cannot be seen."""
    try:
        return str(psutil.Process(pid).username())
    except (psutil.Error, KeyError):  # it has ended, or belongs to a user without a name
        return ""


def cores() -> int:
    """The physical cores that this process may use: a second thread on a core slows the first down."""
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else (os.cpu_count() or 1)
    return max(1, min(allowed, psutil.cpu_count(logical=False) or allowed))


def come_last() -> None:
    """Gives this process what processor time others leave."""
    with suppress(psutil.Error, OSError):
        psutil.Process().nice(psutil.BELOW_NORMAL_PRIORITY_CLASS if sys.platform == "win32" else 10)


def die_first(score: int) -> None:
    """Asks Linux to kill this process before those with a lower `score` (0..1000, default 0) when memory runs out."""
    with suppress(OSError):  # another system, or not permitted
        Path("/proc/self/oom_score_adj").write_text(str(score), encoding="ascii")


def keep_files_private() -> None:
    """Files and folders that this process makes from now on can be read by its user alone."""
    os.umask(0o077)


def allow_many_files() -> str:
    """Raises the limit on open files and connections as far as this user may; a sentence where it stays too low for a class.

    A browser holds about six connections, so the common limit of 1,024 is reached with 150 of them.
    """
    if sys.platform == "win32":
        return ""  # has no such limit
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    unlimited = resource.RLIM_INFINITY
    for wanted in (MANY_FILES, 10_240):  # macOS takes no more than the latter
        if soft != unlimited and soft < wanted and (hard == unlimited or soft < hard):
            with suppress(OSError, ValueError):
                resource.setrlimit(resource.RLIMIT_NOFILE, (wanted if hard == unlimited else min(wanted, hard), hard))
                break
    soft = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    if soft == unlimited or soft >= ENOUGH_FILES:
        return ""
    return say(
        "This process may open {count:,} files and connections at once, enough for about {browsers} browsers: "
        "raise the limit, as with ulimit -Hn {enough} or systemd's LimitNOFILE={enough}, before a class uses this lab.",
        count=soft,
        browsers=soft // 7,
        enough=ENOUGH_FILES,
    )


def thread_wait_environment() -> dict[str, str]:
    """Environment variables, set before torch is loaded, for how long OpenMP threads spin before they sleep.

    OpenMP's default spins for milliseconds: as soon as another program, such as the web server, wants one of the cores, training
    on all of them loses half of its speed. Sleeping at once costs up to a fifth on idle cores. 10,000 rounds come close to the
    better of the two in both cases (LeNet, two cores).

    The OpenMP of Intel and LLVM, on Windows and macOS, counts milliseconds instead: beside a busy program 1 made training 1.3 times
    as fast as its default of 200, and lost nothing on idle cores (LLVM's, on Linux).

    In a virtual machine on a busy host a sleeping thread is woken late, so OpenMP keeps its default there: an epoch of the small
    ResNet took 12.7 s with it and 18.8 s with 10,000 rounds (n = 10 each, in turns).
    """
    set_by_user = {"GOMP_SPINCOUNT", "KMP_BLOCKTIME", "OMP_WAIT_POLICY"} & os.environ.keys()
    return {} if set_by_user or _stolen() > 0.01 else {"GOMP_SPINCOUNT": "10000", "KMP_BLOCKTIME": "1"}


def _stolen() -> float:
    """Share of computing time that the host has given to other machines since this one started; 0 where it is unknown."""
    times = psutil.cpu_times()
    stolen = getattr(times, "steal", 0.0)
    return stolen / max(1.0, times.user + times.system + stolen)


def with_our_modules() -> dict[str, str]:
    """This process's environment, with this package on the search path of a new Python."""
    paths = [str(PACKAGE.parent), *filter(None, [os.environ.get("PYTHONPATH")])]
    return os.environ | {"PYTHONPATH": os.pathsep.join(paths)}


def start_detached(module: str, arguments: Sequence[str], log: Path, environment: dict[str, str] | None = None) -> None:
    """Starts ``python -m module``, which outlives this process and writes its output to `log`.

    On Linux the module must call `detach()` first: a thread waits for the parent of that fork, which leaves no zombie. A page that
    waited itself would stand still for half a second, while a new Python starts.
    """
    if sys.platform == "linux":
        child = start_child(module, arguments, log, environment)
        threading.Thread(target=child.wait, name="collect the parent", daemon=True).start()
    else:
        # Kept, because collecting a Popen whose process still runs raises a ResourceWarning.
        _started.append(start_child(module, arguments, log, environment))


def start_child(
    module: str, arguments: Sequence[str], log: Path, environment: dict[str, str] | None = None
) -> subprocess.Popen[bytes]:
    """Starts ``python -m module`` with its output in `log`. It goes on when this process is killed, which has to collect it."""
    command = [sys.executable, "-m", module, *arguments]
    settings = with_our_modules() | (environment or {})
    log.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with log.open("ab") as output:
        streams: dict[str, Any] = {"stdin": subprocess.DEVNULL, "stdout": output, "stderr": output, "env": settings}
        return subprocess.Popen(command, **streams, **_apart())  # noqa: S603 - our own interpreter and module


def _apart() -> dict[str, Any]:
    """How a process is started that its parent does not take along.

    On Windows it gets a console without a window, which its own children inherit. Without any, each of them would open one, and
    closing that would end the lab (issue 85785 of CPython).
    """
    if sys.platform == "win32":
        return {"creationflags": subprocess.CREATE_NO_WINDOW | subprocess.CREATE_NEW_PROCESS_GROUP}
    return {"start_new_session": True}


def detach() -> None:
    """Forks away from the parent that `start_detached` waits for. Other systems have no safe fork, and need none."""
    if sys.platform == "linux" and os.fork():
        os._exit(0)


def end(processes: Sequence[psutil.Process], seconds: float = 3.0) -> None:
    """Terminates the processes, and kills those that still run after `seconds`."""
    for process in processes:
        with suppress(psutil.NoSuchProcess):
            process.terminate()
    _ended, left = psutil.wait_procs(processes, timeout=seconds)
    for process in left:
        with suppress(psutil.NoSuchProcess):
            process.kill()
    psutil.wait_procs(left, timeout=seconds)


def end_family(process: Process) -> None:
    """Ends the process and all that it has started; no effect where it has ended."""
    if alive(*process):
        with suppress(psutil.NoSuchProcess):
            found = psutil.Process(process.pid)
            end([found, *found.children(recursive=True)])


_started: list[subprocess.Popen[bytes]] = []


@cache
def _boot() -> str:
    return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()[:8]
