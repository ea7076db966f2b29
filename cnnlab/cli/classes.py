"""`python -m cnnlab class …`: makes a class of a shared lab and changes it. A running server notices each change."""

from __future__ import annotations

import csv
import re
import secrets
import socket
import sys
from datetime import date
from pathlib import Path
from typing import Annotated, Any

import typer

from cnnlab.access import classes, codes
from cnnlab.access.classes import Class
from cnnlab.access.roles import LONGEST_NAME, Role, tidy
from cnnlab.access.slips import Slip, sheet
from cnnlab.cli.commands import AsJson, Home, print_error, print_json, print_text, readable
from cnnlab.errors import ConfigError, StoreError
from cnnlab.forecasts.limits_file import rules
from cnnlab.system.home import write_private
from cnnlab.text import shortened

MOST_BYTES = 1_000_000
_HEADINGS = ("name", "names", "full name", "student", "姓名", "名字")
_FIRST, _LAST = ("first name", "firstname", "given name"), ("last name", "lastname", "surname", "family name")

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
    name: Annotated[str, typer.Option(prompt="Name of the class", help="Its name.")],
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
        raise ConfigError("This lab has a class: change it with the other `class` commands, or add --replace for another.", "class")
    proxy = {"header": proxy_header, "addresses": proxy_address or ["127.0.0.1"], "teachers": teacher} if proxy_header else None
    settings: dict[str, Any] = {"until": _day(until), "hours": hours, "others": others, "names": shown, "proxy": proxy}
    made = classes.new_class(readable(name), **settings)
    listed = _names(names) if names or not proxy else []
    shared = ""
    if one_password:
        shared = _asked("Password of the class")
        made = classes.changed(made, password=codes.hashed(classes.checked(shared), code=False))
    password = _asked("Your own password, as the teacher")
    made, _ = made.with_member("Teacher", Role.TEACHER, password=password)
    drawn: list[Slip] = []
    for student in listed:
        made, code = made.with_member(student, Role.STUDENT)
        drawn.append(Slip(student, code))
    address = _address(address)
    _write_sheet(slips, made, drawn, address)
    classes.save(home, made)
    count = f"{len(listed):,} student{'' if len(listed) == 1 else 's'}"
    print_text(f"{made.name}: {count}, and you as “Teacher”. The slips to print are in {slips}: keep that file to yourself.")
    print_text(_limits(home))
    print_text(f"Students open {address}. Start the lab with:\n\n    streamlit run app.py --server.address 0.0.0.0\n")


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
        raise ConfigError(f"--role is student, observer or teacher, not {shortened(role)}.", "role")
    where = _address(address)
    made, code = _class(home).with_member(readable(name), Role(role))
    classes.save(home, made)
    _print_code(made, made.members[-1].name, code, where, slips)


@group.command()
def remove(name: Name, *, home: Home) -> None:
    """Remove a person, who is signed out at once. Their runs stay, and a teacher can change them."""
    made = _class(home)
    gone = made.named(readable(name))
    if gone.role is Role.TEACHER and sum(member.role is Role.TEACHER for member in made.members) == 1:
        raise ConfigError(f"{gone.name} is the only teacher: add another one first, with --role teacher.", "name")
    classes.save(home, made.without(gone.name))
    print_text(f"{gone.name} is no longer in {made.name}.")


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
    made, where = _class(home), _address(address)
    person = made.named(readable(name))
    if password and person.role is not Role.TEACHER:
        raise ConfigError(f"{person.name} is a {person.role}, and only teachers have passwords: leave --password out.", "password")
    made, code = made.reset(person.name, password=_asked(f"New password of {person.name}") if password else "")
    classes.save(home, made)
    _print_code(made, person.name, code, where, slips)


@group.command("list")
def list_people(*, as_json: AsJson = False, home: Home) -> None:
    """List the class: its settings and people. Codes are nowhere to be read again."""
    made = _class(home)
    if as_json:
        people = [{"name": member.name, "role": member.role} for member in made.members]
        last = made.until.isoformat() if made.until else None
        print_json({"name": made.name, "until": last, "others": made.others, "names": made.names, "people": people})
        return
    last = f"until {made.until:%Y-%m-%d}" if made.until else "without a last day"
    print_text(f"{made.name}, {last}; students see {made.others} runs and {made.names} names.")
    for member in made.members:
        print_text(f"  {member.name} ({member.role})")


@group.command("set")
def change(
    *,
    name: Annotated[str | None, typer.Option(help="Its name.")] = None,
    until: Annotated[str | None, typer.Option(metavar="YYYY-MM-DD", help='The last day for students; "never" for none.')] = None,
    hours: Annotated[int | None, typer.Option(help="Hours until a browser has to sign in again.")] = None,
    others: Annotated[str | None, typer.Option(help="Which runs a student sees: all, or own.")] = None,
    shown: Annotated[str | None, typer.Option(help="How students read the names of others: full, or initials.")] = None,
    home: Home,
) -> None:
    """Change settings of the class."""
    given = {"name": tidy(readable(name)) if name is not None else None, "hours": hours, "others": others, "names": shown}
    settings: dict[str, Any] = {key: value for key, value in given.items() if value is not None}
    if until is not None:
        settings["until"] = _day(until)
    made = classes.changed(_class(home), **settings)
    classes.save(home, made)
    print_text(f"{made.name} is changed.")


def _limits(home: Path) -> str:
    try:
        return f"Limits, until a file changes them (CNNLAB_LIMITS): {rules(home).in_words()}"
    except ConfigError as error:  # the class is made all the same
        return str(error)


def _class(home: Path) -> Class:
    made = classes.load(home)
    if made is None:
        raise ConfigError("This lab has no class: make one with `python -m cnnlab class new`.", "class")
    return made


def _print_code(made: Class, name: str, code: str, address: str, slips: Path | None) -> None:
    if not code:
        way = "chooses their name after the password of the class" if made.password else "signs in with the password you typed"
        print_text(f"{name} {way}.")
        return
    print_text(f"{name}\n  code: {code}\n  link: {Slip(name, code).link(address)}")
    if slips:
        _write_sheet(slips, made, [Slip(name, code)], address)


def _write_sheet(path: Path, made: Class, slips: list[Slip], address: str) -> None:
    try:
        write_private(path.absolute(), sheet(made.name, slips, address))
    except OSError as error:
        raise StoreError(f"The slips cannot be written to {path} ({error.strerror}): name another file with --slips.") from error


def _names(file: str) -> list[str]:
    """The names in a file or, without one, pasted up to an empty line. Raises ConfigError."""
    if file:
        try:
            if Path(file).stat().st_size > MOST_BYTES:
                raise ConfigError(f"{file} has more than {MOST_BYTES:,} bytes, so it is no list of names.", "names")
            text = Path(file).read_text(encoding="utf-8-sig")
        except OSError as error:
            raise ConfigError(f"The names cannot be read from {file}: {error.strerror}.", "names") from error
        except UnicodeDecodeError:
            raise ConfigError(f"{file} is no text in UTF-8: save it as “CSV UTF-8”, and try again.", "names") from None
    else:
        print_error("Paste the names, one a line, and end with an empty line:")
        lines = []
        while line := sys.stdin.readline().strip():
            lines.append(line)
        text = "\n".join(lines)
    names = names_in(text)
    if not names:
        raise ConfigError("The list has no names: write one a line, or a CSV file with a column called name.", "names")
    return names


def names_in(text: str) -> list[str]:
    """The names of a list: one a line, or a table with a column for them. Raises ConfigError for one that stands there twice."""
    lines = [line for line in readable(text).splitlines() if line.strip()]
    sign = max("\t;,", key=lambda each: sum(each in line for line in lines)) if lines else ","
    rows = [[cell.strip() for cell in row] for row in csv.reader(lines, delimiter=sign)]
    heading = [cell.casefold() for cell in rows[0]] if rows else []
    whole = next((place for place, cell in enumerate(heading) if cell in _HEADINGS), None)
    parts = [next((place for place, cell in enumerate(heading) if cell in words), None) for words in (_FIRST, _LAST)]
    columns = [whole] if whole is not None else [place for place in parts if place is not None]
    read = [_joined([row[place] for place in columns or [0] if place < len(row)]) for row in rows[1 if columns else 0 :]]
    names = [name for name in map(tidy, read) if name]
    seen: dict[str, str] = {}
    for name in names:
        if len(name) >= LONGEST_NAME:
            raise ConfigError(f"{shortened(name)} has more than {LONGEST_NAME - 1} characters: shorten this name.", "names")
        if name.casefold() in seen:
            raise ConfigError(f"{shortened(name)} stands in the list twice: tell the two apart, as with a second initial.", "names")
        seen[name.casefold()] = name
    return names


def _joined(parts: list[str]) -> str:
    """First and last name in the order of their script: "Ana Silva", "李明"."""
    if len(parts) == 2 and all("\u4e00" <= part[:1] <= "\u9fff" for part in parts):
        return "".join(reversed(parts))
    return " ".join(parts)


def _asked(question: str) -> str:
    """A password that is typed twice, or one that is drawn and printed where nothing is typed."""
    typed = typer.prompt(f"{question} (empty: one is made for you)", default="", hide_input=True, show_default=False)
    if not typed:
        typed = "-".join("".join(secrets.choice(codes.ALPHABET) for _ in range(codes.GROUP + 1)) for _ in range(3))
        print_text(f"{question}: {typed}")
        return typed
    classes.checked(typed)
    if typer.prompt("The same again", hide_input=True) != typed:
        raise ConfigError("The two passwords differ: nothing has changed, so begin again.", "password")
    return typed


def _day(text: str) -> date | None:
    if text == "never":
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise ConfigError(f"--until takes a day such as 2027-02-28, or never, not {shortened(text)}.", "until") from None


def _address(text: str) -> str:
    """The address on slips: the one given, or that of this machine in its network."""
    if text:
        if not re.fullmatch(r"https?://[^\s/'\"<>]+(/[^\s'\"<>]*)?", text):
            raise ConfigError(f"--address is {shortened(text)}, but an address begins with http:// or https://.", "address")
        return text.rstrip("/")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))  # sends nothing: the system only chooses the network card
            own = probe.getsockname()[0]
        except OSError:
            own = "localhost"
    return f"http://{own}:8501"
