"""Precision, recall and F1 of each class, as a table and as a file."""

from __future__ import annotations

import streamlit as st

from cnnlab.spreadsheet import csv_text
from cnnlab.values import PredictionPage
from pages._parts.grid import grid

HEADER = ("Class", "Images", "Precision", "Recall", "F1")


def each_class(page: PredictionPage, run_id: str) -> None:
    """Draws the closed table with its download."""
    with st.expander("Precision, recall and F1 of each class"):
        rows = [(*row[:2], *(None if share is None else 100 * share for share in row[2:])) for row in class_rows(page)]
        columns = dict(zip(HEADER, zip(*rows, strict=True), strict=True))
        shares = {
            name: st.column_config.NumberColumn(name, format="%.1f %%", help=text)
            for name, text in (
                ("Precision", "Of the images that the network takes for this class, the share that belongs to it."),
                ("Recall", "Of the images that belong to this class, the share that the network takes for it."),
                ("F1", "Precision and recall in one number, their harmonic mean: high only where both are."),
            )
        }
        grid(columns, column_config=shares, height="content", key="predict:classes")
        st.caption(
            "**Precision**: of the images taken for this class, the share that belongs to it. **Recall**: of the images of this "
            "class, the share taken for it. **F1**: both in one number, their harmonic mean. Empty: nothing to divide by."
        )
        st.download_button(
            "Download as CSV", csv_text(HEADER, class_rows(page)), f"cnnlab-{run_id}-classes.csv", "text/csv",
            icon=":material/download:", on_click="ignore", help="This table as a file for a spreadsheet, with exact numbers.",
        )  # fmt: skip


def class_rows(page: PredictionPage) -> list[tuple[str, int, float | None, float | None, float | None]]:
    """A row for each class, under HEADER; shares from 0 to 1."""
    return [
        (name, figures.images, figures.precision, figures.recall, figures.f1)
        for name, figures in zip(page.classes, page.figures, strict=True)
    ]
