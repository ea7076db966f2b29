"""How much memory there is for programs: the machine's, or the container's where that is less. Needs nothing but the system."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

_PROC = Path("/proc")
_CGROUP = Path("/sys/fs/cgroup")


@dataclass(frozen=True, slots=True)
class Memory:
    total: int  # bytes
    available: int  # bytes that can still be taken before the system has to end a process; swap counts


def memory(proc: Path = _PROC, cgroup: Path = _CGROUP) -> Memory | None:
    """What this process may use; None where the system does not say (all but Linux)."""
    try:
        lines = (proc / "meminfo").read_text(encoding="ascii").splitlines()
        named = {name: int(value.split()[0]) * 1024 for name, _, value in (line.partition(":") for line in lines)}
        found = Memory(named["MemTotal"], named["MemAvailable"] + named["SwapFree"])
    except (OSError, KeyError, ValueError, IndexError):
        return None
    for bound in _bounds(proc, cgroup):
        found = Memory(min(found.total, bound.total), min(found.available, bound.available))
    return found


def total() -> int | None:
    """Bytes of memory, swap not counted; None where the system does not say."""
    if known := memory():
        return known.total
    if not hasattr(os, "sysconf"):
        return None  # Windows
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def _bounds(proc: Path, cgroup: Path) -> list[Memory]:
    """Of the control groups that this process is in, version 1 or 2, up to the outermost that can be seen."""
    try:
        lines = (proc / "self" / "cgroup").read_text(encoding="utf-8").splitlines()
    except OSError:
        return []
    found = []
    for line in lines:
        _, _, rest = line.partition(":")
        kinds, _, path = rest.partition(":")
        if kinds == "":
            root, most, used = cgroup, "memory.max", "memory.current"
        elif "memory" in kinds.split(","):
            root, most, used = cgroup / "memory", "memory.limit_in_bytes", "memory.usage_in_bytes"
        else:
            continue
        inside = root / path.strip("/")
        # In a container the path may be the host's, and the files those of the root.
        for folder in (inside, *inside.parents):
            if folder == root.parent:
                break
            if bound := _bound(folder, most, used):
                found.append(bound)
    return found


def _bound(folder: Path, most: str, used: str) -> Memory | None:
    try:
        limit, taken = int((folder / most).read_text(encoding="ascii")), int((folder / used).read_text(encoding="ascii"))
        statistics = dict(line.split() for line in (folder / "memory.stat").read_text(encoding="ascii").splitlines())
    except (OSError, ValueError):
        return None  # no such group here, or one without a limit ("max")
    # Files that the system has read and may forget count as taken.
    forgettable = int(statistics.get("total_inactive_file", statistics.get("inactive_file", 0)))
    return Memory(limit, max(0, limit - taken + forgettable))
