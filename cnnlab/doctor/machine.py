"""The machine: memory, cores, clock, time zone, open files and fonts."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from datetime import UTC, datetime

from cnnlab.doctor.findings import Finding, look, right, wrong
from cnnlab.i18n import N_, nsay, say
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
    sentence = say("{free} of {total} can be used.", free=size_text(found.available), total=size_text(found.total))
    if found.available < SCARCE:
        cure = say("End other programs or add memory: a small run with its pages needs {size}.", size=size_text(LITTLE))
        return wrong("Memory", sentence, cure)
    if found.available < LITTLE:
        return look("Memory", sentence, "It is enough for small networks alone; larger runs are refused with the figures.")
    return right("Memory", sentence)


def cores(allowed: int, quota: float | None) -> Finding:
    """`quota` is the processor time that a container may take, in cores; None without such a limit."""
    if quota is not None and quota < allowed - 0.01:
        text = N_("{count} cores can be seen, but the container may take the time of {quota:g}: threads wait for each other.")
        cure = N_(
            "Give it cores instead of time (docker run --cpuset-cpus, systemd's AllowedCPUs), or set OMP_NUM_THREADS={threads}."
        )
        return look("CPU", say(text, count=allowed, quota=quota), say(cure, threads=max(1, int(quota))))
    sentence = nsay("{count} core.", "{count} cores.", allowed, count=allowed)
    if allowed == 1:
        return look("CPU", sentence, "Pages wait while a run trains; two cores or more are better for a class.")
    return right("CPU", sentence)


def clock(now: float | None = None, elapsed: tuple[float, float] | None = None, newest: float | None = None) -> Finding:
    """`now` in seconds since 1970; `elapsed` by the wall clock and the monotonic one; `newest` is when the record was written."""
    now = time.time() if now is None else now
    wall, steady = elapsed or _elapsed()
    day = datetime.fromtimestamp(now, UTC)
    minute = f"{day:%Y-%m-%d %H:%M}"
    cure = N_("Let it be set from the network (timedatectl set-ntp true), and look again.")
    if day.year < FIRST_YEAR:
        shown = f"{day:%Y-%m-%d}"
        return wrong("Clock", say("It shows {day}, before the packages of this lab were made.", day=shown), cure)
    if steady < 0 or abs(wall - steady) > _JUMP:
        text = N_("It moved by {wall} s while {steady:.1f} s went by: something sets it.")
        return look("Clock", say(text, wall=f"{wall:+.1f}", steady=steady), cure)
    if newest is not None and newest > now + 60:
        text = N_("It shows {time} UTC, and the record of runs was written later than that.")
        return look("Clock", say(text, time=minute), cure)
    return right("Clock", say("{time} UTC.", time=minute))


def _elapsed() -> tuple[float, float]:
    wall, steady = time.time(), time.monotonic()
    time.sleep(_PAUSE)
    return time.time() - wall, time.monotonic() - steady


def time_zone(name: str | None = None, offset: int | None = None) -> Finding:
    """`offset` in seconds east of UTC."""
    local = time.localtime()
    name, offset = name or local.tm_zone, local.tm_gmtoff if offset is None else offset
    shown = f"{'-' if offset < 0 else '+'}{abs(offset) // 3600:02}:{abs(offset) % 3600 // 60:02}"
    sentence = say("Times are those of {name} ({offset}); the last day of a class ends by it.", name=name, offset=shown)
    if offset == 0 and name in ("UTC", "GMT", "Etc/UTC"):
        return look("Time zone", sentence, "Elsewhere: timedatectl set-timezone Europe/Lisbon, or TZ in the service's environment.")
    return right("Time zone", sentence)


def open_files(problem: str | None = None) -> Finding:
    """`problem` is what `allow_many_files` answers."""
    problem = processes.allow_many_files() if problem is None else problem
    if problem:
        cure = say("In the service of docs/HOSTING.md: LimitNOFILE={count}.", count=processes.MANY_FILES)
        return look("Open files", problem, cure)
    return right("Open files", say("At least {count:,} at a time, enough for a class.", count=processes.ENOUGH_FILES))


def fonts(platform: str = sys.platform, listed: str | None = None) -> Finding:
    """Fonts with Chinese on Linux; `listed` is what fc-list prints for it. Pages take the fonts of the browser's machine."""
    if platform != "linux":
        return right("Fonts", "Chinese comes with this system.")
    if listed is None:
        if not (program := shutil.which("fc-list")):
            return right("Fonts", "This machine lists none (no fc-list); browsers bring their own.")
        listed = _output([program, ":lang=zh", "family"])
    if listed.strip():
        return right("Fonts", say("Chinese is there: {font}.", font=listed.strip().splitlines()[0][:60]))
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
