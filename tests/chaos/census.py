"""Which processes a lab has, found out without asking the lab."""

import os
import signal
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from cnnlab.compute.wire import Address
from cnnlab.system import background


@dataclass(slots=True)
class Census:
    """Process ids by what they do. A runner is known by the log that it writes to; who is neither is a newcomer."""

    visitors: list[int] = field(default_factory=list)
    dispatchers: list[int] = field(default_factory=list)
    helpers: list[int] = field(default_factory=list)
    runners: dict[str, list[int]] = field(default_factory=dict)
    newcomers: list[int] = field(default_factory=list)

    @property
    def roles(self) -> dict[str, list[int]]:
        """The roles that somebody plays; "everything" is all of them."""
        runners = [pid for pids in self.runners.values() for pid in pids]
        found = {
            "visitor": self.visitors,
            "dispatcher": self.dispatchers,
            "helper": self.helpers,
            "runner": runners,
            "newcomer": self.newcomers,
        }
        found["everything"] = [pid for pids in found.values() for pid in pids]
        return {role: pids for role, pids in found.items() if pids}


def census(home: Path) -> Census:
    """All living processes that have the home on their command line, which a fork inherits."""
    found = Census()
    dispatcher = background.known(home)[0]
    address = Address.read(home)
    for pid in psutil.pids():
        try:
            process = psutil.Process(pid)
            command = process.cmdline()
            if str(home) not in command or process.status() == psutil.STATUS_ZOMBIE:
                continue
            output = Path(f"/proc/{pid}/fd/1").readlink()
        except (psutil.NoSuchProcess, psutil.AccessDenied, FileNotFoundError, ProcessLookupError, PermissionError):
            continue  # it has ended while we looked, or is not ours
        if "tests.chaos.visitor" in command:
            found.visitors.append(pid)
        elif output.parent.parent == home / "runs":
            found.runners.setdefault(output.parent.name, []).append(pid)
        elif pid == dispatcher:
            found.dispatchers.append(pid)
        elif address is not None and pid == address.pid:
            found.helpers.append(pid)
        else:
            found.newcomers.append(pid)
    return found


def kill(pids: list[int]) -> int:
    """SIGKILL, which nobody can catch; returns how many were still there."""
    killed = 0
    for pid in pids:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            continue  # it was quicker
        killed += 1
    return killed
