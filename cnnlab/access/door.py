"""The entrance of one lab: it knows the class as it is now, who a request comes from, and who may sign in.

The server asks it for every request, so all but signing in takes microseconds: a `stat` of the class's file, and a look into
memory.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Literal
from urllib.parse import quote, unquote

from cnnlab.access import classes, codes, joining
from cnnlab.access.classes import Class, Member
from cnnlab.access.hosts import within
from cnnlab.access.lockout import FREE_FOR_A_PASSWORD, FREE_FOR_A_PERSON, FREE_FOR_AN_ADDRESS, Lockout
from cnnlab.access.roles import Person, Role, tidy
from cnnlab.access.school import School, plain_email, read_secret
from cnnlab.access.sessions import Session, Sessions
from cnnlab.errors import NotAllowed, StoreError
from cnnlab.i18n import say

# From the gate to the pages; what a browser sends under this name is dropped. Streamlit shows it as `st.user[USER_KEY]`.
HEADER, USER_KEY = "x-cnnlab-person", "cnnlab"

Problem = Literal["", "wrong", "wait", "over", "closed", "unverified", "unknown", "left"]
_PASSWORDS = "password"  # the person for whom wrong passwords count


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of an attempt to sign in: a cookie, a ticket to choose a name with, or a problem."""

    problem: Problem = ""
    cookie: str = ""
    seconds: float = 0.0  # until the cookie ends, or to wait
    ticket: str = ""


class Door:
    """Safe to share between threads. `local` says whether only this machine can reach the server, or that a login was waived."""

    def __init__(
        self, home: Path, *, local: bool = True, clock: Callable[[], float] = time.time, note: Callable[..., None] | None = None
    ) -> None:  # fmt: skip
        self._home = home
        self._local = local
        self._clock = clock
        self._note = note or (lambda *_words, **_more: None)  # who signs in and out, for the log
        self._file = classes.file_of(home)
        self._stamp: tuple[int, ...] | None = None
        self._class: Class | None = None
        self._members: dict[str, Member] = {}
        self._broken: StoreError | None = None
        self._had_class = False
        self._sessions: Sessions | None = None
        self._lockout = Lockout()
        self._lock = threading.Lock()  # held while the class or the key is read

    def group(self) -> Class | None:
        """The class as its file is now; None where there is none. Raises StoreError for one that cannot be read."""
        try:
            found = self._file.stat()
            stamp = found.st_mtime_ns, found.st_size, found.st_ino
        except OSError:
            stamp = None
        if stamp != self._stamp:
            with self._lock:
                if stamp != self._stamp:  # another thread may have read it meanwhile
                    self._read(stamp)
        if self._broken:
            raise self._broken
        return self._class

    def is_open(self) -> bool:
        """Whether everybody comes in as a guest: a lab that never had a class, on this machine alone or by its host's word.

        Where the file of a class disappears, the lab stays closed until it is started again. Raises StoreError.
        """
        return self.group() is None and self._local and not self._had_class

    def trusts_proxy(self) -> bool:
        """Whether a proxy says who asks, so that signing out is its job."""
        group = self.group()
        return group is not None and group.proxy is not None

    def cookie_name(self) -> str:
        """Of this class: browsers send the cookies of all servers of a machine, whatever their port."""
        return f"cnnlab_{self._class.id}" if self._class else "cnnlab_session"

    def person(self, cookie: str | None, peer: str, header: Callable[[str], list[bytes]]) -> Person | None:
        """Who a request comes from; None for a stranger. `header` gives the values of a header. Raises StoreError."""
        group = self.group()
        if group is None:
            return Person() if self.is_open() else None
        if group.proxy and within(peer, group.proxy.addresses):
            return self._named_by_proxy(group, header(group.proxy.header))
        member = self._member_of(self._session(cookie))
        return group.person(member) if member else None

    def sign_in(self, typed: str, address: str, *, password: bool = False) -> Answer:
        """Verifies a code, or a `password` of a teacher. Takes 50 ms of a processor. Raises StoreError."""
        group = self.group()
        if group is None:
            return Answer("closed")
        typed = typed.strip()[: codes.LONGEST_SECRET]
        finder = None if password else codes.finder_of(typed)
        found = next((member for member in group.members if finder and member.finder == finder), None)
        of = found.name if found else ""
        by_password = found is None and (password or (finder is None and bool(group.password)))
        key, free = (_PASSWORDS, FREE_FOR_A_PASSWORD) if by_password else (f"nobody at {address}", FREE_FOR_AN_ADDRESS)
        if found:
            key, free = found.id, FREE_FOR_A_PERSON
        if wait := self._lockout.attempt(key, address, free):
            return Answer("wait", seconds=wait)
        if found is None and password:
            found = next((each for each in group.members if each.hash and not each.finder and _opens(each, typed)), None)
        elif found and not codes.fits(found.hash, typed):
            found = None
        elif found is None and by_password and codes.fits(group.password, typed, code=False):
            self._lockout.right(key, address)
            return Answer("over") if self._is_over(group, Role.STUDENT) else Answer(ticket=self._opened().ticket())
        if found is None:
            self._note("", "sign in", whose=of, refused=True, note=address)
            return Answer("wrong")
        self._lockout.right(key, address)
        return self._let_in(group, found)

    def school(self) -> School | None:
        """The sign-in of a school that this class uses. Raises StoreError."""
        group = self.group()
        return group.school if group else None

    def school_secret(self) -> str:
        """The lab's secret there. Raises StoreError where there is none."""
        return read_secret(self._home)

    def sign_in_by_school(self, claims: Mapping[str, object]) -> Answer:
        """Signs in by what a school says of a person, once that is verified. Raises ConfigError for a full class, StoreError."""
        group = self.group()
        if group is None or group.school is None:
            return Answer("closed")
        email = joining.verified_email(group.school, claims)
        member = joining.member_with(group, email)
        if member is None:
            role = joining.role_of(group, email) if email else "unverified"
            if not isinstance(role, Role):
                self._note("", "sign in", refused=True, note=plain_email(claims.get("email")))
                return Answer(role)
            if self._is_over(group, role):
                return Answer("over")
            # The class as it is then: a command may have changed it meanwhile.
            group = classes.update(self._home, lambda now: joining.joined(now or group, email, claims.get("name"), role))
            member = joining.member_with(group, email)
        return self._let_in(group, member) if member else Answer("closed")

    def sealed(self, content: object, seconds: float) -> str:
        """A text for a browser to keep that only this lab can make, and `unsealed` reads for so long."""
        return self._opened().sealed(content, seconds)

    def unsealed(self, text: str | None) -> Any:
        """The content; None for a forged or an old text."""
        return self._opened().unsealed(text) if text else None

    def choose(self, ticket: str, member_id: str) -> Answer:
        """Signs in under a name of the class, after its password. Raises StoreError."""
        group = self.group()
        member = self._members.get(member_id)
        if group is None or not group.password or not self._opened().is_ticket(ticket):
            return Answer("closed")
        return self._let_in(group, member) if member and member in self.names() else Answer("wrong")

    def names(self) -> tuple[Member, ...]:
        """Those who choose their name after the class's password."""
        group = self.group()
        without = (member for member in group.members if not member.hash and not member.email) if group else ()
        return tuple(sorted(without, key=lambda member: member.name.casefold()))

    def sign_out(self, cookie: str | None) -> None:
        if session := self._session(cookie):
            self._opened().end(session)
            if member := self._members.get(session.person):
                self._note(member.name, "sign out")

    def person_in(self, header: str | None) -> Person:
        """The person whom `in_header` wrote down, with the class's settings as they are now. Raises NotAllowed, StoreError."""
        if (group := self.group()) is None and self.is_open():
            return Person()
        try:
            name, role = json.loads(unquote(header or ""))
            return group.person_called(str(name), Role(role)) if group else Person(str(name), Role(role))
        except (ValueError, TypeError) as error:
            raise NotAllowed(say("You are not signed in: reload the page.")) from error

    def _read(self, stamp: tuple[int, ...] | None) -> None:
        """Replaces what is known only when all is read: other threads ask meanwhile, and nobody would be a member of no class."""
        group, broken = None, None
        try:
            group = classes.load(self._home)
        except StoreError as error:
            broken = error
        self._had_class = self._had_class or group is not None or broken is not None
        self._members = {member.id: member for member in group.members} if group else {}
        self._class, self._broken, self._stamp = group, broken, stamp

    def _opened(self) -> Sessions:
        with self._lock:  # two that began together at a lab's first sign-in would draw a key each
            if self._sessions is None:
                self._sessions = Sessions(self._home, self._clock)
            return self._sessions

    def _session(self, cookie: str | None) -> Session | None:
        return self._opened().read(cookie) if cookie else None

    def _member_of(self, session: Session | None) -> Member | None:
        member = self._members.get(session.person) if session else None
        return member if member and self._class and not self._is_over(self._class, member.role) else None

    def _named_by_proxy(self, group: Class, values: list[bytes]) -> Person | None:
        if group.proxy is None or len(values) != 1:  # two: one of them may be the visitor's own
            return None
        try:
            name = tidy(unquote(values[0].decode("utf-8")))
        except UnicodeDecodeError:
            name = tidy(values[0].decode("latin-1"))
        if not name:
            return None
        known = next((member for member in group.members if member.name.casefold() == name.casefold()), None)
        role = Role.TEACHER if name in group.proxy.teachers else known.role if known else Role.STUDENT
        return None if self._is_over(group, role) else group.person_called(known.name if known else name, role)

    def _let_in(self, group: Class, member: Member) -> Answer:
        if self._is_over(group, member.role):
            return Answer("over")
        self._note(member.name, "sign in")
        seconds = group.hours * 3600.0
        return Answer(cookie=self._opened().cookie(member.id, seconds), seconds=seconds)

    def _is_over(self, group: Class, role: Role) -> bool:
        return group.until is not None and not group.open_to(role, datetime.fromtimestamp(self._clock()).date())


def in_header(person: Person) -> bytes:
    """A verified person as the value of a header, which carries them from the server to the pages."""
    return quote(json.dumps([person.name, person.role])).encode()


def _opens(member: Member, typed: str) -> bool:
    return codes.fits(member.hash, typed, code=False)


_installed: list[Door] = []


def install(door: Door) -> None:
    """Makes this the door of the process, which pages ask."""
    _installed[:] = [door]


def installed() -> Door | None:
    """The door of this process; None in one that serves pages without it."""
    return _installed[0] if _installed else None
