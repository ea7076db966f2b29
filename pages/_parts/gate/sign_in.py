"""The page that strangers get: a form for a code, and one for a name after the password of a class."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from html import escape
from pathlib import Path
from string import Template
from urllib.parse import quote

from starlette.responses import HTMLResponse

from cnnlab.access.classes import Class, Member
from cnnlab.access.door import Problem
from cnnlab.i18n import _, language, tag
from cnnlab.text import duration_text

_PAGE = Template(Path(__file__).with_suffix(".html").read_text(encoding="utf-8"))
_STYLE = Path(__file__).with_suffix(".css").read_text(encoding="utf-8")
_SCRIPT = Path(__file__).with_suffix(".js").read_text(encoding="utf-8")


class Page:
    """Draws pages for one request. `up` leads to the root of the app, `then` is the address that was asked for."""

    def __init__(self, group: Class | None, *, up: str, then: str = "") -> None:
        self._group = group
        self._up = up
        self._then = then

    def code(self, problem: str = "", *, status: int = 401) -> HTMLResponse:
        """Asks for a code, or for the password of the class."""
        if self._group is None:
            return self._page(_("Sign in"), problem or closed(), "", status=status)
        if self._group.password:
            label, kind = _("Password of the class, or your own code"), "password"
            guide = _("Your teacher has the password. You choose your name on the next page.")
        else:
            label, kind = _("Your code"), "text"
            guide = _("It is on your slip, such as k7m2-9qfw-x3hd. Anyone who has it can sign in as you: keep it to yourself.")
        field = _field("code", label, kind, "autofocus autocapitalize=none spellcheck=false autocomplete=off", guide)
        password = _field("password", _("Password"), "password", "autocomplete=current-password")
        teacher = f"<details><summary>{escape(_('Sign in with a teacher’s password'))}</summary>{self._form(password)}</details>"
        forms = self._form(field) + teacher
        if self._group.school:
            there = f"{self._up}sign-in/oidc" + (f"?then={quote(self._then)}" if self._then else "")
            # A link, because browsers do not let this page's forms lead to another site.
            link = f"<a class=school href='{escape(there)}'>{escape(_('Sign in with your school'))}</a>"
            forms = f"{link}<details><summary>{escape(_('Sign in with a code or a password'))}</summary>{forms}</details>"
        return self._page(self._group.name, problem, forms, status=status)

    def names(self, names: Sequence[Member], ticket: str) -> HTMLResponse:
        """Asks for one of these names."""
        heading = _("Who are you?")
        if not names:
            return self._page(heading, _("This class has no names to choose from yet: ask your teacher."), "", status=200)
        options = "".join(f"<option value='{escape(member.id)}'>{escape(member.name)}</option>" for member in names)
        label = escape(_("Your name"))
        field = f"<label for=member>{label}</label><select id=member name=member required autofocus>{options}</select>"
        hidden = f"<input type=hidden name=ticket value='{escape(ticket)}'>"
        return self._page(heading, "", self._form(field + hidden), status=200)

    def _page(self, heading: str, problem: str, forms: str, *, status: int) -> HTMLResponse:
        nonce = secrets.token_urlsafe(12)
        text = _PAGE.substitute(
            language=tag(language()),
            title=escape(_("Sign in")),
            heading=escape(heading),
            problem=f"<p class=problem role=alert>{escape(problem)}</p>" if problem else "",
            forms=forms,
            style=f"<style nonce='{nonce}'>{_STYLE}</style>",
            script=f"<script nonce='{nonce}'>{_SCRIPT}</script>",
        )
        policy = f"default-src 'none'; style-src 'nonce-{nonce}'; script-src 'nonce-{nonce}'; form-action 'self'; base-uri 'none'"
        headers = {"content-security-policy": policy, "cache-control": "no-store", "vary": "accept-language, cookie"}
        return HTMLResponse(text, status, headers)

    def _form(self, fields: str) -> str:
        then = f"<input type=hidden name=then value='{escape(self._then)}'>"
        button = f"<button>{escape(_('Sign in'))}</button>"
        return f"<form method=post action='{escape(self._up)}sign-in'>{fields}{then}{button}</form>"


def wrong() -> str:
    return _("This is not right. Look for characters that are easily confused, and try again.")


def waiting(seconds: float) -> str:
    """That many wrong attempts cost a wait."""
    return _("Too many wrong attempts: wait {time}, then try again.").format(time=duration_text(int(seconds) + 1))


def busy() -> str:
    return _("Many people sign in at this moment: wait a few seconds, then try again.")


def over() -> str:
    return _("This class has ended, so you cannot sign in any more: ask your teacher.")


def closed() -> str:
    return _("This lab lets nobody in at the moment: ask the person who started it.")


def not_from_school(problem: Problem) -> str:
    """Why the person whom the school has named does not come in."""
    match problem:
        case "unverified":
            return _("Your school has not confirmed an e-mail address of yours, so you cannot sign in with it: ask your teacher.")
        case "left":
            return _("You are no longer in this class: ask your teacher.")
        case "over":
            return over()
        case "unknown":
            return _("Your school knows you, but this class does not have your e-mail address: ask your teacher.")
        case _:
            return closed()


def too_slow() -> str:
    return _("That took more than five minutes: type the password again.")


def _field(name: str, label: str, kind: str, attributes: str, guide: str = "") -> str:
    described = f" aria-describedby={name}-help" if guide else ""
    below = f"<p class=help id={name}-help>{escape(guide)}</p>" if guide else ""
    field = f"<input id={name} name={name} type={kind} required maxlength=200{described} {attributes}>"
    return f"<label for={name}>{escape(label)}</label>{field}{below}"
