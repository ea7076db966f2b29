"""Precision, recall and F1 of each class, as a table and as a file."""

from __future__ import annotations

import streamlit as st

from cnnlab.i18n import N_, _, together, translated
from cnnlab.spreadsheet import csv_text
from cnnlab.values import PredictionPage
from pages._parts.grid import grid

# In the order of a row: the head in the file, and on the page. The space tells this precision from that of numbers.
MEANINGS = {
    "Precision": (N_(" Precision"), N_("of the images that the network takes for this class, the share that belongs to it.")),
    "Recall": (N_("Recall"), N_("of the images that belong to this class, the share that the network takes for it.")),
    "F1": (N_("F1"), N_("precision and recall in one number, their harmonic mean: high only where both are.")),
}
HEADER = ("Class", "Images", *MEANINGS)


def each_class(page: PredictionPage, run_id: str) -> None:
    """Draws the closed table with its download."""
    with st.expander(_("Precision, recall and F1 of each class")):
        rows = class_rows(page)
        shown = [
            (translated(name), images, *(None if share is None else 100 * share for share in shares))
            for name, images, *shares in rows
        ]
        meanings = {translated(name).strip(): translated(text) for name, text in MEANINGS.values()}
        columns = dict(zip((_("Class"), _("Images"), *meanings), zip(*shown, strict=True), strict=True))
        shares = {
            name: st.column_config.NumberColumn(name, format="%.1f %%", help=f"{text[0].upper()}{text[1:]}")
            for name, text in meanings.items()
        }
        grid(columns, column_config=shares, height="content", key="predict:classes")
        lines = [f"**{name}**{_(': ')}{text}" for name, text in meanings.items()]
        st.caption(together(*lines, _("Empty: nothing to divide by.")))
        st.download_button(
            _("Download as CSV"), csv_text(HEADER, rows), f"cnnlab-{run_id}-classes.csv", "text/csv",
            icon=":material/download:", on_click="ignore", help=_("This table as a file for a spreadsheet, with exact numbers."),
        )  # fmt: skip


def class_rows(page: PredictionPage) -> list[tuple[str, int, float | None, float | None, float | None]]:
    """A row for each class, under HEADER; shares from 0 to 1."""
    return [
        (name, figures.images, figures.precision, figures.recall, figures.f1)
        for name, figures in zip(page.classes, page.figures, strict=True)
    ]
