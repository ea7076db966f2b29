"""Ways out: a picture as PNG, numbers as CSV. What takes a question to the helper is asked at the click."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterable, Sequence

import streamlit as st

from cnnlab.inside_values import Table
from cnnlab.spreadsheet import csv_text

HEADER = ("channel", "row", "column", "value")


def picture_button(label: str, picture: str | Callable[[], str], name: str, *, help: str) -> None:
    """Offers a data URI, or what a call returns as one, as a PNG file."""
    st.download_button(
        label, (lambda: _bytes(picture())) if callable(picture) else _bytes(picture), name, "image/png", icon=":material/image:",
        on_click="ignore", help=help, key=f"png {name}",
    )  # fmt: skip


def numbers_button(
    label: str, rows: Callable[[], Iterable[Sequence[object]]], name: str, *, help: str, header: Sequence[str] = HEADER
) -> None:
    """Offers rows of numbers as a CSV file."""
    st.download_button(
        label, lambda: csv_text(header, rows()), name, "text/csv", icon=":material/download:", on_click="ignore", help=help,
        key=f"csv {name}",
    )  # fmt: skip


def listed(table: Table, channel: int) -> Iterable[Sequence[object]]:
    """The rows of HEADER for one channel; people count from 1."""
    for row, values in enumerate(table, 1):
        for column, value in enumerate(values, 1):
            yield channel + 1, row, column, value


def _bytes(picture: str) -> bytes:
    return base64.b64decode(picture.partition(",")[2])
