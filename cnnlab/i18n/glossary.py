"""The technical terms in each language, as data: what a heading shows on hover, and what a test holds translations to."""

from __future__ import annotations

import re
from functools import cache, lru_cache

from cnnlab.i18n.language import ENGLISH, LANGUAGES, folder, language

_WITHOUT_SPACES = "\u2e80"  # Chinese and Japanese characters begin here: a term stands between others there


@cache
def glossary(code: str) -> dict[str, tuple[str, ...]]:
    """The terms of a language other than English by the English one, the preferred word first (`glossary.tsv` in its folder)."""
    lines = (folder(code) / "glossary.tsv").read_text(encoding="utf-8").splitlines()
    rows = (line.split("\t") for line in lines if line.strip() and not line.startswith("#"))
    return {english: tuple(words.split("|")) for english, words in rows}


def terms(text: str) -> str:
    """The terms within an English text, each with its word in the other language, as a line for each: "gradient: 梯度"."""
    return _terms(text, ENGLISH, language())


def shown_terms(*texts: str) -> str:
    """As `terms`, of texts in the reader's language, such as those within a chart."""
    return _terms(" · ".join(texts), language(), language())


def hover(text: str) -> str:
    """A term in the other language: of "Padding" 填充 for an English reader, "padding" for others; "" where it is no term."""
    code = language()
    for term in (text.lower(), text.lower().removesuffix("s"), text):
        if words := _words(term, code):
            return words if code == ENGLISH else term
    return ""


def _words(term: str, reader: str) -> str:
    """The words for an English term beside it: for an English reader those of all languages, for others their own; "" for none."""
    languages = LANGUAGES[1:] if reader == ENGLISH else (reader,)
    return " · ".join(glossary(code)[term][0] for code in languages if term in glossary(code))


@cache
def _forms(code: str, reader: str) -> tuple[tuple[re.Pattern[str], str], ...]:
    """What stands for a term in a text of a language, and its line; a longer one first: "batch size" before "batch"."""
    if code == ENGLISH:
        every = {term: _words(term, reader) for other in LANGUAGES[1:] for term in glossary(other)}
        forms = [(term, "(s|es)?", f"{term}: {words}") for term, words in every.items() if words]
    else:
        forms = [(word, "", f"{term}: {word}") for term, words in glossary(code).items() for word in words]
    return tuple(
        (re.compile(re.escape(form) if form[0] >= _WITHOUT_SPACES else rf"\b{re.escape(form)}{plural}\b", re.IGNORECASE), line)
        for form, plural, line in sorted(forms, key=lambda each: len(each[0]), reverse=True)
    )


@lru_cache(maxsize=1_000)
def _terms(text: str, code: str, reader: str) -> str:
    # Kept: each label of a form is looked through for 74 terms, a tenth of the form's time.
    found = []
    for pattern, line in _forms(code, reader):
        if match := pattern.search(text):
            found.append((match.start(), line))
            text = pattern.sub(lambda each: " " * len(each[0]), text)
    return "\n\n".join(line for _, line in sorted(found))
