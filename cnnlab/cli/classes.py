"""`python -m cnnlab class …`: makes a class of a shared lab and changes it. A running server notices each change."""

from __future__ import annotations

import re
import secrets
import shlex
import socket
from contextlib import closing, suppress
from datetime import date
from pathlib import Path
from typing import Annotated, Any

import typer

from cnnlab.access import classes, codes
from cnnlab.access.classes import Class
from cnnlab.access.roles import Role, tidy
from cnnlab.access.slips import Slip, sheet
from cnnlab.cli.commands import AsJson, Home, print_json, print_text, readable
from cnnlab.cli.name_list import names_from
from cnnlab.errors import ConfigError, StoreError
from cnnlab.forecasts.limits_file import rules
from cnnlab.i18n import N_, _, ngettext, say, translated
from cnnlab.runs.store import Store
from cnnlab.runs.store_log import Log
from cnnlab.system.home import default_home, write_private
from cnnlab.text import shortened

_ROLES = {Role.STUDENT: N_("student"), Role.OBSERVER: N_("observer"), Role.TEACHER: N_("teacher")}
_OTHERS = {"all": N_("all runs"), "own": N_("own runs")}
_NAMES = {"full": N_("full names"), "initials": N_("initials for names")}

group = typer.Typer(help="Who may come into a shared lab: a class with a code for each student.", no_args_is_help=True)

Name = Annotated[str, typer.Argument(metavar="NAME", help="A person's name, as `class list` prints it.")]
Sheet = Annotated[
    Path, typer.Option("--slips", metavar="FILE", help="Where the printable slips go: one a person, with code and link.")
]
Address = Annotated[str, typer.Option(help="The address that students type, such as http://192.168.1.20:8501.", show_default=False)]
Until = Annotated[str, typer.Option(metavar="YYYY-MM-DD", help='The last day on which students come in; "never" for no last day.')]
Others = Annotated[str, typer.Option(help="Which runs a student sees: all, or own.")]
Shown = Annotated[str, typer.Option(help="How students read the names of others: full, or initials.")]


@group.command()
def new(
    *,
    name: Annotated[str, typer.Option(help="Its name.", show_default=False)] = "",
    names: Annotated[
        str, typer.Option(metavar="FILE", help="A list of names, a line or a CSV row each; without it they are pasted.")
    ] = "",
    slips: Sheet = Path("class-slips.html"),
    address: Address = "",
    until: Until = "never",
    hours: Annotated[int, typer.Option(help="Hours until a browser has to sign in again.")] = 12,
    others: Others = "all",
    shown: Shown = "full",
    one_password: Annotated[bool, typer.Option("--one-password", help="One password for all, who then choose their name.")] = False,
    proxy_header: Annotated[str, typer.Option(help="A header in which your proxy names who has signed in there.")] = "",
    proxy_address: Annotated[list[str], typer.Option(help="Whence that header is believed; may be repeated.")] = [],  # noqa: B006
    teacher: Annotated[list[str], typer.Option(help="A name in that header that is a teacher's; may be repeated.")] = [],  # noqa: B006
    replace: Annotated[bool, typer.Option("--replace", help="In place of the class that this lab has.")] = False,
    home: Home,
) -> None:
    """Make a class: names, codes, and a sheet of slips to print. Ends with the command that starts the lab for it."""
    if not replace and classes.file_of(home).exists():
        raise ConfigError(
            say("This lab has a class: change it with the other `class` commands, or add --replace for another."), "class"
        )
    name = name or typer.prompt(_("Name of the class"))
    proxy = {"header": proxy_header, "addresses": proxy_address or ["127.0.0.1"], "teachers": teacher} if proxy_header else None
    settings: dict[str, Any] = {"until": _day(until), "hours": hours, "others": others, "names": shown, "proxy": proxy}
    if address:
        settings["address"] = address_of(address)
    made = classes.new_class(readable(name), **settings)
    listed = names_from(names) if names or not proxy else []
    shared = ""
    if one_password:
        shared = _asked(_("Password of the class"))
        made = classes.changed(made, password=codes.hashed(classes.checked(shared), code=False))
    password = _asked(_("Your own password, as the teacher"))
    made, _code = made.with_member("Teacher", Role.TEACHER, password=password)
    drawn: list[Slip] = []
    for student in listed:
        made, code = made.with_member(student, Role.STUDENT)
        drawn.append(Slip(student, code))
    address = address_of(made.address)
    _write_sheet(slips, made, drawn, address)
    keep(home, made, f"new class {made.name}")
    count = ngettext("{count:,} student", "{count:,} students", len(listed)).format(count=len(listed))
    done = _("{title}: {students}, and you as “Teacher”. The slips to print are in {file}: keep that file to yourself.")
    print_text(done.format(title=made.name, students=count, file=slips))
    print_text(_limits(home))
    start = _("Students open {address}. Start the lab with:").format(address=address)
    where = "" if home == default_home() else f"CNNLAB_HOME={shlex.quote(str(home.absolute()))} "
    print_text(f"{start}\n\n    {where}streamlit run app.py --server.address 0.0.0.0\n")


@group.command()
def add(
    name: Name,
    *,
    role: Annotated[str, typer.Option(help="student, observer (a link that only looks) or teacher.")] = "student",
    slips: Annotated[Path | None, typer.Option("--slips", metavar="FILE", help="Also writes a slip to print.")] = None,
    address: Address = "",
    home: Home,
) -> None:
    """Add a person, and print their code and link."""
    if role not in ("student", "observer", "teacher"):
        raise ConfigError(say("--role is student, observer or teacher, not {role}.", role=shortened(role)), "role")
    made = class_of(home)
    where = address_of(address or made.address)
    made, code = made.with_member(readable(name), Role(role))
    keep(home, made, f"added {made.members[-1].name} ({role})")
    _print_code(made, made.members[-1].name, code, where, slips)


@group.command()
def remove(name: Name, *, home: Home) -> None:
    """Remove a person, who is signed out at once. Their runs stay, and a teacher can change them."""
    made = class_of(home)
    gone = made.named(readable(name))
    if gone.role is Role.TEACHER and sum(member.role is Role.TEACHER for member in made.members) == 1:
        raise ConfigError(say("{name} is the only teacher: add another one first, with --role teacher.", name=gone.name), "name")
    keep(home, made.without(gone.name), f"removed {gone.name}")
    print_text(_("{name} is no longer in {title}.").format(name=gone.name, title=made.name))


@group.command()
def reset(
    name: Name,
    *,
    password: Annotated[
        bool, typer.Option("--password", help="A password that you type, in place of a code: for a teacher.")
    ] = False,
    slips: Annotated[Path | None, typer.Option("--slips", metavar="FILE", help="Also writes a slip to print.")] = None,
    address: Address = "",
    home: Home,
) -> None:
    """Give a person a new code; the old one, and browsers signed in with it, end at once."""
    made = class_of(home)
    where = address_of(address or made.address)
    person = made.named(readable(name))
    if password and person.role is not Role.TEACHER:
        raise ConfigError(
            say("{name} is no teacher, and only teachers have passwords: leave --password out.", name=person.name), "password"
        )
    made, code = made.reset(person.name, password=_asked(_("New password of {name}").format(name=person.name)) if password else "")
    keep(home, made, f"new code for {person.name}")
    _print_code(made, person.name, code, where, slips)


@group.command("list")
def list_people(*, as_json: AsJson = False, home: Home) -> None:
    """List the class: its settings and people. Codes are nowhere to be read again."""
    made = class_of(home)
    if as_json:
        people = [{"name": member.name, "role": member.role} for member in made.members]
        last = made.until.isoformat() if made.until else None
        print_json({"name": made.name, "until": last, "others": made.others, "names": made.names, "people": people})
        return
    last = _("until {day}").format(day=f"{made.until:%Y-%m-%d}") if made.until else _("without a last day")
    runs, names = translated(_OTHERS[made.others]), translated(_NAMES[made.names])
    print_text(_("{title}, {last}; students see {runs} and {names}.").format(title=made.name, last=last, runs=runs, names=names))
    for member in made.members:
        print_text("  " + _("{name} ({role})").format(name=member.name, role=translated(_ROLES[member.role])))


@group.command("set")
def change(
    *,
    name: Annotated[str | None, typer.Option(help="Its name.")] = None,
    until: Annotated[str | None, typer.Option(metavar="YYYY-MM-DD", help='The last day for students; "never" for none.')] = None,
    hours: Annotated[int | None, typer.Option(help="Hours until a browser has to sign in again.")] = None,
    others: Annotated[str | None, typer.Option(help="Which runs a student sees: all, or own.")] = None,
    shown: Annotated[str | None, typer.Option(help="How students read the names of others: full, or initials.")] = None,
    address: Address = "",
    home: Home,
) -> None:
    """Change settings of the class."""
    given = {"name": tidy(readable(name)) if name is not None else None, "hours": hours, "others": others, "names": shown}
    settings: dict[str, Any] = {key: value for key, value in given.items() if value is not None}
    if until is not None:
        settings["until"] = _day(until)
    if address:
        settings["address"] = address_of(address)
    made = classes.changed(class_of(home), **settings)
    keep(home, made, "settings: " + ", ".join(settings))
    print_text(_("{title} is changed.").format(title=made.name))


def _limits(home: Path) -> str:
    try:
        return _("Limits, until a file changes them (CNNLAB_LIMITS): {limits}").format(limits=rules(home).in_words())
    except ConfigError as error:  # the class is made all the same
        return translated(error)


def keep(home: Path, made: Class, change: str) -> None:
    """Stores the class, and notes the change in the lab's log."""
    classes.save(home, made)
    with suppress(StoreError), closing(Store(home)) as store:  # the class is kept, whatever is wrong with the record
        Log(store).note("", "class", note=change)


def class_of(home: Path) -> Class:
    made = classes.load(home)
    if made is None:
        raise ConfigError(say("This lab has no class: make one with `python -m cnnlab class new`."), "class")
    return made


def _print_code(made: Class, name: str, code: str, address: str, slips: Path | None) -> None:
    if not code:
        shared = _("{name} chooses their name after the password of the class.")
        own = _("{name} signs in with the password you typed.")
        print_text((shared if made.password else own).format(name=name))
        return
    print_text(f"{name}\n  {_('code')}: {code}\n  {_('link')}: {Slip(name, code).link(address)}")
    if slips:
        _write_sheet(slips, made, [Slip(name, code)], address)


def _write_sheet(path: Path, made: Class, slips: list[Slip], address: str) -> None:
    try:
        write_private(path.absolute(), sheet(made.name, slips, address))
    except OSError as error:
        text = N_("The slips cannot be written to {file} ({reason}): name another file with --slips.")
        raise StoreError(say(text, file=path, reason=error.strerror)) from error


def _asked(question: str) -> str:
    """A password that is typed twice, or one that is drawn and printed where nothing is typed."""
    typed = typer.prompt(
        _("{question} (empty: one is made for you)").format(question=question), default="", hide_input=True, show_default=False
    )
    if not typed:
        typed = "-".join("".join(secrets.choice(codes.ALPHABET) for _ in range(codes.GROUP + 1)) for _ in range(3))
        print_text(f"{question}: {typed}")
        return typed
    classes.checked(typed)
    if typer.prompt(_("The same again"), hide_input=True) != typed:
        raise ConfigError(say("The two passwords differ: nothing has changed, so begin again."), "password")
    return typed


def _day(text: str) -> date | None:
    if text == "never":
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise ConfigError(
            say("--until takes a day such as 2027-02-28, or never, not {text}.", text=shortened(text)), "until"
        ) from None


def address_of(text: str) -> str:
    """The address on slips: the one given, or that of this machine in its network."""
    if text:
        if not re.fullmatch(r"https?://[^\s/'\"<>]+(/[^\s'\"<>]*)?", text):
            wrong = N_("--address is {text}, but an address begins with http:// or https://.")
            raise ConfigError(say(wrong, text=shortened(text)), "address")
        return text.rstrip("/")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))  # sends nothing: the system only chooses the network card
            own = probe.getsockname()[0]
        except OSError:
            own = "localhost"
    return f"http://{own}:8501"
