"""The translations of one language, read from its .po file: no build step, and branches merge as text."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from gettext import c2py  # type: ignore[attr-defined]
from pathlib import Path

from cnnlab.i18n.language import folder

_PLURAL = re.compile(r"plural=([^;\n]+)")
_LINE = re.compile(r'(?:(msgid_plural|msgid|msgstr)(?:\[(\d+)])? )?(".*")$')


@dataclass(frozen=True, slots=True)
class Message:
    """One entry: the English text, its plural ("" where there is none), and the translation for each number."""

    singular: str
    plural: str
    translations: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Catalogue:
    """All translated messages, by their English singular, and which translation goes with a number."""

    messages: dict[str, Message]
    form: Callable[[int], int]

    def text(self, english: str) -> str | None:
        """The translation of a text without plural, or of a singular."""
        message = self.messages.get(english)
        return message.translations[0] if message else None

    def plural(self, singular: str, number: int) -> str | None:
        """The translation that goes with `number`."""
        message = self.messages.get(singular)
        return message.translations[self.form(number)] if message else None


@cache
def catalogue(code: str) -> Catalogue:
    """The catalogue of a language other than English; it takes some milliseconds, once."""
    return read_po(folder(code) / "LC_MESSAGES" / "cnnlab.po")


def read_po(path: Path) -> Catalogue:
    """The messages of a .po file that have a translation; those marked as fuzzy or obsolete are left out."""
    messages = {}
    rule = "0"
    for parts in _entries(path.read_text(encoding="utf-8")):
        singular = parts.pop("msgid", "")
        plural = parts.pop("msgid_plural", "")
        translations = tuple(parts.values())
        if not singular:
            rule = found[1] if (found := _PLURAL.search("".join(translations))) else rule
        elif all(translations):
            messages[singular] = Message(singular, plural, translations)
    return Catalogue(messages, c2py(rule))


def _entries(text: str) -> Iterator[dict[str, str]]:
    for block in re.split(r"\n\s*\n", text):
        parts: dict[str, str] = {}
        name = ""
        for line in block.splitlines():
            if line.startswith("#,") and "fuzzy" in line:
                break
            if found := _LINE.match(line):
                keyword, index, literal = found.groups()
                name = f"{keyword}{index or ''}" if keyword else name
                parts[name] = parts.get(name, "") + ast.literal_eval(literal)
        else:
            if "msgid" in parts:
                yield parts
