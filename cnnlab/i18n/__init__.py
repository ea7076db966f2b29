"""Texts in the reader's language, without a build step. docs/TRANSLATING.md says how a text is marked and translated.

_("Train this network")                          shown now, to one reader
_("Input {size}").format(size=size)              with a value; ngettext where a number decides between two forms
TITLE = N_("Design")  …  translated(TITLE)       a constant: marked where it stands, translated where it is shown
raise DataError(say("{file} is missing.", file=file))  made here, shown elsewhere: English until `translated` at the edge
"""

from __future__ import annotations

from cnnlab.i18n.catalogue import catalogue
from cnnlab.i18n.language import ENGLISH, LANGUAGES, ask_otherwise, choose, known, language, of_terminal, tag, using
from cnnlab.i18n.matching import Shown, english, in_language, joined, nsay, say

__all__ = [
    "ENGLISH", "LANGUAGES", "N_", "Shown", "_", "ask_otherwise", "choose", "english", "known", "language", "ngettext", "nsay",
    "of_terminal", "own_name", "say", "shown", "tag", "together", "translated", "using",
]  # fmt: skip


def _(message: str) -> str:
    """A literal in the reader's language; it is filled afterwards, with `.format`."""
    code = language()
    return message if code == ENGLISH else catalogue(code).text(message) or message


def ngettext(singular: str, plural: str, number: int) -> str:
    """The form for `number` in the reader's language; it is filled afterwards, with `.format`."""
    code = language()
    usual = singular if number == 1 else plural
    return usual if code == ENGLISH else catalogue(code).plural(singular, number) or usual


def N_(message: str) -> str:  # noqa: N802  gettext's own name
    """Marks a constant for translation; it stays English until `translated` shows it."""
    return message


_STOP = N_(".")  # `in_language` takes it off a sentence, or adds it


def translated(text: object) -> str:
    """A text of the lab that was marked elsewhere (`N_`, `say`), in the reader's language; what is not known stays as it is."""
    code = language()
    return str(text) if code == ENGLISH or isinstance(text, Shown) else in_language(str(text), code)


def shown(text: str) -> str:
    """As `translated`, for a function whose result is shown at once or becomes a part of a sentence that `say` makes."""
    code = language()
    if code == ENGLISH:
        return text
    result = Shown(in_language(text, code))
    result.english = text
    return result


def together(*sentences: str) -> str:
    """Sentences in the reader's language, one after the other without the empty ones: Chinese has no space between them."""
    return joined(filter(None, sentences))


def own_name(code: str) -> str:
    """The name of a language in itself: "English", "中文"."""
    with using(code):
        return _("English")  # Translators: the name of your own language, in your language
