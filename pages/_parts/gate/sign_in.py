"""The page that strangers get: a form for a code, for a name after the password of a class, and for signing out."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from html import escape
from pathlib import Path
from string import Template

from starlette.responses import HTMLResponse

from cnnlab.access.classes import Class, Member

_PAGE = Template(Path(__file__).with_suffix(".html").read_text(encoding="utf-8"))
_STYLE = Path(__file__).with_suffix(".css").read_text(encoding="utf-8")
_SCRIPT = Path(__file__).with_suffix(".js").read_text(encoding="utf-8")


class Page:
    """Draws pages for one request. `up` leads to the root of the app, `then` is the address that was asked for."""

    def __init__(self, words: dict[str, str], group: Class | None, *, up: str, then: str = "") -> None:
        self._words = words
        self._group = group
        self._up = up
        self._then = then

    def code(self, problem: str = "", *, status: int = 401) -> HTMLResponse:
        """Asks for a code, or for the password of the class."""
        if self._group is None:
            return self._page(self._words["title"], problem or self._words["closed"], "", status=status)
        kind = "class_password" if self._group.password else "code"
        shown = "password" if self._group.password else "text"
        field = self._field("code", kind, shown, "autofocus autocapitalize=none spellcheck=false autocomplete=off")
        teacher = self._form(self._field("password", "password", "password", "autocomplete=current-password"), "sign_in")
        forms = f"{self._form(field, 'sign_in')}<details><summary>{self._say('teacher')}</summary>{teacher}</details>"
        return self._page(self._group.name, problem, forms, status=status)

    def names(self, names: Sequence[Member], ticket: str) -> HTMLResponse:
        """Asks for one of these names."""
        if not names:
            return self._page(self._words["who"], self._words["none"], "", status=200)
        options = "".join(f"<option value='{escape(member.id)}'>{escape(member.name)}</option>" for member in names)
        field = f"<label for=member>{self._say('name')}</label><select id=member name=member required autofocus>{options}</select>"
        hidden = f"<input type=hidden name=ticket value='{escape(ticket)}'>"
        return self._page(self._words["who"], "", self._form(field + hidden, "choose"), status=200)

    def _page(self, heading: str, problem: str, forms: str, *, status: int) -> HTMLResponse:
        nonce = secrets.token_urlsafe(12)
        text = _PAGE.substitute(
            language=self._words["language"],
            title=self._say("title"),
            heading=escape(heading),
            problem=f"<p class=problem role=alert>{escape(problem)}</p>" if problem else "",
            forms=forms,
            style=f"<style nonce='{nonce}'>{_STYLE}</style>",
            script=f"<script nonce='{nonce}'>{_SCRIPT}</script>",
        )
        policy = f"default-src 'none'; style-src 'nonce-{nonce}'; script-src 'nonce-{nonce}'; form-action 'self'; base-uri 'none'"
        return HTMLResponse(
            text, status, {"content-security-policy": policy, "cache-control": "no-store", "vary": "accept-language"}
        )

    def _field(self, name: str, words: str, kind: str, attributes: str) -> str:
        guide = f"<p class=help id={name}-help>{self._say(f'{words}_help')}</p>" if f"{words}_help" in self._words else ""
        described = f" aria-describedby={name}-help" if guide else ""
        field = f"<input id={name} name={name} type={kind} required maxlength=200{described} {attributes}>"
        return f"<label for={name}>{self._say(words)}</label>{field}{guide}"

    def _form(self, fields: str, button: str) -> str:
        then = f"<input type=hidden name=then value='{escape(self._then)}'>"
        return f"<form method=post action='{escape(self._up)}sign-in'>{fields}{then}<button>{self._say(button)}</button></form>"

    def _say(self, key: str) -> str:
        return escape(self._words[key])
