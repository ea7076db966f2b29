"""People, their roles, and the one table of what each role may do with whose runs."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from cnnlab.errors import NotAllowed
from cnnlab.i18n import say

LONGEST_NAME = 60  # characters


class Role(StrEnum):
    GUEST = "guest"  # everyone in a lab without a class, under a name that nothing verifies
    STUDENT = "student"
    TEACHER = "teacher"
    OBSERVER = "observer"


class Action(StrEnum):
    START = "start"  # a run, a download, an import, a range test
    CHANGE = "change"  # stop, pause, resume, extend, rename, note, tag, delete, move in the queue
    SEE = "see"
    TEACH = "teach"  # assignments, the page Class, and all that is done there


class Whose(StrEnum):
    OWN = "own"
    NOBODYS = "nobody's"  # runs without an owner, as the command line makes them
    OTHERS = "others'"


_NONE: frozenset[Whose] = frozenset()
_OWN = frozenset({Whose.OWN})
_EVERY = frozenset(Whose)
_GUESTS = _OWN | {Whose.NOBODYS}
_MAY: Mapping[Role, Mapping[Action, frozenset[Whose]]] = {
    Role.TEACHER: {Action.START: _OWN, Action.CHANGE: _EVERY, Action.SEE: _EVERY, Action.TEACH: _EVERY},
    Role.STUDENT: {Action.START: _OWN, Action.CHANGE: _OWN, Action.SEE: _EVERY, Action.TEACH: _NONE},
    Role.OBSERVER: {Action.START: _NONE, Action.CHANGE: _NONE, Action.SEE: _EVERY, Action.TEACH: _NONE},
    # A guest without a name starts runs that are nobody's.
    Role.GUEST: {Action.START: _GUESTS, Action.CHANGE: _GUESTS, Action.SEE: _EVERY, Action.TEACH: _EVERY},
}


@dataclass(frozen=True, slots=True)
class Person:
    """Who asks. In a class the name is verified; a guest's is as it was typed, "" for none."""

    name: str = ""
    role: Role = Role.GUEST
    apart: bool = False  # a student of a class in which students see their own runs alone
    initials: bool = False  # the names of others are shown to this person as initials

    def may(self, action: Action, owner: str) -> bool:
        """Whether this person may do this with a run of `owner`."""
        whose = Whose.NOBODYS if not owner else Whose.OWN if owner == self.name else Whose.OTHERS
        allowed = _OWN if self.apart and action is Action.SEE else _MAY[self.role][action]
        return whose in allowed

    def shown(self, owner: str) -> str:
        """The owner's name as this person reads it."""
        return initials(owner) if self.initials and owner != self.name else owner

    def check_start(self) -> None:
        """Raises NotAllowed where this person may start nothing."""
        if not self.may(Action.START, self.name):
            raise NotAllowed(say("You are here to look: only students and teachers start and change something."))

    def check_teach(self) -> None:
        """Raises NotAllowed where this person is no teacher."""
        if not self.may(Action.TEACH, self.name):
            raise NotAllowed(say("Only a teacher of this class makes, reads and deletes assignments."))

    def check_lead(self) -> None:
        """Raises NotAllowed where this person is no teacher."""
        if not self.may(Action.TEACH, self.name):
            raise NotAllowed(say("Only a teacher of this class may do this."))

    def check_change(self, owner: str, what: str = "run") -> None:
        """Raises NotAllowed where this person may not change a run, a sweep, a data set or a network of `owner`."""
        if self.may(Action.CHANGE, owner):
            return
        self.check_start()
        shown = self.shown(owner)[:80]
        if what == "data set":
            alone = say("This data set belongs to {owner}, who alone can change it.", owner=shown)
            nobodys = say("This data set has no owner, so only a teacher can change it.")
        elif what == "sweep":
            alone = say("This sweep belongs to {owner}, who alone can change it.", owner=shown)
            nobodys = say("This sweep has no owner, so only a teacher can change it.")
        elif what == "network":
            alone = say("This network belongs to {owner}, who alone can change it.", owner=shown)
            nobodys = say("This network has no owner, so only a teacher can change it.")
        else:
            alone = say("This run belongs to {owner}, who alone can change it.", owner=shown)
            nobodys = say("This run has no owner, so only a teacher can change it.")
        raise NotAllowed(alone if owner else nobodys)


def initials(name: str) -> str:
    """ "Ana María Silva" as "A. M. S."; of a Chinese name the family name alone, "李明" as "李…"."""
    words = name.split()
    if len(words) == 1 and "CJK UNIFIED" in unicodedata.name(name[0], ""):
        return f"{name[0]}…"
    return " ".join(f"{word[0].upper()}." for word in words)


def tidy(text: str) -> str:
    """A name on one line without invisible characters, so that names that look the same are the same."""
    plain = unicodedata.normalize("NFC", text)
    visible = "".join(" " if char.isspace() else char for char in plain if char.isspace() or unicodedata.category(char)[0] != "C")
    return " ".join(visible.split())[:LONGEST_NAME]
