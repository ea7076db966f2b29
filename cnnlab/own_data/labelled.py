"""Lists of classes by file, as in Hugging Face's folders of images: metadata.csv or metadata.jsonl with file_name and label."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Mapping
from typing import Any

from cnnlab.own_data.member import Member

_LISTS = ("metadata.csv", "metadata.jsonl")
_FILE = "file_name"
_LABELS = ("label", "class", "label_name", "category")


def is_list(member: Member) -> bool:
    """Whether it is such a list, by its name."""
    return member.parts[-1].lower() in _LISTS and not member.hidden


def classes(lists: Mapping[tuple[str, ...], bytes]) -> dict[tuple[str, ...], str]:
    """The class of each file that the lists name; files are named from the folder of their list. A damaged list names none."""
    found = {}
    for place, content in lists.items():
        for row in _rows(place[-1].lower(), content):
            file, label = row.get(_FILE), next((row[name] for name in _LABELS if row.get(name) not in (None, "")), None)
            if isinstance(file, str) and isinstance(label, str | int) and file:
                parts = tuple(part for part in file.replace("\\", "/").split("/") if part not in ("", "."))
                found[(*place[:-1], *parts)] = str(label)  # only compared with names of files, so it leads nowhere
    return found


def _rows(name: str, content: bytes) -> Iterator[Mapping[str, Any]]:
    text = io.StringIO(content.decode("utf-8-sig", "replace"))
    try:
        if name.endswith(".csv"):
            yield from csv.DictReader(text)
        else:
            yield from (row for line in text if line.strip() and isinstance(row := json.loads(line), dict))
    except (csv.Error, ValueError, RecursionError):
        return
