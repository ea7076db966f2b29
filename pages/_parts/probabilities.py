"""The probabilities that a network gives to the classes, as bars in HTML: the most probable first."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from pathlib import Path

from cnnlab.i18n import _, translated
from cnnlab.text import confidence_text

MOST_BARS = 10
_STYLE = Path(__file__).with_suffix(".css").read_text(encoding="utf-8")


def ranked(classes: Sequence[str], probabilities: Sequence[float]) -> list[tuple[str, float]]:
    """The classes with their probabilities, the most probable first."""
    return sorted(zip(classes, probabilities, strict=True), key=lambda each: -each[1])


def bars_html(classes: Sequence[str], probabilities: Sequence[float], truth: str = "") -> str:
    """All classes as bars; of many, the first ten and the rest as one. `truth` is marked. All text is escaped."""
    rows, truth = ranked([translated(name) for name in classes], probabilities), translated(truth)
    shown, rest = rows[:MOST_BARS], rows[MOST_BARS:]
    if rest:
        shown = [*shown, (_("{count} others").format(count=len(rest)), sum(probability for _name, probability in rest))]
    items = "".join(
        _bar(name, probability, first=place == 0, true=name == truth) for place, (name, probability) in enumerate(shown)
    )
    return f'<style>{_STYLE}</style><ol class="cnn-chances" aria-label="{escape(_("Probability of each class"))}">{items}</ol>'


def _bar(name: str, probability: float, *, first: bool, true: bool) -> str:
    kind = ' class="cnn-first"' if first else ""
    mark = f'<b aria-hidden="true">▶</b><span class="cnn-hidden">{escape(_("its answer: "))}</span>' if first else ""
    right = f" <em>{escape(_('true class'))}</em>" if true else ""
    return (
        f"<li{kind}><span>{mark}{escape(name)}{right}</span>"
        f'<i aria-hidden="true"><u style="width: {100 * probability:.2f}%"></u></i>'
        f"<span>{escape(confidence_text(probability))}</span></li>"
    )
