"""Finds the catalogue's message that an English sentence was made from, and says the same in another language.

Errors, notices and advice are made in one process and shown in another, or stored: they travel as plain English. Here each message
with placeholders is a pattern, and the values that it finds are translated in turn.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from functools import cache, cached_property, lru_cache
from string import Formatter

from cnnlab.i18n.catalogue import Catalogue, Message, catalogue

_WORD = re.compile(r"[^\W\d_]{2,}")
_NUMERIC = re.compile(r"[,dfgn%]$")  # the end of a format that only numbers have
_NUMBERS = ("count", "number")  # placeholders of these names hold numbers
_NUMBER = r"[-−]?\d[\d,]*(?:\.\d+)?(?:e[-+]?\d+)?"
_ONE_SENTENCE = r"(?:(?![.!?…]\s| · ).)+?[.!?…]?"  # and one part of a list
_ANYTHING = r".+?"
_WEAK = 2  # letters; a message with so few fits too much, unless a digit stands in each of its placeholders
_QUOTES = "“”‘’\"'`„«»"
_SENTENCES = re.compile(r"(?<=[.!?…”])\s+(?=\S)")
_LINKS = (" · ", "\n\n", "  \n")  # between parts that are texts of their own
_ENDS = "。！？…："  # after these Chinese has no space


class Pattern:
    """A message that a text can be compared with."""

    def __init__(self, message: Message, template: str) -> None:
        self.message = message
        self._parsed = list(Formatter().parse(template))
        self._literals = [literal for literal, *_ in self._parsed]
        # Its letters and digits outside placeholders, how many of these are numbers, and its signs too: the highest counts.
        self._strength = sum(character.isalnum() for literal in self._literals for character in literal)
        numbers = sum(_is_number(name, spec) for _, name, spec, _ in self._parsed if name is not None)
        self.rank = self._strength, numbers, sum(map(len, self._literals))
        after = [*self._literals[1:], ""]
        # Placeholders within quotes hold what people typed, and {name} a setting as an address has it: neither is translated.
        self.verbatim = {
            name for (literal, name, _, conversion), rest in zip(self._parsed, after, strict=True)
            if conversion == "r" or name == "name" or (literal and rest and literal[-1] in _QUOTES and rest[0] in _QUOTES)
        }  # fmt: skip

    def values(self, text: str, *, loose: bool) -> dict[str, str] | None:
        """What stands in place of the placeholders; None where the text was not made from this message."""
        place = 0
        for literal in self._literals:  # a hundred times as fast as the expression, and nearly always enough to refuse
            place = text.find(literal, place)
            if place < 0:
                return None
            place += len(literal)
        match = (self._loose if loose else self._strict).fullmatch(text)
        return match and match.groupdict()

    @cached_property
    def _strict(self) -> re.Pattern[str]:
        return self._compiled(_ONE_SENTENCE)

    @cached_property
    def _loose(self) -> re.Pattern[str]:
        return self._compiled(_ANYTHING)

    def _compiled(self, anything: str) -> re.Pattern[str]:
        regex, seen = "" if self._strength > _WEAK else r"(?=.*\d)", set()
        for literal, name, spec, _ in self._parsed:
            regex += re.escape(literal)
            if name is not None:
                value = _NUMBER if _is_number(name, spec) else anything
                regex += f"(?P={name})" if name in seen else f"(?P<{name}>{value})"
                seen.add(name)
        return re.compile(regex, re.DOTALL)


def say(template: str, /, **values: object) -> str:
    """The English sentence, for an error, a notice, or anything that is shown elsewhere; `translated` finds its parts again."""
    return template.format(**{name: english(value) for name, value in values.items()})


def nsay(singular: str, plural: str, number: int, /, **values: object) -> str:
    """As `say`, with the form for `number`."""
    return say(singular if number == 1 else plural, **values)


class Shown(str):
    """A text in the reader's language that remembers its English, so that `say` builds no sentence of two languages."""

    english: str


def english(value: object) -> object:
    """The value itself, or the English of a text that was made for a reader."""
    return value.english if isinstance(value, Shown) else value


@lru_cache(maxsize=8_192)
def in_language(text: str, code: str) -> str:
    """An English text in the language `code`: the message it is, or was made from; its sentences one by one; else as it is."""
    book = catalogue(code)
    if (exact := book.text(text)) is not None:
        return exact
    if (whole := _matched(text, code, book)) is not None:
        return whole
    for link in _LINKS:
        if link in text:
            return link.join(in_language(part, code) for part in text.split(link))
    found = _sentence_by_sentence(text, code, book)
    if found is None:
        found = _stopped_otherwise(text, code, book)
    if found is None:
        found = _matched(text, code, book, loose=True)
    if found is None and "; " in text:
        found = (book.text("; ") or "; ").join(in_language(part, code) for part in text.split("; "))
    return text if found is None else found


def _stopped_otherwise(text: str, code: str, book: Catalogue) -> str | None:
    """A sentence that lost its full stop in a list, or a message that got one."""
    other = text[:-1] if text.endswith(".") else f"{text}."
    found = book.text(other)
    found = _matched(other, code, book) if found is None else found
    stop = book.text(".") or "."
    return found and (f"{found}{stop}" if text.endswith(".") else found.removesuffix(stop))


def joined(sentences: Iterable[str]) -> str:
    """Sentences of one language, with a space after those whose language has one."""
    result = ""
    for sentence in sentences:
        result += (" " if result and result[-1] not in _ENDS else "") + sentence
    return result


def _sentence_by_sentence(text: str, code: str, book: Catalogue) -> str | None:
    """The longest runs of sentences that are messages; a sentence that is none stays English. None where all are."""
    sentences = _SENTENCES.split(text)
    result: list[str] = []
    known = False
    while sentences:
        for count in range(len(sentences), 0, -1):
            run = " ".join(sentences[:count])
            found = book.text(run)
            found = _matched(run, code, book) if found is None else found
            if found is not None or count == 1:
                known |= found is not None
                result.append(run if found is None else found)
                del sentences[:count]
                break
    return joined(result) if known else None


def _matched(text: str, code: str, book: Catalogue, *, loose: bool = False) -> str | None:
    found = find(text, code, loose=loose)
    if found is None:
        return None
    pattern, values = found
    shown = {
        name: value if name in pattern.verbatim else in_language(value, code) for name, value in values.items() if value is not None
    }
    message = pattern.message
    translation = message.translations[book.form(_number(values)) if message.plural else 0]
    result = "".join(
        literal + (shown.get(name, "") if name is not None else "") for literal, name, _, _ in Formatter().parse(translation)
    )
    # The last value took the full stop of a sentence that got one.
    taken = result.endswith(".") and text.endswith(".") and translation.endswith("}")
    return result[:-1] + (book.text(".") or ".") if taken else result


def _number(values: dict[str, str]) -> int:
    """What a plural goes by: the first whole number among the values."""
    return next((int(plain) for value in values.values() if (plain := value.replace(",", "")).isdigit()), 1)


def find(text: str, code: str, *, loose: bool = False) -> tuple[Pattern, dict[str, str]] | None:
    """The message with most letters of its own that `text` can have been made from, and the values of its placeholders.

    A value is at most one sentence, unless `loose`.
    """
    index = _index(code)
    candidates = [pattern for word in dict.fromkeys(_WORD.findall(text)) for pattern in index.get(word, ())]
    for pattern in sorted(candidates, key=lambda pattern: pattern.rank, reverse=True):
        if (values := pattern.values(text, loose=loose)) is not None:
            return pattern, values
    return None


@cache
def _index(code: str) -> dict[str, list[Pattern]]:
    """The patterns by their rarest word: a text is compared with those whose word it contains."""
    messages = catalogue(code).messages.values()
    texts = [(message, text) for message in messages for text in (message.singular, message.plural) if "{" in text]
    counts = Counter(word for _, text in texts for word in set(_words_of(text)))
    index: dict[str, list[Pattern]] = {}
    for message, text in texts:
        if words := _words_of(text):
            rarest = min(words, key=lambda word: (counts[word], -len(word)))
            index.setdefault(rarest, []).append(Pattern(message, text))
    return index


def _words_of(template: str) -> list[str]:
    """The words of a message that stand alone in every text made from it: none that touches a placeholder."""
    bare = "".join(literal + "\0" * (name is not None) for literal, name, *_ in Formatter().parse(template))
    whole = [match for match in _WORD.finditer(bare) if "\0" not in bare[max(0, match.start() - 1) : match.end() + 1]]
    return [match[0] for match in (whole or _WORD.finditer(bare))]


def _is_number(name: str, spec: str | None) -> bool:
    return name in _NUMBERS or bool(spec and _NUMERIC.search(spec))
