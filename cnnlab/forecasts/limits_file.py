"""The file of limits that CNNLAB_LIMITS names, and whose limits it has. Needs no torch.

    epochs = 100                # of one run
    max_seconds = 7200          # of training for one run; then it is stopped and keeps its checkpoints
    image_size = 96             # pixels a side
    parameters = 30_000_000
    runs_per_owner = 5          # waiting or training at the same time
    parallel = 2                # training at the same time; others wait
    minutes_a_day = 120         # of training; then it goes on after midnight
    gpu_minutes_a_week = 300
    disk_per_owner = "2 GB"     # of runs and own data sets
    disk = "20 GB"              # for the whole home folder: checkpoints, downloads and the record of runs
    queue = 100                 # runs of all people that wait
    slice_minutes = 20          # at a stretch, while runs of others wait; then it goes back to the queue

    [devices]                   # those that the lab may use, and how many runs each takes at a time if memory allows
    cpu = 1
    "cuda:0" = 2

    [student]                   # of each student of a class, in place of those above; [teacher] likewise
    minutes_a_day = 60

    [person."Ana Silva"]        # of one person of a class, in place of those of their role
    minutes_a_day = "none"

A limit that is left out, or "none", limits nothing; in a class STUDENTS, QUEUE and SLICE stand for those that are left out.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

from pydantic import Field, ValidationError

from cnnlab.access import classes
from cnnlab.access.classes import Class
from cnnlab.access.roles import Role
from cnnlab.errors import ConfigError
from cnnlab.forecasts.limits import MOST_RUNS, Limits, Personal
from cnnlab.i18n import _, ngettext, say
from cnnlab.i18n import together as in_a_row
from cnnlab.system.home import path_variable
from cnnlab.text import duration_text, shortened

MAXIMUM_FILE = 100_000  # bytes; a file of limits has a dozen lines

STUDENTS = Personal(parallel=2, runs_per_owner=10, minutes_a_day=120)
QUEUE = 100  # with and without a class
SLICE = 20  # minutes, in a class

_SIZES = ("disk", "disk_per_owner")
_TABLES = ("student", "teacher", "person")


class LimitsFile(Limits):
    """What stands in the file. A table's limits stand in place of the general ones."""

    student: Personal = Personal()
    teacher: Personal = Personal()
    person: dict[str, Personal] = Field({}, max_length=classes.MOST_MEMBERS)


@dataclass(frozen=True)
class Rules:
    """The limits of a lab as it is now: whose they are, and who is counted as one."""

    file: LimitsFile = field(default_factory=LimitsFile)
    group: Class | None = None

    @property
    def together(self) -> bool:
        """Whether all visitors count as one: names that nothing verifies would each bring their own limits."""
        return self.group is None

    def account(self, owner: str) -> str | None:
        """The owner whose runs count with those of `owner`; None for the runs of everybody."""
        return None if self.together else owner

    def of(self, owner: str) -> Limits:
        """The limits of an owner; "" is the command line, which no table of a role names."""
        return self._for(self._role(owner), *(own for name, own in self.file.person.items() if name.casefold() == owner.casefold()))

    def _for(self, role: Role | None, *own: Personal) -> Limits:
        known = {"queue": QUEUE} | ({} if self.together else {"slice_minutes": SLICE})
        if role is Role.STUDENT:
            known |= STUDENTS.model_dump(exclude_none=True)
        of_role = {Role.STUDENT: self.file.student, Role.TEACHER: self.file.teacher}
        for table in (self.file, *([of_role[role], *own] if role in of_role else ())):
            known |= {name: getattr(table, name) for name in table.model_fields_set if name not in _TABLES}
        return Limits(**known)

    def in_words(self) -> str:
        """All of them in the reader's language, for who hosts the lab."""
        whole = self.of("")
        sentences = [whole.in_words(together=self.together)]
        if whole.queue:
            text = ngettext("At most {count:,} run may wait.", "At most {count:,} runs may wait.", whole.queue)
            sentences.append(text.format(count=whole.queue))
        if whole.slice_minutes:
            text = _("A run gives way to others that wait after {time} at a stretch.")
            sentences.append(text.format(time=duration_text(60 * whole.slice_minutes)))
        if self.together and self.file.model_fields_set & set(_TABLES):
            sentences.append(_("Its tables for roles and persons count once the lab has a class."))
        if self.group:
            sentences += [
                text.format(limits=f"{words[0].lower()}{words[1:]}")
                for text, role in ((_("A student: {limits}"), Role.STUDENT), (_("A teacher: {limits}"), Role.TEACHER))
                if (words := self._for(role).in_words()) and words != sentences[0]
            ]
            sentences += [_("{name}: has limits of their own.").format(name=name) for name in self.file.person]
        return in_a_row(*sentences)

    def _role(self, owner: str) -> Role | None:
        if self.group is None or not owner:
            return None
        if self.group.proxy and owner in self.group.proxy.teachers:
            return Role.TEACHER
        try:
            return self.group.named(owner).role
        except ConfigError:  # a proxy's student, or one who has left
            return Role.STUDENT


def rules(home: Path) -> Rules:
    """The limits of the lab in `home`. Raises ConfigError where the file is wrong, StoreError where that of the class is.

    Read at each start of a run, so a change takes effect at once.
    """
    return Rules(load(limits_file()), _class(home))


def limits_file() -> Path | None:
    """`CNNLAB_LIMITS`, or None."""
    return path_variable("CNNLAB_LIMITS")


def load(path: Path | None) -> LimitsFile:
    """What stands in `path`; nothing without a path. Raises ConfigError where it is missing or wrong: it is never ignored."""
    if path is None:
        return LimitsFile()
    try:
        with path.open("rb") as file:
            text = file.read(MAXIMUM_FILE + 1)
        if len(text) > MAXIMUM_FILE:
            raise _wrong(path, f"it is longer than {MAXIMUM_FILE:,} bytes")
        return LimitsFile.model_validate(tomllib.loads(text.decode("utf-8-sig")))
    except OSError as error:
        raise _wrong(path, str(error.strerror or error)) from None
    except ValidationError as error:
        raise _wrong(path, _reason(error.errors(include_url=False)[0])) from None
    except ValueError as error:  # no UTF-8, no TOML, or a number of more than 4,300 digits
        raise _wrong(path, f"it is not TOML: {shortened(error, quoted=False)}") from None
    except RecursionError:
        raise _wrong(path, "it is nested too deeply") from None


def _wrong(path: Path, reason: str) -> ConfigError:
    # Visitors see this sentence, and need not know the server's folders.
    return ConfigError(say("The file of limits {file} (CNNLAB_LIMITS) cannot be used: {reason}.", file=path.name, reason=reason))


def _reason(error: Any) -> str:
    """What is wrong with a value, by pydantic's first error."""
    place, value = [str(part) for part in error["loc"]], shortened(error["input"])
    if place[0] == "devices":
        return _about_devices(error)
    depth = {"person": 2, "student": 1, "teacher": 1}.get(place[0], 0)
    where, name = ".".join(place[:depth]), ".".join(place[: depth + 1])
    if len(place) <= depth:
        return f"{'.'.join(place)} must be a table of limits, such as epochs = 100, not {value}"
    if error["type"] == "extra_forbidden":
        known = Personal.model_fields if where else LimitsFile.model_fields
        return f"there is no limit {shortened(name)}; the limits are {', '.join(known)}"
    kind = 'a size above 0, such as "20 GB"' if place[depth] in _SIZES else "a number above 0"
    return f"{name} must be {kind if place[depth] in (*_SIZES, 'max_seconds') else f'a whole {kind[2:]}'}, not {value}"


def _about_devices(error: Any) -> str:
    """What is wrong with the table of devices, by the first error in it."""
    place, value = error["loc"][1:], shortened(error["input"])
    if not place:
        return f"devices must be a table with at least one device, such as cpu = 1, not {value}"
    if "[key]" in place:
        return f"devices names {value}; a device is cpu, mps or cuda:0, cuda:1 and so on"
    return f"devices gives {place[0]} {value}; the runs that it takes at a time are a whole number from 1 to {MOST_RUNS}"


def _class(home: Path) -> Class | None:
    try:
        found = classes.file_of(home).stat()
    except OSError:
        return None
    return _read(home, (found.st_mtime_ns, found.st_size, found.st_ino))


@lru_cache(maxsize=4)
def _read(home: Path, stamp: tuple[int, ...]) -> Class | None:
    """The class; another `stamp` is another file. A thousand people take milliseconds to read, and forms ask at each drawing."""
    return classes.load(home)
