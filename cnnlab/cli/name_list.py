"""The names of a class: read from a file, or pasted."""

from __future__ import annotations

import csv
import sys
from pathlib import Path

from cnnlab.access.roles import LONGEST_NAME, tidy
from cnnlab.cli.commands import print_error, readable
from cnnlab.errors import ConfigError
from cnnlab.i18n import N_, _, say
from cnnlab.text import shortened

MOST_BYTES = 1_000_000
_HEADINGS = ("name", "names", "full name", "student", "姓名", "名字")
_FIRST, _LAST = ("first name", "firstname", "given name"), ("last name", "lastname", "surname", "family name")


def names_from(file: str) -> list[str]:
    """The names in a file or, without one, pasted up to an empty line. Raises ConfigError."""
    if file:
        text = read_list(Path(file))
    else:
        print_error(_("Paste the names, one a line, and end with an empty line:"))
        lines = []
        while line := sys.stdin.readline().strip():
            lines.append(line)
        text = "\n".join(lines)
    names = names_in(text)
    if not names:
        raise ConfigError(say("The list has no names: write one a line, or a CSV file with a column called name."), "names")
    return names


def read_list(file: Path) -> str:
    """The text of a list or a table of names. Raises ConfigError."""
    try:
        if file.stat().st_size > MOST_BYTES:
            text = N_("{file} has more than {count:,} bytes, so it is no list of names.")
            raise ConfigError(say(text, file=str(file), count=MOST_BYTES), "names")
        return file.read_text(encoding="utf-8-sig")
    except OSError as error:
        text = N_("The names cannot be read from {file}: {reason}.")
        raise ConfigError(say(text, file=str(file), reason=error.strerror), "names") from error
    except UnicodeDecodeError:
        text = N_("{file} is no text in UTF-8: save it as “CSV UTF-8”, and try again.")
        raise ConfigError(say(text, file=str(file)), "names") from None


def names_in(text: str) -> list[str]:
    """The names of a list: one a line, or a table with a column for them. Raises ConfigError for one that stands there twice."""
    lines = [line for line in readable(text).splitlines() if line.strip()]
    sign = max("\t;,", key=lambda each: sum(each in line for line in lines)) if lines else ","
    rows = [[cell.strip() for cell in row] for row in csv.reader(lines, delimiter=sign)]
    heading = [cell.casefold() for cell in rows[0]] if rows else []
    whole = next((place for place, cell in enumerate(heading) if cell in _HEADINGS), None)
    parts = [next((place for place, cell in enumerate(heading) if cell in words), None) for words in (_FIRST, _LAST)]
    columns = [whole] if whole is not None else [place for place in parts if place is not None]
    read = [_joined([row[place] for place in columns or [0] if place < len(row)]) for row in rows[1 if columns else 0 :]]
    names = [name for name in map(tidy, read) if name]
    seen: dict[str, str] = {}
    for name in names:
        if len(name) >= LONGEST_NAME:
            text = N_("{name} has more than {count} characters: shorten this name.")
            raise ConfigError(say(text, name=shortened(name), count=LONGEST_NAME - 1), "names")
        if name.casefold() in seen:
            text = N_("{name} stands in the list twice: tell the two apart, as with a second initial.")
            raise ConfigError(say(text, name=shortened(name)), "names")
        seen[name.casefold()] = name
    return names


def _joined(parts: list[str]) -> str:
    """First and last name in the order of their script: "Ana Silva", "李明"."""
    if len(parts) == 2 and all("\u4e00" <= part[:1] <= "\u9fff" for part in parts):
        return "".join(reversed(parts))
    return " ".join(parts)
