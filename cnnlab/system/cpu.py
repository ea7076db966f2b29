"""The CPU as a device, for processes with and without torch."""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from pathlib import Path

from cnnlab.system import gpus


def title() -> str:
    # A container may have fewer cores than the machine; only Linux reports that.
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return f"CPU, {cores} core{'' if cores == 1 else 's'}"


def is_alone() -> bool:
    """True where no other device can be here, as files and the system's name say: neither an NVIDIA GPU nor Apple's."""
    return sys.platform != "darwin" and not gpus.may_be_here()


def quota(proc: Path = Path("/proc"), cgroup: Path = Path("/sys/fs/cgroup")) -> float | None:
    """The processor time that this process's control groups may take, in cores; None without a limit, or where none is reported."""
    try:
        lines = (proc / "self" / "cgroup").read_text(encoding="utf-8").splitlines()
    except OSError:
        return None
    found = []
    for line in lines:
        _, _, rest = line.partition(":")
        kinds, _, path = rest.partition(":")
        if kinds != "" and "cpu" not in kinds.split(","):
            continue
        root = cgroup / "cpu" if kinds else cgroup
        inside = root / path.strip("/")
        for folder in (inside, *inside.parents):  # in a container the path may be the host's, while the files are at the root
            if folder == root.parent:
                break
            found.append(_quota_of(folder))
    return min((cores for cores in found if cores), default=None)


def _quota_of(folder: Path) -> float | None:
    with suppress(OSError, ValueError, ZeroDivisionError):
        most, period = (folder / "cpu.max").read_text(encoding="ascii").split()
        return int(most) / int(period)  # "max" is no number: no limit
    with suppress(OSError, ValueError, ZeroDivisionError):
        most, period = ((folder / f"cpu.cfs_{name}_us").read_text(encoding="ascii") for name in ("quota", "period"))
        return int(most) / int(period) if int(most) > 0 else None
    return None
