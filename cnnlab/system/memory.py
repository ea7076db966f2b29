"""Memory that programs may use: the machine's, or the container's where that is less."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

_PROC = Path("/proc")
_CGROUP = Path("/sys/fs/cgroup")


@dataclass(frozen=True, slots=True)
class Memory:
    total: int  # bytes
    available: int  # bytes, with swap, before the system has to kill a process


def memory(proc: Path = _PROC, cgroup: Path = _CGROUP) -> Memory | None:
    """Memory that this process may use; None where the system does not report it (all but Linux)."""
    try:
        lines = (proc / "meminfo").read_text(encoding="ascii").splitlines()
        named = {name: int(value.split()[0]) * 1024 for name, _, value in (line.partition(":") for line in lines)}
        machine = Memory(named["MemTotal"], named["MemAvailable"] + named["SwapFree"])
    except (OSError, KeyError, ValueError, IndexError):
        return None
    limits = [machine, *_bounds(proc, cgroup)]
    return Memory(min(limit.total for limit in limits), min(limit.available for limit in limits))


def total() -> int | None:
    """Bytes of memory without swap; None where the system does not report it."""
    if known := memory():
        return known.total
    if not hasattr(os, "sysconf"):
        return None  # Windows
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def _bounds(proc: Path, cgroup: Path) -> list[Memory]:
    """The limits of this process's control groups (version 1 or 2), up to the outermost visible one."""
    try:
        lines = (proc / "self" / "cgroup").read_text(encoding="utf-8").splitlines()
    except OSError:
        return []
    bounds = []
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
        # In a container the path may be the host's, while the files are at the root.
        for folder in (inside, *inside.parents):
            if folder == root.parent:
                break
            if bound := _bound(folder, most, used):
                bounds.append(bound)
    return bounds


def _bound(folder: Path, most: str, used: str) -> Memory | None:
    try:
        limit, taken = int((folder / most).read_text(encoding="ascii")), int((folder / used).read_text(encoding="ascii"))
        statistics = dict(line.split() for line in (folder / "memory.stat").read_text(encoding="ascii").splitlines())
    except (OSError, ValueError):
        return None  # no such group, or no limit ("max")
    # The usage includes cached files, which the system can evict.
    evictable = int(statistics.get("total_inactive_file", statistics.get("inactive_file", 0)))
    return Memory(limit, max(0, limit - taken + evictable))
