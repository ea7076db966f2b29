"""A run in words: its title, its state, how long ago; the same on every page."""

from __future__ import annotations

import re
import time
import unicodedata
from html import escape

from cnnlab.runs.records import Run, State

STATE_WORDS = {
    State.QUEUED: "Waiting for its turn",
    State.STARTING: "Starting",
    State.RUNNING: "Training",
    State.PAUSING: "Pausing",
    State.PAUSED: "Paused",
    State.STOPPING: "Stopping",
    State.STOPPED: "Stopped",
    State.FINISHED: "Finished",
    State.FAILED: "Failed",
    State.INTERRUPTED: "Interrupted",
}
STATE_ICONS = {
    State.QUEUED: ":material/hourglass_empty:",
    State.STARTING: ":material/hourglass_top:",
    State.RUNNING: ":material/play_circle:",
    State.PAUSING: ":material/pending:",
    State.PAUSED: ":material/pause_circle:",
    State.STOPPING: ":material/pending:",
    State.STOPPED: ":material/stop_circle:",
    State.FINISHED: ":material/check_circle:",
    State.FAILED: ":material/error:",
    State.INTERRUPTED: ":material/power_off:",
}
LONGEST_TITLE = 80  # characters, where several titles stand in a list or a sentence

# Markdown's own escapes come too late for these: Streamlit looks for them in the finished text.
_LOOKED_FOR = re.compile(r":(?=[\w+/-]+:)|(?i:https?(?=:)|www(?=\.)|mailto(?=:))|@|(?<!\S)[<~>-](?=[>=-]+(?!\S)|-)")
_JOINER = "\u2060"  # takes no room and is not seen


def title(run: Run) -> str:
    """The name a person gave it; the lab names the others after their network and data set."""
    return run.name or run.id


def cut_title(run: Run) -> str:
    """The title for a list or a sentence: bounded, on one line, and not turning round what stands beside it."""
    whole = " ".join(title(run).split())
    return isolated(whole if len(whole) <= LONGEST_TITLE else f"{whole[:LONGEST_TITLE]}…")


def isolated(text: str) -> str:
    """Text that may run from right to left, so that it does not turn round what stands beside it."""
    turns = any(unicodedata.bidirectional(each) in ("R", "AL", "RLE", "RLO", "RLI", "LRO", "LRE", "FSI", "LRI") for each in text)
    return f"\u2068{text}\u2069" if turns else text


def short_title(run: Run) -> str:
    """The same for Markdown."""
    return escaped(cut_title(run))


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


def box(text: str) -> str:
    """Text that somebody typed as a box of HTML that shows it as it was typed, and scrolls where it is long."""
    style = (
        "white-space: pre-wrap; overflow-wrap: anywhere; max-height: 8.5rem; overflow: auto; padding: .5rem .75rem; "
        "border-left: 3px solid rgba(138,143,152,.5); unicode-bidi: plaintext;"
    )
    return f'<div class="cnn-note" dir="auto" tabindex="0" style="{style}">{escape(text)}</div>'


def share(value: float | None) -> str:
    """An accuracy as people say it: "81.2 %"."""
    return "–" if value is None else f"{value:.1%}".replace("%", " %")


def whole_share(value: float) -> str:
    """A share in whole per cent: "42 %"."""
    return f"{value:.0%}".replace("%", " %")


def duration(seconds: float) -> str:
    """ "1:20" for eighty seconds, "2:03:00" for two hours and three minutes."""
    minutes, rest = divmod(max(0, round(seconds)), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def file_size(size: int) -> str:
    """ "1.2 MB", in steps of a thousand."""
    for unit, length in (("GB", 10**9), ("MB", 10**6), ("kB", 10**3)):
        if size >= length:
            return f"{size / length:,.1f} {unit}"
    return f"{size} bytes"


def ordinal(number: int) -> str:
    """ "1st", "2nd", "11th"."""
    ending = "th" if number // 10 % 10 == 1 else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number:,}{ending}"


def ago(moment: float, now: float | None = None) -> str:
    """How long ago a moment (seconds since 1970) was, in the coarsest unit that says enough."""
    passed = max(0.0, (time.time() if now is None else now) - moment)
    for size, unit in ((86_400, "day"), (3_600, "hour"), (60, "minute")):
        count = int(passed // size)
        if count:
            return f"{count} {unit}{'s' if count > 1 else ''} ago"
    return "just now"
