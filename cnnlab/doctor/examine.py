"""Runs every check. One that fails is a finding itself: the others still say what they see."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path

from cnnlab.doctor import devices, executors, machine, packages, school, server
from cnnlab.doctor import home as folder
from cnnlab.doctor.findings import Finding, wrong
from cnnlab.errors import CNNLabError, ConfigError
from cnnlab.i18n import say
from cnnlab.system import gpus
from cnnlab.system.home import default_data
from cnnlab.system.memory import memory

Check = Callable[[], Finding | list[Finding]]


def examine(home: Path, *, quick: bool = False, address: str = "", port: int = 0) -> Iterator[Finding]:
    """The findings in the order of the page, each as soon as it is known. `quick` leaves torch out."""
    limits, allowed = folder.limits(home)
    checks: list[tuple[str, Check]] = [
        ("Python", packages.python),
        ("Packages", packages.packages),
        ("Machine", lambda: machine.all_of_it(memory(), folder.newest(home))),
        ("Home", lambda: folder.owner(home, folder.this_user())),
        ("Disk", lambda: folder.kind_of_disk(home)),
        ("Room", lambda: folder.space(home, default_data(), allowed)),
        ("Record", lambda: folder.record(home)),
        ("Limits", lambda: limits),
        ("Background", lambda: folder.dispatcher(home)),
        ("Server", lambda: _server(home, address, port)),
        ("School", lambda: school.sign_in(home)),
        ("Driver", _driver),
    ]
    if not quick:
        checks.append(("PyTorch", lambda: devices.torch(devices.asked(home), gpu_here=gpus.may_be_here())))
        checks.append(("Executors", lambda: executors.executors(home)))
    for name, check in checks:
        yield from found_by(name, check)


def found_by(name: str, check: Check) -> list[Finding]:
    """What a check finds; a finding that it failed, where it did."""
    try:
        found = check()
    except CNNLabError as error:
        return [wrong(name, str(error), "Correct what it names, and run this command again.")]
    except Exception as error:  # a machine that is broken in a new way is what this command is for
        reason = f"{type(error).__name__}: {error}"
        return [wrong(name, say("This check failed ({reason}).", reason=reason), "Look at what it names, or report it.")]
    return found if isinstance(found, list) else [found]


def _server(home: Path, address: str, port: int) -> list[Finding]:
    try:
        where = server.server(address, port)
    except ConfigError as error:
        return [wrong("Server", str(error), "Correct it: the server does not start.")]
    running = server.listener(where.port)
    if running.is_lab_of(home):
        where = server.as_started(where, running.command)
    return [server.listens(where, home), server.reach(where), *server.entrance(home, where, date.today())]


def _driver() -> Finding:
    here = gpus.may_be_here()
    return devices.driver(here=here, cards=gpus.status() if here else {}, version=devices.driver_version())
