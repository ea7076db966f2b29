"""The technical terms in each language, as data: what a heading shows on hover, and what a test holds translations to."""

from __future__ import annotations

import re
from functools import cache, lru_cache

from cnnlab.i18n.language import ENGLISH, LANGUAGES, folder, language


@cache
def glossary(code: str) -> dict[str, tuple[str, ...]]:
    """The terms of a language other than English by the English one, the preferred word first (`glossary.tsv` in its folder)."""
    lines = (folder(code) / "glossary.tsv").read_text(encoding="utf-8").splitlines()
    rows = (line.split("\t") for line in lines if line.strip() and not line.startswith("#"))
    return {english: tuple(words.split("|")) for english, words in rows}


def terms(text: str) -> str:
    """The terms within an English text, each with its word in the other language, as a line for each: "gradient: 梯度"."""
    code = language()
    other = next(iter(LANGUAGES[1:]), ENGLISH) if code == ENGLISH else code
    return "" if other == ENGLISH else _terms(text, other)


@lru_cache(maxsize=1_000)
def _terms(text: str, other: str) -> str:
    # Kept: each label of a form is looked through for 74 terms, a tenth of the form's time.
    rest, found = text.lower(), []
    for term in sorted(glossary(other), key=len, reverse=True):  # a longer term first: "batch size" before "batch"
        if match := re.search(rf"\b{re.escape(term)}(s|es)?\b", rest):
            found.append((match.start(), f"{term}: {glossary(other)[term][0]}"))
            rest = rest.replace(match[0], " " * len(match[0]))
    return "\n\n".join(line for _, line in sorted(found))


def hover(text: str) -> str:
    """A term in the other language: of "Padding" 填充 for an English reader, "padding" for others; "" where it is no term."""
    code = language()
    other = next(iter(LANGUAGES[1:]), ENGLISH) if code == ENGLISH else code
    words = glossary(other)
    for term in (text.lower(), text.lower().removesuffix("s"), text):
        if term in words:
            return words[term][0] if code == ENGLISH else term
    return ""
