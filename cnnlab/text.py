"""Values as text, the same on pages, in a terminal, in messages and in reports, in the reader's language.

sizes        "999 bytes", "246.8 kB", "16 GB": steps of 1,000, memory included; one decimal at most, and no ".0"
percentages  "82.4 %": a space before the sign; one decimal, or none where a rough figure is enough; never 0 or 100 for nearly so
durations    "58 minutes", "1.5 hours" in a sentence; "1:20", "2:03:00" where figures stand side by side
counts       "61,706", "128.8 million" (Chinese: "1.29 亿") in a tile or a sentence; "924.8 M" in a column of a table
"""

from __future__ import annotations

import time
import unicodedata
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from functools import reduce
from typing import Any

from cnnlab.i18n import N_, Shown, _, language, nsay, say, shown

_JOINERS = "\u200c\u200d"  # invisible, but Persian, Hindi and some emoji are misspelt without them
_EXACT = 1e-12  # a share that is nearer to 0 or 1 has lost the rest in arithmetic
LONGEST = 80  # characters of a value that a sentence shows
# A unit, its length in seconds, and from how many seconds on it is used.
_DURATIONS = ((N_("{number} days"), 86_400, 129_600), (N_("{number} hours"), 3_600, 5_400), (N_("{number} minutes"), 60, 120))
# Languages that count large numbers in steps of 10,000: the size of a unit, its decimals, and its name.
_MYRIADS = {"zh": ((1e12, 2, "万亿"), (1e8, 2, "亿"), (1e4, 0, "万"))}
_ORDINALS = {1: N_("{number}st"), 2: N_("{number}nd"), 3: N_("{number}rd")}
_OTHERS = N_("{number}th")
_PEOPLE = ("Nesterov",)  # titles that begin with these keep their capital


def aligned(header: Sequence[str], rows: Sequence[Sequence[str]], *, right: Sequence[str] = ()) -> str:
    """Rows under a header, with two spaces between columns. The columns named in `right` are aligned right.

    Control characters become spaces: a cell may hold typed text, which must not steer the terminal.
    """
    lines = [["".join(c if c.isprintable() or c in _JOINERS else " " for c in cell) for cell in line] for line in (header, *rows)]
    widths = [max(map(cells, column)) for column in zip(*lines, strict=True)]
    flushes = [name in right for name in header]
    return "\n".join(
        "  ".join(
            " " * (width - cells(cell)) + cell if flush else cell + " " * (width - cells(cell))
            for cell, width, flush in zip(line, widths, flushes, strict=True)
        ).rstrip()
        for line in lines
    )


def shape_text(shape: Iterable[int], *, spaced: bool = False) -> str:
    """A shape as people write it: 6×28×28; `spaced`, so that a narrow column can break it, 6 × 28 × 28."""
    return (" × " if spaced else "×").join(map(str, shape))


def listed(parts: Iterable[str]) -> str:
    """Names as a list within a sentence that is shown at once: "a, b, c"; "" for none."""
    found = list(parts)
    return reduce(lambda before, part: _("{before}, {part}").format(before=before, part=part), found) if found else ""


def well_formed(text: str) -> str:
    """Text without lone surrogates, with which Python replaces bytes that are not UTF-8: the store cannot keep them."""
    return text.encode("utf-8", "replace").decode("utf-8")


def shortened(value: Any, *, quoted: bool = True) -> str:
    """A value for a sentence, cut to LONGEST characters; text is in quotes.

    Characters that are invisible or steer a terminal become �.
    """
    words = {None: N_("nothing"), True: "true", False: "false"}
    try:
        text = words[value] if value is None or isinstance(value, bool) else str(value)
    except (ValueError, RecursionError):  # a number of more than 4,300 digits, or endless nesting
        return N_("something very long")
    cut = "".join(c if c.isprintable() else "�" for c in text[:LONGEST]) + ("…" if len(text) > LONGEST else "")
    return repr(cut) if quoted and isinstance(value, str) else cut


def size_text(count: float) -> str:
    """A number of bytes: "870 bytes", "246.8 kB", "16 GB"."""
    if (value := round(count)) < 1_000:
        return shown(nsay("{count} byte", "{count} bytes", value, count=value))
    for unit, size in (("kB", 1e3), ("MB", 1e6)):
        if round(value / size, 1) < 1_000:
            return f"{_tenths(value / size)} {unit}"
    return f"{_tenths(value / 1e9)} GB"


def percent(share: float | None, decimals: int | None = 1) -> str:
    """A share from 0 to 1: "82.4 %", "42 %" without decimals; with None, as many as it has. A dash where there is no share.

    One that is not nothing never reads as 0, and less than all never as 100: "0.3 %", "< 0.1 %", "> 99.9 %".
    """
    if share is None:
        return "–"
    if decimals is None:
        return f"{100 * share:.4g} %"
    text = f"{100 * share:.{decimals}f}"
    if not _EXACT < share < 1 - _EXACT or float(text) not in (0, 100):
        return f"{text} %"
    if decimals == 0:
        return percent(share)
    return f"{'<' if share < 0.5 else '>'} {abs(float(text) - 10**-decimals):.{decimals}f} %"


def confidence_text(confidence: float, decimals: int = 1) -> str:
    """A network's confidence: "82.4 %", "> 99.9 %". A softmax is never 0 or 1, though float32 rounds it to that."""
    return percent(min(max(confidence, 2 * _EXACT), 1 - 2 * _EXACT), decimals)


def duration_text(seconds: float) -> str:
    """A duration in a sentence: "40 seconds", "58 minutes", "1.5 hours"."""
    seconds = max(1, round(seconds)) if seconds > 0 else 0
    for unit, length, least in _DURATIONS:
        if seconds >= least:
            number = seconds / length
            return shown(say(unit, number=_tenths(number) if number < 9.5 and length > 60 else f"{number:,.0f}"))
    return shown(nsay("{count} second", "{count} seconds", int(seconds), count=seconds))


def duration(seconds: float) -> str:
    """A duration in figures: "1:20" for eighty seconds, "2:03:00" for two hours and three minutes."""
    minutes, rest = divmod(max(0, round(seconds)), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def count_text(count: int) -> str:
    """A count that fits a tile: "61,706", "128.8 million", "7.55 billion"; in Chinese "6110 万", "1.29 亿"."""
    if count < 10_000_000:
        return f"{count:,}"
    million = round(count / 1e6, 1) < 1_000
    english = (
        say("{number} million", number=f"{count / 1e6:.1f}") if million else say("{number} billion", number=f"{count / 1e9:.2f}")
    )
    for size, decimals, unit in _MYRIADS.get(language(), ()):
        if round(count / size, decimals) >= 1:
            result = Shown(f"{count / size:.{decimals}f} {unit}")
            result.english = english
            return result
    return shown(english)


def short_count(count: int) -> str:
    """A count for a narrow column, at most nine characters, so that it is never cut off: "61,706", "924.8 M", "7.55 G".

    The full figure belongs beside it: in a hover, and in the file that can be downloaded.
    """
    for unit, size, decimals in (("", 1, 0), (" M", 1e6, 1), (" G", 1e9, 2), (" T", 1e12, 2)):
        if round(abs(count) / size, decimals) < (1_000_000 if unit == "" else 1_000):
            break
    return f"{count / size:,.{decimals}f}{unit}"


def image_number(index: int) -> int:
    """The number of an image for people, on pages and in a terminal: they count from 1, where `index` counts from 0."""
    return index + 1


def ordinal(number: int) -> str:
    """ "1st", "2nd", "11th"."""
    ending = _OTHERS if number // 10 % 10 == 1 else _ORDINALS.get(number % 10, _OTHERS)
    return shown(say(ending, number=f"{number:,}"))


def ago(moment: float, now: float | None = None) -> str:
    """The time since `moment` (seconds since 1970), in the largest unit that fits: "3 hours ago", "just now"."""
    passed = max(0.0, (time.time() if now is None else now) - moment)
    days, hours, minutes = (int(passed // size) for size in (86_400, 3_600, 60))
    if days:
        return shown(nsay("{count} day ago", "{count} days ago", days, count=days))
    if hours:
        return shown(nsay("{count} hour ago", "{count} hours ago", hours, count=hours))
    if minutes:
        return shown(nsay("{count} minute ago", "{count} minutes ago", minutes, count=minutes))
    return shown(N_("just now"))


def clock_text(moment: float, now: float | None = None) -> str:
    """A time to come, in seconds since 1970, as the clock of this machine shows it: "14:20", "tomorrow 9:05", "2026-12-24 8:00"."""
    then, today = (datetime.fromtimestamp(each) for each in (moment, time.time() if now is None else now))
    at = f"{then.hour}:{then.minute:02}"
    if then.date() <= today.date():
        return at
    if then.date() == today.date() + timedelta(days=1):
        return shown(say("tomorrow {time}", time=at))
    return f"{then:%Y-%m-%d} {at}"


def vertically(by: int) -> list[str]:
    """How many pixels down or up something moved, in English, as one part of a sentence; no part where it did not."""
    if not by:
        return []
    if by > 0:
        return [nsay("{count} pixel down", "{count} pixels down", by, count=by)]
    return [nsay("{count} pixel up", "{count} pixels up", -by, count=-by)]


def sideways(by: int) -> list[str]:
    """How many pixels to the right or to the left, as `vertically`."""
    if not by:
        return []
    if by > 0:
        return [nsay("{count} pixel to the right", "{count} pixels to the right", by, count=by)]
    return [nsay("{count} pixel to the left", "{count} pixels to the left", -by, count=-by)]


def in_sentence(title: str) -> str:
    """A title within a sentence: "learning rate", and "Nesterov momentum" as a person's name."""
    return title if title.startswith(_PEOPLE) else title[:1].lower() + title[1:]


def cells(text: str) -> int:
    """The columns that the text takes in a terminal, and letters that are as wide: two for a Chinese character."""
    return sum(2 if unicodedata.east_asian_width(character) in "WF" else 1 for character in text)


def _tenths(value: float) -> str:
    return f"{value:,.1f}".removesuffix(".0")
