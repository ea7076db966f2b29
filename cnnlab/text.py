"""Columns of plain text: the same in a terminal, in a pipe and in a diff."""

from __future__ import annotations

from collections.abc import Sequence


def aligned(header: Sequence[str], rows: Sequence[Sequence[str]], *, right: Sequence[str] = ()) -> str:
    """Rows under a header, two spaces between columns; the columns named in `right` end at the same place, as numbers should.

    Control characters become spaces: a cell may be what somebody has typed, and must not steer the terminal.
    """
    lines = [["".join(c if c.isprintable() else " " for c in cell) for cell in line] for line in (header, *rows)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    to_the_right = [name in right for name in header]
    return "\n".join(
        "  ".join(
            cell.rjust(width) if flush else cell.ljust(width) for cell, width, flush in zip(line, widths, to_the_right, strict=True)
        ).rstrip()
        for line in lines
    )
