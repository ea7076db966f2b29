"""The server's settings, as Streamlit will read them: its port, who reaches it, who may come in, and its proxy."""

from __future__ import annotations

import errno
import ipaddress
import os
import socket
import sys
import tomllib
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any, NamedTuple

import psutil

from cnnlab.access import classes
from cnnlab.access.classes import Class
from cnnlab.access.hosts import is_loopback
from cnnlab.access.roles import Role
from cnnlab.access.starting import WAIVED, login_waived, start_problem
from cnnlab.doctor.findings import Finding, look, right, wrong
from cnnlab.errors import ConfigError, StoreError
from cnnlab.i18n import N_, nsay, say
from cnnlab.system.home import PACKAGE
from cnnlab.text import shortened

FOLDER = PACKAGE.parent / ".streamlit"
PORT = 8501  # Streamlit's default
_WIDE = 65_536  # addresses; a network with more is hardly one's own proxies


@dataclass(frozen=True, slots=True)
class Server:
    """Where the server listens, and the names under which it answers."""

    address: str | None = "localhost"  # None is every address of this machine
    port: int = PORT
    allowed: tuple[str, ...] = ()


def server(
    address: str = "", port: int = 0, environ: Mapping[str, str] = os.environ, folders: tuple[Path, ...] | None = None
) -> Server:
    """Options of this command come first, then the environment, then the lab's file of settings and the user's.

    Raises ConfigError for a file or a port that Streamlit could not read.
    """
    files = [folder / "config.toml" for folder in folders or (FOLDER, Path("~/.streamlit").expanduser())]
    known: dict[str, Any] = {}
    for file in reversed(files):
        try:
            known |= tomllib.loads(file.read_text(encoding="utf-8")).get("server", {})
        except FileNotFoundError:
            continue
        except (OSError, ValueError) as error:
            raise ConfigError(say("{name} cannot be read: {reason}.", name=file, reason=shortened(error, quoted=False))) from error
    for key, name in (("address", "ADDRESS"), ("port", "PORT"), ("allowedHosts", "ALLOWED_HOSTS")):
        if given := environ.get(f"STREAMLIT_SERVER_{name}"):
            known[key] = given
    number = port or known.get("port", PORT)
    if not str(number).isdigit() or not 0 < int(number) < 65_536:
        raise ConfigError(say("The server's port is {value}, and a port is a number from 1 to 65,535.", value=shortened(number)))
    hosts = known.get("allowedHosts", ())
    return Server(address or known.get("address"), int(number), tuple(hosts.split() if isinstance(hosts, str) else hosts))


def listens(where: Server, home: Path) -> Finding:
    """Whether the port is free, or the lab's own."""
    other = say("Stop that, or start the lab with --server.port {port}.", port=where.port + 1 if where.port < 65_535 else PORT)
    place = where.address or N_("all addresses")
    if where.address and where.address.startswith(("unix:", "/")):
        return right("Port", say("The server listens on a socket file ({file}).", file=where.address))
    try:
        places = socket.getaddrinfo(where.address, where.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        for family, kind, protocol, _name, place in places:
            with socket.socket(family, kind, protocol) as tried:
                if sys.platform != "win32":  # as servers do: a connection of before does not hold the port
                    tried.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                if family == socket.AF_INET6:
                    tried.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
                tried.bind(place)
            break  # Streamlit takes the first
    except OSError as error:
        if error.errno != errno.EADDRINUSE:
            roots = N_("Ports below 1,024 are root's: put a proxy in front.")
            cure = roots if where.port < 1_024 else N_("Correct --server.address.")
            text = N_("The server cannot listen at {place}:{port} ({reason}).")
            return wrong("Port", say(text, place=place, port=where.port, reason=error.strerror), cure)
        found = listener(where.port)
        if found.is_lab_of(home):
            return right("Port", say("{port}: the lab listens there (process {pid}).", port=where.port, pid=found.pid))
        what = say("the lab of {folder}", folder=found.home) if found.is_lab() else shortened(" ".join(found.command), quoted=False)
        text = N_("{port} is taken by a program of another user.")
        if found.pid:
            text = N_("{port} is taken by process {pid} ({what}).")
        return wrong("Port", say(text, port=where.port, pid=found.pid, what=what), other)
    return right("Port", say("{port} is free.", port=where.port))


class Listener(NamedTuple):
    """The process that listens on a port; without a `pid` where there is none, or where it cannot be seen."""

    pid: int | None = None
    command: tuple[str, ...] = ()
    home: str = ""  # its CNNLAB_HOME

    def is_lab(self) -> bool:
        return any(part.endswith("app.py") for part in self.command) and any("streamlit" in part for part in self.command)

    def is_lab_of(self, home: Path) -> bool:
        """Whether it is the server of this home; one that took its user's own home counts as such."""
        return self.is_lab() and (not self.home or Path(self.home).resolve() == home.resolve())


def listener(port: int) -> Listener:
    """Who listens on a port."""
    with suppress(psutil.Error, OSError):
        for found in psutil.net_connections("tcp"):
            if found.status == psutil.CONN_LISTEN and found.laddr and found.laddr.port == port and found.pid:
                process = psutil.Process(found.pid)
                return Listener(found.pid, tuple(process.cmdline()), process.environ().get("CNNLAB_HOME", ""))
    return Listener()


def as_started(where: Server, command: Sequence[str]) -> Server:
    """The settings with the options on the command line of the lab that runs: they come before files and environment."""
    given: dict[str, list[str]] = {}
    for part, following in zip(command, [*command[1:], ""], strict=True):
        name, equals, value = part.partition("=")
        given.setdefault(name, []).append(value if equals else following)
    address = given.get("--server.address", [where.address])[-1]
    return replace(where, address=address, allowed=tuple(given.get("--server.allowedHosts", where.allowed)))


def reach(where: Server) -> Finding:
    """Who reaches the server, and under which names."""
    names = say("the names {names}", names=", ".join(where.allowed))
    if not where.allowed:
        names = N_("IP addresses and names of this machine")
    if "*" in where.allowed:
        cure = N_("Name the lab in --server.allowedHosts, such as lab.example.org.")
        return look("Reached", "The lab answers to every name, so a foreign page can pose as it.", cure)
    if is_loopback(where.address):
        sentence = say("By programs of this machine alone, under {names}.", names=names)
        behind = N_("Behind a proxy it needs --server.allowedHosts and the proxy's name.")
        return right("Reached", sentence if where.allowed else " ".join((sentence, behind)))
    cure = N_("Put https in front (docs/HOSTING.md) wherever the network is not a classroom's.")
    text = N_("From other machines, at {place}, over plain http, under {names}.")
    return look("Reached", say(text, place=where.address or N_("all addresses"), names=names), cure)


def entrance(home: Path, where: Server, today: date | None = None, secrets: Path = FOLDER / "secrets.toml") -> list[Finding]:
    """The class, or why the server starts without one; the proxy's header; a login of Streamlit's, which is not used."""
    found: list[Finding] = []
    try:
        group = classes.load(home)
    except StoreError as error:
        return [wrong("Class", str(error), N_("A backup has that file: docs/HOSTING.md, “Backup and restore”."))]
    try:
        waived = login_waived()
    except ConfigError as error:
        return [wrong("Class", str(error), say("In the shell that starts the lab: unset {name}.", name=WAIVED))]
    if group is not None:
        found += [_class(group, today or date.today()), *_proxy(group, where)]
    elif problem := start_problem(where.address, has_class=False, waived=waived):
        what, _rest, cure = problem.partition(". ")
        found.append(wrong("Class", what + ".", cure))
    elif waived:
        cure = N_("Make a class: python -m cnnlab class new.")
        found.append(look("Class", "There is none, by CNNLAB_WITHOUT_LOGIN: all who reach the lab may change everything.", cure))
    else:
        found.append(right("Class", "There is none: programs of this machine come in without a login."))
    if _has_login(secrets):
        cure = N_(
            "Let the school's accounts sign people in at the gate: python -m cnnlab class oidc (docs/HOSTING.md, “Four ways in”)."
        )
        found.append(look("Login", "secrets.toml has [auth] for OpenID Connect, which the lab's gate does not use.", cure))
    return found


def _class(group: Class, today: date) -> Finding:
    teachers = sum(member.role is Role.TEACHER for member in group.members) + len(group.proxy.teachers if group.proxy else ())
    if not teachers:
        return look(
            "Class", say("{name} has no teacher.", name=group.name), "Add one: python -m cnnlab class add NAME --role teacher."
        )
    if group.until and group.until < today:
        cure = N_("Let students in again: python -m cnnlab class set --until YYYY-MM-DD.")
        sentence = say("{name} ended on {day}: only teachers come in.", name=group.name, day=f"{group.until:%Y-%m-%d}")
        return look("Class", sentence, cure)
    people = nsay("{count:,} person", "{count:,} people", len(group.members), count=len(group.members))
    last = say("until {day}", day=f"{group.until:%Y-%m-%d}") if group.until else N_("without a last day")
    return right("Class", say("{name}: a class of {people}, {last}.", name=group.name, people=people, last=last))


def _proxy(group: Class, where: Server) -> list[Finding]:
    if group.proxy is None:
        return []
    wide = [each for each in group.proxy.addresses if ipaddress.ip_network(each).num_addresses > _WIDE]
    header = group.proxy.header
    if wide:
        cure = N_("Make the class again with the proxy's own --proxy-address, such as 127.0.0.1.")
        text = N_("{header} is believed from all of {addresses}: people there can name themselves.")
        return [wrong("Proxy", say(text, header=header, addresses=", ".join(wide)), cure)]
    addresses = ", ".join(group.proxy.addresses)
    if not is_loopback(where.address) and any(is_loopback(each) for each in group.proxy.addresses):
        cure = N_("Let the server listen on localhost, where the proxy is.")
        text = N_("{header} is believed from {addresses}, and others can reach the lab past the proxy.")
        return [look("Proxy", say(text, header=header, addresses=addresses), cure)]
    text = N_("{header} is believed from {addresses}; it must drop one that a browser sends.")
    return [right("Proxy", say(text, header=header, addresses=addresses))]


def _has_login(secrets: Path) -> bool:
    try:
        return "auth" in tomllib.loads(secrets.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
