"""A lab's processes, read from the system and not from the lab."""

import os
import signal
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from cnnlab.compute.wire import Address
from cnnlab.system import background


@dataclass(slots=True)
class Census:
    """Process ids by role. A runner is recognised by its log; a process without a known role is a newcomer."""

    visitors: list[int] = field(default_factory=list)
    dispatchers: list[int] = field(default_factory=list)
    helpers: list[int] = field(default_factory=list)
    runners: dict[str, list[int]] = field(default_factory=dict)
    newcomers: list[int] = field(default_factory=list)

    @property
    def roles(self) -> dict[str, list[int]]:
        """The roles that have processes; "everything" is all of them."""
        runners = [pid for pids in self.runners.values() for pid in pids]
        roles = {
            "visitor": self.visitors,
            "dispatcher": self.dispatchers,
            "helper": self.helpers,
            "runner": runners,
            "newcomer": self.newcomers,
        }
        roles["everything"] = [pid for pids in roles.values() for pid in pids]
        return {role: pids for role, pids in roles.items() if pids}


def census(home: Path) -> Census:
    """All processes with the home on their command line, which forks inherit."""
    found = Census()
    dispatcher = background.known(home).pid
    address = Address.read(home)
    for pid in psutil.pids():
        try:
            process = psutil.Process(pid)
            command = process.cmdline()
            if str(home) not in command or process.status() == psutil.STATUS_ZOMBIE:
                continue
            output = Path(f"/proc/{pid}/fd/1").readlink()
        except (psutil.NoSuchProcess, psutil.AccessDenied, FileNotFoundError, ProcessLookupError, PermissionError):
            continue  # it has ended, or belongs to another user
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
    """Sends SIGKILL and returns the number of processes that still ran."""
    killed = 0
    for pid in pids:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            continue  # it has already ended
        killed += 1
    return killed
