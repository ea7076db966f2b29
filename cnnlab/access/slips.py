"""The sheet of slips that a teacher prints: a name, an address, a code and a link each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from string import Template

_SHEET = Template(Path(__file__).with_suffix(".html").read_text(encoding="utf-8"))
_STYLE = Path(__file__).with_suffix(".css").read_text(encoding="utf-8")


@dataclass(frozen=True, slots=True)
class Slip:
    name: str
    code: str  # "" where the class has one password

    def link(self, address: str) -> str:
        """Signs in without typing. What follows the # is sent to no server, so it stands in no log."""
        return f"{address}/sign-in#{self.code}"


def sheet(title: str, slips: Sequence[Slip], address: str) -> str:
    """The whole sheet as an HTML page that needs nothing from elsewhere."""
    drawn = "\n".join(_drawn(slip, title, address) for slip in slips)
    return _SHEET.substitute(title=escape(f"{title} · CNN Lab"), style=f"<style>{_STYLE}</style>", slips=drawn)


def _drawn(slip: Slip, title: str, address: str) -> str:
    head = f"<h2>{escape(slip.name)}</h2><p>{escape(title)} · CNN Lab</p><p>Open · 打开 <b>{escape(address)}</b></p>"
    if not slip.code:
        return f"<section class=slip>{head}<p>The teacher has the password · 密码请询问老师</p></section>"
    link = escape(slip.link(address))
    code = f"<p>Code · 代码 <span class=code>{escape(slip.code)}</span></p>"
    return f"<section class=slip>{head}{code}<p>or the link · 或链接 <a href='{link}'>{link}</a></p></section>"
