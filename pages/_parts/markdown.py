"""Text that people typed, made safe for Markdown and HTML."""

from __future__ import annotations

import re
import unicodedata
from html import escape

from cnnlab.i18n import _, english, translated

# Markdown escapes do not help against these: Streamlit searches the rendered text for them.
_MARKS = re.compile(r":(?=[\w+/-]+:)|(?i:https?(?=:)|www(?=\.)|mailto(?=:))|@|(?<!\S)[<~>-](?=[>=-]+(?!\S)|-)")
_JOINER = "\u2060"  # has no width and is invisible


def escaped(text: str) -> str:
    """Typed text for Markdown, shown as it was typed."""
    inert = _MARKS.sub(lambda mark: mark[0] + _JOINER, text)
    return re.sub(r"([\\`*_{}\[\]()#+\-.!|$:<>~&^])", r"\\\1", inert)


def quoting(sentence: object) -> str:
    """The lab's own sentence for Markdown; typed text that it quotes becomes no link, picture or formula."""
    inert = _MARKS.sub(lambda mark: mark[0] + _JOINER, str(sentence))
    return re.sub(r"([\\`*\[\]$<|~])", r"\\\1", inert)


def labelled(error: object, name: str, label: str) -> str:
    """An error's sentence about the setting `name`, with its control's label in place of the name, in the reader's language."""
    sentence = str(error)
    if sentence.startswith(f"{name} "):
        here = translated(sentence)  # which leaves names as an address has them
        if here.startswith(name):
            return translated(label) + here.removeprefix(name)
        return translated(str(english(label)) + sentence.removeprefix(name))
    return f"{translated(label)}{_(': ')}{translated(sentence)}"


def isolated(text: str) -> str:
    """Text that may run from right to left, isolated so that it does not reverse the text beside it."""
    turns = any(unicodedata.bidirectional(c) in ("R", "AL", "RLE", "RLO", "RLI", "LRO", "LRE", "FSI", "LRI") for c in text)
    return f"\u2068{text}\u2069" if turns else text


def box(text: str) -> str:
    """Typed text as a box of HTML, unchanged; a long text scrolls (shell.css)."""
    return f'<div class="cnn-note" dir="auto" tabindex="0">{escape(text)}</div>'
