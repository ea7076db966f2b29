"""Text that leaves the lab for a spreadsheet: the one gate for CSV files, and for cells that can be copied or downloaded.

Excel, LibreOffice and Google Sheets run a cell that begins with =, +, - or @ as a formula, also where spaces stand before it or
the sign is a full-width one, and read 1234e567 as infinity. A name that a classmate typed must do neither.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Sequence

# A sign, plain or full-width, after spaces, visible or not, that spreadsheets skip.
_SIGN = "[\\s\u00a0\u2000-\u200f\u2060\u3000\ufeff\x01-\x1f]*[=+\\-@\uff1d\uff0b\uff0d\uff20]"
# At the beginning, and where Excel would begin another cell if its separator is the semicolon.
FORMULAS = (f"^()({_SIGN}|[\t\r\n])", f"([;\r\n])({_SIGN})")
# Excel takes a file for Windows-1252, and shows 6Ã—28Ã—28, unless it begins so.
BYTE_ORDER_MARK = "\ufeff"
_OTHER_NUMBER = re.compile(r"0\d+|\d{16,}|\d+[eE]\d+")  # read as a number, it is another text afterwards


def csv_text(header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A CSV file, with the mark by which Excel knows its encoding. Numbers stay numbers; text is `guarded`."""
    file = io.StringIO()
    writer = csv.writer(file)  # ends lines with CR and LF, so that a lone CR in a name is quoted
    for row in (header, *rows):
        writer.writerow([guarded(cell) if isinstance(cell, str) else cell for cell in row])
    return BYTE_ORDER_MARK + file.getvalue()


def guarded(text: str) -> str:
    """The text with an apostrophe where a spreadsheet would run it as a formula, or read it as another number."""
    if _OTHER_NUMBER.fullmatch(text):
        return f"'{text}"
    return without_formulas(text, "'")


def without_formulas(text: str, mark: str) -> str:
    """The text with `mark` before each place where a spreadsheet would begin a formula."""
    for formula in FORMULAS:
        text = re.sub(formula, rf"\1{mark}\2", text)
    return text
