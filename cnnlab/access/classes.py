"""A class: its people, their roles and its settings, as `class.json` in the lab's home keeps them.

Codes and passwords are hashes there. Commands write the file while the lab runs; each change replaces it in one step.
"""

from __future__ import annotations

import ipaddress
import secrets
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Literal

from filelock import FileLock, Timeout
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from cnnlab.access import codes
from cnnlab.access.roles import LONGEST_NAME, Person, Role, tidy
from cnnlab.access.school import School
from cnnlab.errors import ConfigError, StoreError
from cnnlab.i18n import N_, say
from cnnlab.system import disk
from cnnlab.system.home import private_folder, write_private
from cnnlab.text import shortened

FILE = "class.json"
MOST_MEMBERS = 2_000
MOST_BYTES = 4_000_000
BUSY_SECONDS = 10.0  # that a change waits for another one

Others = Literal["all", "own"]
Names = Literal["full", "initials"]


class Member(BaseModel):
    """One person of a class."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str = Field(min_length=1, max_length=40)  # new with each new code, so that old cookies end
    name: str = Field(min_length=1, max_length=LONGEST_NAME)
    role: Role = Role.STUDENT
    finder: str = ""  # the first group of the code; "" for a password, and where the class has one for all
    hash: str = ""
    email: str = Field("", max_length=254)  # by which the sign-in of the school finds them, as `school.plain_email` writes it


class Former(BaseModel):
    """A person who was removed: nobody comes in with this address by themselves, or gets this name and with it their runs."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    email: str = ""


class Proxy(BaseModel):
    """A proxy in front of the lab that has verified who asks, and names them in a header."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    header: str = Field(pattern=r"^[A-Za-z][A-Za-z0-9-]{0,60}$")
    addresses: tuple[str, ...] = Field(min_length=1)  # from which the header is believed
    teachers: tuple[str, ...] = ()

    @field_validator("addresses")
    @classmethod
    def _are_addresses(cls, addresses: tuple[str, ...]) -> tuple[str, ...]:
        for address in addresses:
            try:
                ipaddress.ip_network(address)
            except ValueError:
                text = N_("{typed!r} is no IP address or network, such as 127.0.0.1 or 10.0.0.0/24")
                raise ValueError(say(text, typed=address[:60])) from None
        return addresses


class Class(BaseModel):
    """All of it. Changing makes a new one."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str = Field(pattern=r"^[0-9a-f]{12}$")  # names the cookie
    name: str = Field(min_length=1, max_length=80)
    address: str = Field("", max_length=300)  # that students type; "" is that of this machine in its network
    until: date | None = None  # the last day for students and observers
    hours: int = Field(12, ge=1, le=24 * 365)  # until a browser has to sign in again
    others: Others = "all"  # which runs a student sees
    names: Names = "full"  # how students and observers read the names of others
    password: str = ""  # the hash of one password for all students, who then choose their name
    proxy: Proxy | None = None
    school: School | None = None
    former: tuple[Former, ...] = ()
    members: tuple[Member, ...] = Field((), max_length=MOST_MEMBERS)

    def member(self, member_id: str) -> Member | None:
        return next((member for member in self.members if member.id == member_id), None)

    def named(self, name: str) -> Member:
        """Raises ConfigError where the class has nobody of this name."""
        for member in self.members:
            if member.name.casefold() == tidy(name).casefold():
                return member
        text = N_("The class has nobody called {name}: `class list` prints its names.")
        raise ConfigError(say(text, name=shortened(name)), "name")

    def open_to(self, role: Role, today: date) -> bool:
        """Whether people of this role still come in."""
        return role is Role.TEACHER or self.until is None or today <= self.until

    def person(self, member: Member) -> Person:
        return self.person_called(member.name, member.role)

    def person_called(self, name: str, role: Role) -> Person:
        apart = role is Role.STUDENT and self.others == "own"
        return Person(name, role, apart=apart, initials=role is not Role.TEACHER and self.names == "initials")

    def with_member(self, name: str, role: Role, *, password: str = "", email: str = "") -> tuple[Class, str]:
        """The class with one more person, and their code: "" where they have a password or an address. Raises ConfigError."""
        name = tidy(name)
        if not name:
            raise ConfigError(say("A person of a class needs a name with at least one letter."), "name")
        if any(member.name.casefold() == name.casefold() for member in self.members):
            text = N_("The class has {name} already: give the second one another name.")
            raise ConfigError(say(text, name=shortened(name)), "name")
        if len(self.members) >= MOST_MEMBERS:
            raise ConfigError(say("A class has at most {count:,} people.", count=MOST_MEMBERS), "name")
        if email:
            member, code = Member(id=secrets.token_hex(6), name=name, role=role, email=email), ""
        else:
            member, code = self._drawn(name, role, password)
        former = tuple(each for each in self.former if each.name.casefold() != name.casefold())
        return self.model_copy(update={"members": (*self.members, member), "former": former}), code

    def without(self, name: str) -> Class:
        """Raises ConfigError where the class has nobody of this name."""
        gone = self.named(name)
        former = (*self.former, Former(name=gone.name, email=gone.email))[-MOST_MEMBERS:]
        members = tuple(member for member in self.members if member is not gone)
        return self.model_copy(update={"members": members, "former": former})

    def reset(self, name: str, *, password: str = "") -> tuple[Class, str]:
        """The class with a new code for a person, whose browsers must sign in again. Raises ConfigError."""
        old = self.named(name)
        new, code = self._drawn(old.name, old.role, password)
        new = new.model_copy(update={"email": old.email})
        return self.model_copy(update={"members": tuple(new if member is old else member for member in self.members)}), code

    def _drawn(self, name: str, role: Role, password: str) -> tuple[Member, str]:
        person = {"id": secrets.token_hex(6), "name": name, "role": role}
        if password:
            return Member(**person, hash=codes.hashed(checked(password), code=False)), ""
        if self.password and role is Role.STUDENT:
            return Member(**person), ""
        code = codes.new_code({member.finder for member in self.members})
        return Member(**person, finder=code[: codes.GROUP], hash=codes.hashed(code)), code


def new_class(name: str, **settings: object) -> Class:
    """A class without people. Raises ConfigError for a wrong setting."""
    return _valid({"id": secrets.token_hex(6), "name": tidy(name), **settings})


def changed(group: Class, **settings: object) -> Class:
    """The class with other settings. Raises ConfigError for a wrong one."""
    return _valid(group.model_dump() | settings)


def checked(password: str) -> str:
    """The password. Raises ConfigError for one that is too short or too long, or reads as a code."""
    if not codes.SHORTEST_PASSWORD <= len(password) <= codes.LONGEST_SECRET:
        text = N_("A password has {least} to {most} characters, not {count:,}.")
        limits = {"least": codes.SHORTEST_PASSWORD, "most": codes.LONGEST_SECRET}
        raise ConfigError(say(text, count=len(password), **limits), "password")
    if codes.finder_of(password):
        raise ConfigError(say("This password has the form of a student's code: choose another."), "password")
    return password


def file_of(home: Path) -> Path:
    return home / FILE


def load(home: Path) -> Class | None:
    """The class of this lab; None where it has none. Raises StoreError where the file cannot be read."""
    path = file_of(home)
    try:
        if path.stat().st_size > MOST_BYTES:
            raise ValueError("it is too large")
        return Class.model_validate_json(disk.read(path))
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        reason = _first(error) if isinstance(error, ValidationError) else str(error)
        raise StoreError(
            say(
                "The file of the class, {file} in the lab's folder, cannot be read ({reason}), so nobody comes in: "
                "put a copy of it back, or make the class again with `python -m cnnlab class new --replace`.",
                file=FILE,
                reason=reason,
            )
        ) from error


def save(home: Path, group: Class) -> None:
    """Replaces the file, which only this user can read. Raises StoreError."""
    _replace(home, lambda: group)


def update(home: Path, change: Callable[[Class | None], Class]) -> Class:
    """Changes the class as it is at this moment, one process after the other. Raises StoreError."""
    return _replace(home, lambda: change(load(home)))


def _replace(home: Path, make: Callable[[], Class]) -> Class:
    try:
        with FileLock(private_folder(home) / "class.lock", timeout=BUSY_SECONDS):
            group = make()
            write_private(file_of(home), group.model_dump_json(indent=1))
    except Timeout:
        raise StoreError(say("The class is being changed by another program: try again in a moment.")) from None
    except OSError as error:
        text = N_("The class cannot be written ({reason}): free some space, or make the folder yours.")
        raise StoreError(say(text, reason=error.strerror)) from error
    return group


def _valid(values: dict[str, object]) -> Class:
    try:
        return Class.model_validate(values)
    except ValidationError as error:
        text = say("The class cannot be made: {reason}.", reason=_first(error))
        raise ConfigError(text, str(error.errors()[0]["loc"][0])) from error


def _first(error: ValidationError) -> str:
    problem = error.errors()[0]
    return f"{'.'.join(map(str, problem['loc']))}: {problem['msg'].removeprefix('Value error, ')}"
