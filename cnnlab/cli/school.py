"""`python -m cnnlab class oidc`: people sign in with the accounts of their school."""

from __future__ import annotations

import csv
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Any

import typer

from cnnlab.access import classes
from cnnlab.access.classes import Class, Member
from cnnlab.access.joining import member_with
from cnnlab.access.roles import Role, tidy
from cnnlab.access.school import CALLBACK, MOST_SECRET, PACKAGES, School, drop_secret, plain_email, read_secret, write_secret
from cnnlab.cli.classes import address_of, class_of, keep
from cnnlab.cli.commands import Home, print_error, print_text, readable
from cnnlab.cli.name_list import read_list
from cnnlab.errors import ConfigError
from cnnlab.i18n import N_, _, say
from cnnlab.text import listed, shortened

_NAMES, _EMAILS = ("name", "full name", "姓名", "名字"), ("email", "e-mail", "mail", "邮箱", "电子邮件")


def oidc(
    *,
    issuer: Annotated[str, typer.Option(help="Your school's address for sign-ins, such as https://accounts.google.com.")] = "",
    client_id: Annotated[str, typer.Option(help="The lab's id there.")] = "",
    client_secret_file: Annotated[
        Path | None, typer.Option(metavar="FILE", help="A file with the lab's secret there; delete it afterwards.")
    ] = None,
    domain: Annotated[
        list[str], typer.Option(help="Everyone with an e-mail address here becomes a student; may be repeated.")
    ] = [],  # noqa: B006
    teacher: Annotated[list[str], typer.Option(help="The e-mail address of a teacher; may be repeated.")] = [],  # noqa: B006
    people: Annotated[
        Path | None, typer.Option(metavar="FILE", help="A table with the columns name and email: these come in, too.")
    ] = None,
    trust_emails: Annotated[
        bool | None,
        typer.Option(
            "--trust-emails/--no-trust-emails",
            help="Also believe addresses that the school does not mark as verified, as Microsoft never does.",
            show_default=False,
        ),
    ] = None,
    make: Annotated[str, typer.Option("--new", metavar="NAME", help="Make the class, too: nobody in it needs a code.")] = "",
    off: Annotated[bool, typer.Option("--off", help="Nobody signs in at the school any more.")] = False,
    address: Annotated[str, typer.Option(help="The lab's own address, such as https://lab.school.edu.", show_default=False)] = "",
    home: Home,
) -> None:
    """Let people sign in with the accounts of their school: Microsoft, Google, Keycloak, any that speaks OpenID Connect.

    What is not given stays as it was. People are recognised by their verified e-mail address.
    """
    if off:
        classes.save(home, class_of(home).model_copy(update={"school": None}))
        keep(home, class_of(home), "school's sign-in: off")
        drop_secret(home)
        print_text(_("Nobody signs in at the school any more. Who came by it gets a code with `class reset NAME`."))
        return
    if make and classes.file_of(home).exists():
        raise ConfigError(say("This lab has a class already: leave --new out."), "new")
    made = classes.new_class(readable(make)) if make else class_of(home)
    given: dict[str, Any] = {"issuer": issuer, "client_id": client_id, "domains": domain, "teachers": teacher}
    given = {name: value for name, value in given.items() if value}
    if trust_emails is not None:
        given["trusted"] = trust_emails
    if made.school is None and not (issuer and client_id and client_secret_file):
        raise ConfigError(say("A school's sign-in needs --issuer, --client-id and --client-secret-file."), "issuer")
    before = made.school.model_dump() if made.school else {}
    made = classes.changed(made, school=before | given)
    school = made.school
    if school is None:
        return
    made = _with_teachers(_with_people(made, people) if people else made, school)
    if not school.teachers and not any(member.role is Role.TEACHER for member in made.members):
        raise ConfigError(say("This class would have no teacher: name one with --teacher, by e-mail address."), "teacher")
    where = address_of(address or made.address)
    if client_secret_file:
        write_secret(home, _secret(client_secret_file))
    read_secret(home)
    keep(home, made, f"school's sign-in: {school.issuer}")
    _report(made, school, where)


def _report(made: Class, school: School, where: str) -> None:
    done = _("{title}: people sign in at {issuer}. Enter this address there as the one to come back to (redirect URI):")
    print_text(f"{done.format(title=made.name, issuer=school.issuer)}\n\n    {where}{CALLBACK}\n")
    known = [member.name for member in made.members if member.email]
    if school.domains:
        print_text(_("Students: everyone with an address at {domains}.").format(domains=listed(school.domains)))
    if known:
        print_text(_("With their address in the class: {names}.").format(names=listed(known)))
    if school.teachers:
        print_text(_("Teachers: {emails}.").format(emails=listed(school.teachers)))
    if not all(find_spec(name) for name in PACKAGES):
        print_error(_("Packages are missing for it: type  pip install -r requirements-oidc.txt  and restart the lab."))


def _secret(file: Path) -> str:
    try:
        with file.open(encoding="utf-8") as text:
            secret = text.read(MOST_SECRET + 1).strip()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else _("it is no text")
        raise ConfigError(
            say("The secret cannot be read from {file}: {reason}.", file=str(file), reason=reason), "secret"
        ) from error
    if not secret or len(secret) > MOST_SECRET or not secret.isprintable():
        raise ConfigError(say("{file} has no secret: it has one line, as the school shows it.", file=str(file)), "secret")
    return secret


def _with_people(made: Class, file: Path) -> Class:
    """The class in which these people have these addresses. Raises ConfigError."""
    for name, email in people_in(file):
        owner = member_with(made, email)
        if owner and owner.name.casefold() != name.casefold():
            text = N_("{email} is the address of {name} already: each person has their own.")
            raise ConfigError(say(text, email=email, name=shortened(owner.name)), "people")
        known = next((member for member in made.members if member.name.casefold() == name.casefold()), None)
        made = _given(made, known, email=email) if known else made.with_member(name, Role.STUDENT, email=email)[0]
    return made


def _with_teachers(made: Class, school: School) -> Class:
    """People who came as students, and are teachers now."""
    for email in school.teachers:
        if known := member_with(made, email):
            made = _given(made, known, role=Role.TEACHER)
    return made


def _given(made: Class, known: Member, **changes: object) -> Class:
    changed = tuple(member.model_copy(update=changes) if member is known else member for member in made.members)
    return made.model_copy(update={"members": changed})


def people_in(file: Path) -> list[tuple[str, str]]:
    """Names and addresses. Raises ConfigError, which names the line."""
    lines = readable(read_list(file)).splitlines()
    sign = max("\t;,", key=lines[0].count) if lines else ","
    heads, *rows = list(csv.reader(lines, delimiter=sign)) or [[]]
    places = [next((at for at, head in enumerate(heads) if head.strip().casefold() in words), -1) for words in (_NAMES, _EMAILS)]
    if min(places) < 0:
        raise ConfigError(say("{file} needs a first line with the columns name and email.", file=str(file)), "people")
    found = []
    for number, row in enumerate(rows, start=2):
        if not any(cell.strip() for cell in row):
            continue
        name, email = (row[at] if at < len(row) else "" for at in places)
        if not tidy(name) or not plain_email(email):
            text = N_("Line {number} of {file} has no name, or no e-mail address such as ana@school.edu: {row}.")
            raise ConfigError(say(text, number=number, file=str(file), row=shortened(sign.join(row))), "people")
        found.append((tidy(name), plain_email(email)))
    return found
