"""The technical terms in each language, as data: what a heading shows on hover, and what a test holds translations to."""

from __future__ import annotations

from functools import cache

from cnnlab.i18n.language import ENGLISH, LANGUAGES, folder, language


@cache
def glossary(code: str) -> dict[str, tuple[str, ...]]:
    """The terms of a language other than English by the English one, the preferred word first (`glossary.tsv` in its folder)."""
    lines = (folder(code) / "glossary.tsv").read_text(encoding="utf-8").splitlines()
    rows = (line.split("\t") for line in lines if line.strip() and not line.startswith("#"))
    return {english: tuple(words.split("|")) for english, words in rows}


def hover(text: str) -> str:
    """A term in the other language: of "Padding" 填充 for an English reader, "padding" for others; "" where it is no term."""
    code = language()
    other = next(iter(LANGUAGES[1:]), ENGLISH) if code == ENGLISH else code
    words = glossary(other)
    for term in (text.lower(), text.lower().removesuffix("s"), text):
        if term in words:
            return words[term][0] if code == ENGLISH else term
    return ""
