"""Downloads of the selected runs; a file is made only when its button is pressed."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from cnnlab.errors import CNNLabError
from cnnlab.events import EpochDone
from cnnlab.figures import network_drawing
from cnnlab.i18n import N_, _, language, translated, using
from cnnlab.lab import Lab
from cnnlab.reports import exports
from cnnlab.reports import html as report
from cnnlab.reports.networks import Network
from cnnlab.runs.records import Run
from pages._parts.runs.compare import macs_of

REPORT_HELP = N_("HTML: results, differences, charts and networks in one file that needs no internet.")
COMPARISON_HELP = N_("CSV: one row for each run, with its settings and results.")
METRICS_HELP = N_("CSV: one row for each epoch of each run.")
CONFIGURATION_HELP = N_("JSON: all settings, to repeat the training.")


def export(lab: Lab, ids: Sequence[str], *, fold: bool) -> None:
    """Draws the download buttons. Streamlit calls a function that builds a file on a click, in a separate thread."""
    reader = language()  # that thread knows no browser

    def runs() -> list[Run]:
        return [run for run_id in ids if (run := _run(lab, run_id))]

    def epochs() -> dict[str, tuple[EpochDone, ...]]:
        return {run.id: lab.epochs(run.id) for run in runs()}

    def metrics() -> str:
        return exports.metrics_csv(runs(), epochs())

    def comparison() -> str:
        chosen = runs()
        return exports.comparison_csv(chosen, macs_of(lab, chosen))

    def configurations() -> str:
        return exports.configurations_json(runs())

    def page() -> str:
        chosen = runs()
        with using(reader):
            return report.html_report(chosen, epochs(), macs_of(lab, chosen), fold=fold, networks=networks_of(lab, chosen))

    name = f"cnnlab-{ids[0]}" if len(ids) == 1 else f"cnnlab-{len(ids)}-runs"
    with st.popover(_("Save …"), icon=":material/download:", help=_("The selected runs as files.")):
        for label, build, ending, mime, text in (
            (_("Report"), page, "html", "text/html", REPORT_HELP),
            (_("Comparison"), comparison, "csv", "text/csv", COMPARISON_HELP),
            (_("Metrics"), metrics, "epochs.csv", "text/csv", METRICS_HELP),
            (_("Configuration"), configurations, "json", "application/json", CONFIGURATION_HELP),
        ):
            st.download_button(
                label, build, f"{name}.{ending}", mime, key=f"runs:{ending}", help=translated(text), on_click="ignore",
                icon=":material/download:", width="stretch",
            )  # fmt: skip


def _run(lab: Lab, run_id: str) -> Run | None:
    try:
        return lab.run(run_id)
    except CNNLabError:
        return None  # deleted since it was selected


def networks_of(lab: Lab, runs: Sequence[Run]) -> dict[str, Network]:
    """The network of each run, without those that can no longer be built."""
    networks = {}
    for run in runs:
        config = run.config
        try:
            table = lab.layers(config.architecture, config.input_shape, config.classes, config.options)
        except CNNLabError:
            continue  # the report goes without it
        networks[run.id] = Network(table, network_drawing(table, config.network))
    return networks
