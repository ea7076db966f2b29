"""The machine: memory, cores, clock, time zone, open files and fonts."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from datetime import UTC, datetime

from cnnlab.doctor.findings import Finding, look, right, wrong
from cnnlab.system import cpu, processes
from cnnlab.system.memory import Memory
from cnnlab.text import size_text

LITTLE, SCARCE = 2_000_000_000, 700_000_000  # bytes; the web process, compute and one small run take about 1.5 GB
# Packages that requirements.txt needs were released in this year.
FIRST_YEAR = 2026
_PAUSE = 0.05  # seconds between two looks at the clocks
_JUMP = 0.5  # seconds by which they may differ


def memory(found: Memory | None) -> Finding:
    """Memory that this process may use, its container's limit included."""
    if found is None:
        return right("Memory", "This system does not report how much is free.")
    sentence = f"{size_text(found.available)} of {size_text(found.total)} can be used."
    if found.available < SCARCE:
        return wrong("Memory", sentence, f"End other programs or add memory: a small run with its pages needs {size_text(LITTLE)}.")
    if found.available < LITTLE:
        return look("Memory", sentence, "It is enough for small networks alone; larger runs are refused with the figures.")
    return right("Memory", sentence)


def cores(allowed: int, quota: float | None) -> Finding:
    """`quota` is the processor time that a container may take, in cores; None without such a limit."""
    words = f"{allowed} core{'' if allowed == 1 else 's'}"
    if quota is not None and quota < allowed - 0.01:
        return look(
            "CPU",
            f"{words} can be seen, but the container may take the time of {quota:g}: threads wait for each other.",
            "Give it cores instead of time (docker run --cpuset-cpus, systemd's AllowedCPUs), "
            f"or set OMP_NUM_THREADS={max(1, int(quota))}.",
        )
    if allowed == 1:
        return look("CPU", f"{words}.", "Pages wait while a run trains; two cores or more are better for a class.")
    return right("CPU", f"{words}.")


def clock(now: float | None = None, elapsed: tuple[float, float] | None = None, newest: float | None = None) -> Finding:
    """`now` in seconds since 1970; `elapsed` by the wall clock and the monotonic one; `newest` is when the record was written."""
    now = time.time() if now is None else now
    wall, steady = elapsed or _elapsed()
    day = datetime.fromtimestamp(now, UTC)
    cure = "Let it be set from the network (timedatectl set-ntp true), and look again."
    if day.year < FIRST_YEAR:
        return wrong("Clock", f"It shows {day:%Y-%m-%d}, before the packages of this lab were made.", cure)
    if steady < 0 or abs(wall - steady) > _JUMP:
        return look("Clock", f"It moved by {wall:+.1f} s while {steady:.1f} s went by: something sets it.", cure)
    if newest is not None and newest > now + 60:
        return look("Clock", f"It shows {day:%Y-%m-%d %H:%M} UTC, and the record of runs was written later than that.", cure)
    return right("Clock", f"{day:%Y-%m-%d %H:%M} UTC.")


def _elapsed() -> tuple[float, float]:
    wall, steady = time.time(), time.monotonic()
    time.sleep(_PAUSE)
    return time.time() - wall, time.monotonic() - steady


def time_zone(name: str | None = None, offset: int | None = None) -> Finding:
    """`offset` in seconds east of UTC."""
    local = time.localtime()
    name, offset = name or local.tm_zone, local.tm_gmtoff if offset is None else offset
    shown = f"{'-' if offset < 0 else '+'}{abs(offset) // 3600:02}:{abs(offset) % 3600 // 60:02}"
    sentence = f"Times are those of {name} ({shown}); the last day of a class ends by it."
    if offset == 0 and name in ("UTC", "GMT", "Etc/UTC"):
        return look("Time zone", sentence, "Elsewhere: timedatectl set-timezone Europe/Lisbon, or TZ in the service's environment.")
    return right("Time zone", sentence)


def open_files(problem: str | None = None) -> Finding:
    """`problem` is what `allow_many_files` answers."""
    problem = processes.allow_many_files() if problem is None else problem
    if problem:
        what, _, cure = problem.partition(": ")
        return look("Open files", f"{what}.", f"{cure[:1].upper()}{cure[1:]}")
    return right("Open files", f"At least {processes.ENOUGH_FILES:,} at a time, enough for a class.")


def fonts(platform: str = sys.platform, listed: str | None = None) -> Finding:
    """Fonts with Chinese on Linux; `listed` is what fc-list prints for it. Pages take the fonts of the browser's machine."""
    if platform != "linux":
        return right("Fonts", "Chinese comes with this system.")
    if listed is None:
        if not (program := shutil.which("fc-list")):
            return right("Fonts", "This machine lists none (no fc-list); browsers bring their own.")
        listed = _output([program, ":lang=zh", "family"])
    if listed.strip():
        return right("Fonts", f"Chinese is there: {listed.strip().splitlines()[0][:60]}.")
    return look("Fonts", "No font here has Chinese.", "Only for a browser on this machine: apt-get install fonts-noto-cjk.")


def _output(command: list[str]) -> str:
    try:
        return subprocess.run(command, check=False, capture_output=True, text=True, timeout=3, stdin=subprocess.DEVNULL).stdout  # noqa: S603
    except (OSError, subprocess.SubprocessError):
        return ""


def all_of_it(found: Memory | None, newest: float | None) -> list[Finding]:
    """Every check of this module, with this machine's surroundings."""
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return [memory(found), cores(allowed, cpu.quota()), clock(newest=newest), time_zone(), open_files(), fonts()]
