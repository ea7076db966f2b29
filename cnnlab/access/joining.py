"""Who comes in by the sign-in of a school: a person of the class with this verified address, or a new one."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from typing import Literal

from cnnlab.access.classes import Class, Member
from cnnlab.access.roles import LONGEST_NAME, Role, tidy
from cnnlab.access.school import School, plain_email

Refusal = Literal["unverified", "unknown", "left"]


def verified_email(school: School, claims: Mapping[str, object]) -> str:
    """The address that the school vouches for; "" where it has none, or does not vouch for it."""
    vouched = claims.get("email_verified")
    if vouched in (True, "true") or (vouched is None and school.trusted):
        return plain_email(claims.get("email"))
    return ""


def member_with(group: Class, email: str) -> Member | None:
    return next((member for member in group.members if email and member.email == email), None)


def role_of(group: Class, email: str) -> Role | Refusal:
    """What a person who is not in the class yet becomes, or why they do not come in."""
    school = group.school
    if school is None:
        return "unknown"
    if email in school.teachers:
        return Role.TEACHER
    if any(each.email == email for each in group.former):
        return "left"
    return Role.STUDENT if email.rpartition("@")[2] in school.domains else "unknown"


def joined(group: Class, email: str, name: object, role: Role) -> Class:
    """The class with this person. Raises ConfigError where it is full."""
    if member_with(group, email):  # came in another tab
        return group
    taken = {each.name.casefold() for each in (*group.members, *group.former)}
    wanted = tidy(name) if isinstance(name, str) else ""
    # People choose their names at the school, and a name that is another's here would bring that person's runs.
    tries = (
        wanted,
        tidy(f"{wanted[: LONGEST_NAME // 2]} ({email.partition('@')[0]})"),
        tidy(email),
        f"{email[:40]} {secrets.token_hex(3)}",
    )
    free = next(each for each in tries if each and each.casefold() not in taken)
    return group.with_member(free, role, email=email)[0]
