"""The sign-in of a school, by OpenID Connect: where it is, who may come in by it, and the lab's secret there.

The gate asks the school and verifies its answer; `joining.py` finds the person.
"""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, field_validator

from cnnlab.errors import StoreError
from cnnlab.i18n import N_, say
from cnnlab.system import disk
from cnnlab.system.home import private_file, private_folder, write_private

CALLBACK = "/sign-in/oidc/callback"  # below the lab's address; the school sends people back to it
MOST_SECRET = 2_000  # characters
PACKAGES = ("authlib", "httpx2")  # of requirements-oidc.txt, which the gate loads at the first sign-in
_EMAIL = re.compile(r"[a-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[a-z0-9-]+(\.[a-z0-9-]+)+")
_DOMAIN = re.compile(r"[a-z0-9-]+(\.[a-z0-9-]+)+")
# Of everyone who has an account at Microsoft: each of their tenants could name any address.
_EVERYBODYS = re.compile(r"https://login\.microsoftonline\.com/(common|organizations|consumers)(/|$)")


class School(BaseModel):
    """What the lab knows of it. The secret is kept apart, in the home's private folder."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    issuer: str = Field(max_length=300)
    client_id: str = Field(min_length=1, max_length=300, pattern=r"^[\x21-\x7e]+$")
    domains: tuple[str, ...] = ()  # people with an address of these become students when they first come
    teachers: tuple[str, ...] = ()  # people with these addresses become teachers when they first come
    trusted: bool = False  # addresses count as verified where the school says nothing of it, as Microsoft's does

    @field_validator("issuer")
    @classmethod
    def _is_issuer(cls, issuer: str) -> str:
        parts = urlsplit(issuer)
        if not is_address(issuer) or parts.query or parts.fragment:
            text = N_("{typed!r} is no address that begins with https://, such as https://accounts.google.com")
            raise ValueError(say(text, typed=issuer[:60]))
        if _EVERYBODYS.match(issuer):
            raise ValueError(N_("this address lets in every Microsoft account: write your school's tenant in its place"))
        return issuer.rstrip("/")

    @field_validator("domains")
    @classmethod
    def _are_domains(cls, domains: tuple[str, ...]) -> tuple[str, ...]:
        plain = tuple(domain.strip().lower().removeprefix("@") for domain in domains)
        for domain in plain:
            if not _DOMAIN.fullmatch(domain):
                raise ValueError(say("{typed!r} is no domain, such as school.edu", typed=domain[:60]))
        return plain

    @field_validator("teachers")
    @classmethod
    def _are_emails(cls, teachers: tuple[str, ...]) -> tuple[str, ...]:
        plain = tuple(plain_email(each) for each in teachers)
        for given, email in zip(teachers, plain, strict=True):
            if not email:
                raise ValueError(say("{typed!r} is no e-mail address, such as ana@school.edu", typed=given[:60]))
        return plain

    @property
    def metadata(self) -> str:
        """The address at which the school says what it calls itself, and where it is asked."""
        return f"{self.issuer}/.well-known/openid-configuration"

    def is_named(self, issuer: object) -> bool:
        """Whether the school calls itself as the lab knows it; an answer of another one does not count."""
        return isinstance(issuer, str) and issuer.rstrip("/") == self.issuer


def is_address(text: object) -> bool:
    """Whether it is an address of https; on this machine itself http will do."""
    try:
        parts = urlsplit(text) if isinstance(text, str) else urlsplit("")
    except ValueError:
        return False
    here = parts.hostname in ("localhost", "127.0.0.1", "::1")
    return bool(parts.hostname) and parts.scheme in (("https", "http") if here else ("https",))


def plain_email(text: object) -> str:
    """An e-mail address in small letters; "" for any other text. ASCII alone, in which no two addresses look the same."""
    email = text.strip().lower() if isinstance(text, str) and text.isascii() else ""
    return email if len(email) <= 254 and _EMAIL.fullmatch(email) else ""


def read_secret(home: Path) -> str:
    """The lab's secret at the school. Raises StoreError where there is none."""
    try:
        secret = disk.read(_file(home)).strip()
    except OSError:
        secret = ""
    if not secret:
        raise StoreError(say("The secret of your school's sign-in is missing: a teacher gives it again with `class oidc`."))
    return secret


def write_secret(home: Path, secret: str) -> None:
    """Keeps it where only this user can read it. Raises StoreError."""
    try:
        private_folder(home)
        write_private(_file(home), secret)
    except OSError as error:
        raise StoreError(say("The secret cannot be written ({reason}): free some space.", reason=error.strerror)) from error


def drop_secret(home: Path) -> None:
    _file(home).unlink(missing_ok=True)


def _file(home: Path) -> Path:
    return private_file(home, "oidc.secret")
