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
    other = _other()
    return "" if other == ENGLISH else _terms(text, other)


def shown_terms(*texts: str) -> str:
    """As `terms`, of texts in the reader's language, such as those within a chart."""
    code, text = language(), " · ".join(texts)
    return terms(text) if code == ENGLISH else _terms_of_translated(text, code)


def _other() -> str:
    """The language beside English in which terms are shown; English where the lab speaks no other."""
    code = language()
    return next(iter(LANGUAGES[1:]), ENGLISH) if code == ENGLISH else code


@lru_cache(maxsize=1_000)
def _terms(text: str, other: str) -> str:
    # Kept: each label of a form is looked through for 74 terms, a tenth of the form's time.
    rest, found = text.lower(), []
    for term in sorted(glossary(other), key=len, reverse=True):  # a longer term first: "batch size" before "batch"
        if match := re.search(rf"\b{re.escape(term)}(s|es)?\b", rest):
            found.append((match.start(), f"{term}: {glossary(other)[term][0]}"))
            rest = rest.replace(match[0], " " * len(match[0]))
    return "\n\n".join(line for _, line in sorted(found))


@lru_cache(maxsize=1_000)
def _terms_of_translated(text: str, code: str) -> str:
    every = [(word, term) for term, words in glossary(code).items() for word in words]
    found: dict[str, tuple[int, str]] = {}
    for word, term in sorted(every, key=lambda each: len(each[0]), reverse=True):
        if (place := text.find(word)) >= 0:
            found.setdefault(word, (place, f"{term}: {word}"))
            text = text.replace(word, " " * len(word))
    return "\n\n".join(line for _, line in sorted(found.values()))


def hover(text: str) -> str:
    """A term in the other language: of "Padding" 填充 for an English reader, "padding" for others; "" where it is no term."""
    code, other = language(), _other()
    if other == ENGLISH:
        return ""
    words = glossary(other)
    for term in (text.lower(), text.lower().removesuffix("s"), text):
        if term in words:
            return words[term][0] if code == ENGLISH else term
    return ""
