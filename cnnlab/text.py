"""Plain text: columns that are the same in a terminal, in a pipe and in a diff; values within a sentence."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

_JOINERS = "\u200c\u200d"  # not seen by themselves, but Persian, Hindi and some emoji are misspelt without them
LONGEST = 80  # characters of a value that a sentence shows


def aligned(header: Sequence[str], rows: Sequence[Sequence[str]], *, right: Sequence[str] = ()) -> str:
    """Rows under a header, two spaces between columns; the columns named in `right` end at the same place, as numbers should.

    Control characters become spaces: a cell may be what somebody has typed, and must not steer the terminal.
    """
    lines = [["".join(c if c.isprintable() or c in _JOINERS else " " for c in cell) for cell in line] for line in (header, *rows)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    to_the_right = [name in right for name in header]
    return "\n".join(
        "  ".join(
            cell.rjust(width) if flush else cell.ljust(width) for cell, width, flush in zip(line, widths, to_the_right, strict=True)
        ).rstrip()
        for line in lines
    )


def shape_text(shape: Iterable[int], *, spaced: bool = False) -> str:
    """A shape as people write it: 6×28×28; `spaced`, so that a narrow column can break it, 6 × 28 × 28."""
    return (" × " if spaced else "×").join(map(str, shape))


def well_formed(text: str) -> str:
    """Text without halves of surrogate pairs, Python's stand-ins for bytes that are no UTF-8: the store cannot keep them."""
    return text.encode("utf-8", "replace").decode("utf-8")


def shortened(value: Any, *, quoted: bool = True) -> str:
    """A value as a sentence shows it: numbers as they are, text in quotes, both cut where they are long.

    Characters that cannot be seen, or steer a terminal, become �.
    """
    words = {None: "nothing", True: "true", False: "false"}
    try:
        text = words[value] if value is None or isinstance(value, bool) else str(value)
    except (ValueError, RecursionError):  # Python writes out no number of more than 4,300 digits, nor what is nested without end
        return "something very long"
    cut = "".join(c if c.isprintable() else "�" for c in text[:LONGEST]) + ("…" if len(text) > LONGEST else "")
    return repr(cut) if quoted and isinstance(value, str) else cut


def memory_text(count: float) -> str:
    """31 GB, 4.2 GB, 870 MB: gigabytes of 1024³ bytes, as memory is sold."""
    gigabytes = count / (1 << 30)
    if gigabytes < 0.995:
        return f"{count / (1 << 20):.0f} MB"
    return f"{gigabytes:.1f} GB" if gigabytes < 9.95 else f"{gigabytes:,.0f} GB"


def duration_text(seconds: float) -> str:
    """58 minutes, 1.5 hours, 40 seconds."""
    for unit, length in (("day", 86_400), ("hour", 3_600), ("minute", 60)):
        if seconds >= 1.5 * length:
            number = seconds / length
            return f"{number:.1f} {unit}s" if number < 9.5 and unit != "minute" else f"{number:.0f} {unit}s"
    return f"{max(1, round(seconds))} second{'' if round(seconds) <= 1 else 's'}"
