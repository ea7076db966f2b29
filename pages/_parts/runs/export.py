"""Downloads of the selected runs; a file is made only when its button is pressed."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from cnnlab.events import EpochDone
from cnnlab.lab import Lab
from cnnlab.reports import html as report
from cnnlab.runs.records import Run
from pages._parts.runs.compare import macs_of


def export(lab: Lab, ids: Sequence[str], *, fold: bool) -> None:
    """Draws the download buttons. Streamlit calls a function that builds a file on a click, in a separate thread."""

    def runs() -> list[Run]:
        return [lab.run(run_id) for run_id in ids]

    def epochs() -> dict[str, tuple[EpochDone, ...]]:
        return {run_id: lab.epochs(run_id) for run_id in ids}

    def csv() -> str:
        return report.metrics_csv(runs(), epochs())

    def configurations() -> str:
        return report.configurations_json(runs())

    def page() -> str:
        chosen = runs()
        return report.html_report(chosen, epochs(), macs_of(lab, chosen), fold=fold)

    name = f"cnnlab-{ids[0]}" if len(ids) == 1 else f"cnnlab-{len(ids)}-runs"
    for label, build, ending, mime, text in (
        ("Metrics", csv, "csv", "text/csv", "CSV: one row for each epoch of each run."),
        ("Configuration", configurations, "json", "application/json", "JSON: all settings, to repeat the training."),
        ("Report", page, "html", "text/html", "HTML: results, differences and charts in one file that needs no internet."),
    ):
        st.download_button(
            label, build, f"{name}.{ending}", mime, key=f"runs:{ending}", help=text, on_click="ignore", icon=":material/download:"
        )
