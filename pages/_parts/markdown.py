"""Text that people typed, made safe for Markdown and HTML."""

from __future__ import annotations

import re
import unicodedata
from html import escape

# Markdown's own escapes come too late for these: Streamlit looks for them in the finished text.
_LOOKED_FOR = re.compile(r":(?=[\w+/-]+:)|(?i:https?(?=:)|www(?=\.)|mailto(?=:))|@|(?<!\S)[<~>-](?=[>=-]+(?!\S)|-)")
_JOINER = "\u2060"  # takes no room and is not seen


def escaped(text: str) -> str:
    """Text that somebody typed, for a place that reads Markdown."""
    inert = _LOOKED_FOR.sub(lambda found: found[0] + _JOINER, text)
    return re.sub(r"([\\`*_{}\[\]()#+\-.!|$:<>~&^])", r"\\\1", inert)


def quoting(sentence: object) -> str:
    """A sentence of ours that may quote what somebody typed, for Markdown: no link, picture or formula comes of the quotation."""
    inert = _LOOKED_FOR.sub(lambda found: found[0] + _JOINER, str(sentence))
    return re.sub(r"([\\`*\[\]$<|~])", r"\\\1", inert)


def labelled(error: object, name: str, label: str) -> str:
    """An error's sentence about the setting `name`, under the label that its control has on the page."""
    sentence = str(error)
    return label + sentence.removeprefix(name) if sentence.startswith(f"{name} ") else f"{label}: {sentence}"


def isolated(text: str) -> str:
    """Text that may run from right to left, so that it does not turn round what stands beside it."""
    turns = any(unicodedata.bidirectional(each) in ("R", "AL", "RLE", "RLO", "RLI", "LRO", "LRE", "FSI", "LRI") for each in text)
    return f"\u2068{text}\u2069" if turns else text


def box(text: str) -> str:
    """Typed text as a box of HTML, unchanged; a long text scrolls (run/view.css)."""
    return f'<div class="cnn-note" dir="auto" tabindex="0">{escape(text)}</div>'
