"""Processes as the lab knows them: by number and start, since numbers are used again; and how to start one that outlives us."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import psutil

from cnnlab.system.home import PACKAGE


def identity(pid: int) -> str:
    """What tells process `pid` from a later one with the same number; "" if there is none (a zombie counts as gone)."""
    try:
        process = psutil.Process(pid)
        if process.status() == psutil.STATUS_ZOMBIE:
            return ""
        if sys.platform == "linux":
            # psutil adds the time of boot, which moves when the clock is set; the raw ticks since boot do not.
            fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
            return f"{_boot()}:{fields[19]}"
        return str(process.create_time())
    except (psutil.NoSuchProcess, FileNotFoundError, ProcessLookupError):
        return ""
    except psutil.AccessDenied:
        return ""  # another user's process has taken the number


def alive(pid: int | None, started: str | None) -> bool:
    """True while the very process that was `identity(pid) == started` runs."""
    return bool(pid and started) and identity(pid or 0) == started


def cores() -> int:
    """The physical cores that this process may use: a second thread on the same core only gets in the way of the first."""
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else (os.cpu_count() or 1)
    return max(1, min(allowed, psutil.cpu_count(logical=False) or allowed))


def die_first(score: int) -> None:
    """Asks Linux, should memory run out, to end this process before those with a lower `score` (0..1000; usual is 0)."""
    with suppress(OSError):  # another system, or one that does not let us
        Path("/proc/self/oom_score_adj").write_text(str(score), encoding="ascii")


def patience() -> dict[str, str]:
    """For the environment of a process before it loads torch: how long its threads wait for each other before they sleep.

    OpenMP's own choice is a few milliseconds of spinning, which costs a program that computes on all cores half of its time
    as soon as another one, such as the page that watches it, wants one of them; sleeping at once costs up to a fifth on free
    cores. 10,000 rounds are about as good as the better of the two in both cases (LeNet, two cores).

    In a virtual machine whose host has others waiting, who sleeps is not woken soon: there it is OpenMP's own choice, with which
    an epoch of the small ResNet took 12.7 s where it took 18.8 with 10,000 rounds (n = 10 each, in turns).
    """
    decided = {"GOMP_SPINCOUNT", "OMP_WAIT_POLICY"} & os.environ.keys()
    return {} if decided or _stolen() > 0.01 else {"GOMP_SPINCOUNT": "10000"}


def _stolen() -> float:
    """Share of its computing time that this machine's host gave to others instead, since its start; 0 where nobody tells."""
    times = psutil.cpu_times()
    stolen = getattr(times, "steal", 0.0)
    return stolen / max(1.0, times.user + times.system + stolen)


def with_our_modules() -> dict[str, str]:
    """This process's environment, in which a new Python finds this package wherever it is started."""
    paths = [str(PACKAGE.parent), *filter(None, [os.environ.get("PYTHONPATH")])]
    return os.environ | {"PYTHONPATH": os.pathsep.join(paths)}


def start_detached(module: str, arguments: Sequence[str], log: Path, environment: dict[str, str] | None = None) -> None:
    """Starts ``python -m module`` so that it outlives this process; what it prints goes to `log`.

    On POSIX the module must call `detach()` first: this process waits for its parent half, so that no zombie is left.
    """
    command = [sys.executable, "-m", module, *arguments]
    settings = with_our_modules() | (environment or {})
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as output:
        if sys.platform == "win32":
            flags = subprocess.DETACHED_PROCESS | subprocess.CREATE_NEW_PROCESS_GROUP
            # Kept: dropping a Popen whose process still runs is a ResourceWarning.
            _started.append(
                subprocess.Popen(  # noqa: S603 - our own interpreter and module
                    command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, env=settings, creationflags=flags
                )
            )
        else:
            subprocess.run(  # noqa: S603 - our own interpreter and module
                command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, env=settings, start_new_session=True, check=False
            )


def detach() -> None:
    """Leaves the parent that `start_detached` waits for; does nothing on Windows."""
    if sys.platform != "win32" and os.fork():
        os._exit(0)


def end(processes: Sequence[psutil.Process], seconds: float = 3.0) -> None:
    """Asks the processes to end, then makes them."""
    for process in processes:
        _quietly(process.terminate)
    _, left = psutil.wait_procs(processes, timeout=seconds)
    for process in left:
        _quietly(process.kill)
    psutil.wait_procs(left, timeout=seconds)


_started: list[subprocess.Popen[bytes]] = []
_boot_id = ""


def _boot() -> str:
    global _boot_id  # noqa: PLW0603 - it cannot change while we run
    if not _boot_id:
        _boot_id = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()[:8]
    return _boot_id


def _quietly(action: object) -> None:
    try:
        action()  # type: ignore[operator]
    except psutil.NoSuchProcess:
        return  # it has ended by itself
