"""The selected runs side by side: curves, accuracy against cost, and the settings in which they differ."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pyarrow as pa
import streamlit as st

from cnnlab.errors import CNNLabError
from cnnlab.events import EpochDone
from cnnlab.figures.runs import MOST_LINES, cost_figure, curves_figure
from cnnlab.lab import Lab
from cnnlab.reports import comparison
from cnnlab.reports.comparison import QUANTITIES
from cnnlab.runs.records import Run
from pages._parts.address import Address, one_of
from pages._parts.grid import grid, heading
from pages._parts.live.plot import live_plot
from pages._parts.markdown import escaped
from pages._parts.one_choice import one_choice

ALONG = {"epochs": "Epochs", "seconds": "Seconds"}
COSTS = {"parameters": ("Parameters", "parameters"), "macs": ("MACs", "MACs an image"), "seconds": ("Time", "s of training")}


def compare(lab: Lab, runs: Sequence[Run], epochs: Mapping[str, Sequence[EpochDone]], address: Address) -> bool:
    """Draws the charts and the table of differences; returns whether seeds are averaged."""
    fold = _fold(runs, address)
    left, right = st.columns([3, 2], gap="medium")
    with left:
        _curves(runs, epochs, address, fold=fold)
    with right:
        _costs(lab, runs, address, fold=fold)
    _differences(runs)
    return fold


def macs_of(lab: Lab, runs: Sequence[Run]) -> dict[str, float | None]:
    """Multiply-accumulates for one image of each run's network; None where the network can no longer be built."""
    macs: dict[str, float | None] = {}
    for run in runs:
        config = run.config
        try:
            macs[run.id] = lab.layers(config.architecture, config.input_shape, config.classes, config.options).macs
        except CNNLabError:
            macs[run.id] = None  # counted in the caption of the chart
    return macs


def _fold(runs: Sequence[Run], address: Address) -> bool:
    address.initialise("runs:fold", "fold", False, one_of("fold", (True, False)))
    foldable = any(len(group) > 1 for group in comparison.groups(runs))
    if not foldable:
        address.preserve("fold")
        return False
    fold = st.toggle(
        "Average over seeds", key="runs:fold",
        help="Runs that differ only in their seed become one line: their mean, with a band of one standard deviation.",
    )  # fmt: skip
    address.write("fold", fold, False)
    return fold


def _curves(runs: Sequence[Run], epochs: Mapping[str, Sequence[EpochDone]], address: Address, *, fold: bool) -> None:
    with st.container(horizontal=True, vertical_alignment="top"):
        quantity = one_choice("Curves", "runs:curve", "curve", QUANTITIES, address, as_list=True, width=220)
        along = one_choice("Along", "runs:along", "along", ALONG, address)
    lines = comparison.lines(runs, dict(epochs), quantity, fold=fold)
    if not lines:
        st.info(
            "None of the selected runs has finished an epoch yet, so there is no curve to draw.", icon=":material/hourglass_empty:"
        )
        return
    figure = curves_figure(lines, QUANTITIES[quantity], along, share=quantity.endswith("accuracy"))
    live_plot(figure, key="runs:curves", label=f"{QUANTITIES[quantity]} of the selected runs against {along}")
    notes = []
    if len(lines) > MOST_LINES:
        notes.append(f"Only the first {MOST_LINES} of {len(lines)} lines are drawn, so that each is distinct.")
    if len(lines) < len(runs) and not fold:
        notes.append(f"{len(runs) - len(lines)} of the selected runs have no finished epoch.")
    if any(line.folded for line in lines):
        notes.append("Bands: one standard deviation on either side of the mean, up to the last epoch that all seeds have finished.")
    if notes:
        st.caption(" ".join(notes))


def _costs(lab: Lab, runs: Sequence[Run], address: Address, *, fold: bool) -> None:
    cost = one_choice("Best accuracy against", "runs:cost", "cost", {name: title for name, (title, _) in COSTS.items()}, address)
    if cost == "macs":
        with st.spinner("Counting operations …"):
            costs = macs_of(lab, runs)
    else:
        costs = {run.id: getattr(run, cost) for run in runs}
    candidates = comparison.points(runs, costs, fold=fold)
    known = [point for point in candidates if point.cost]
    if not known:
        st.info("None of the selected runs has both a test accuracy and a known cost yet.", icon=":material/hourglass_empty:")
        return
    live_plot(cost_figure(candidates, *COSTS[cost]), key="runs:costs", label=f"Best test accuracy against {COSTS[cost][0]}")
    caption = comparison.trade_offs([escaped(point.label) for point in comparison.pareto_front(known)])
    missing = len(candidates) - len(known)
    st.caption(caption + (f" Left out, as their cost is unknown: {missing}." if missing else ""))


def _differences(runs: Sequence[Run]) -> None:
    if len(runs) < 2:
        return
    st.markdown("##### What differs")
    differences = comparison.differences([run.config for run in runs])
    if not differences:
        st.caption("Nothing: all settings are equal, including the seed.")
        return
    # Columns are numbered: two shortened names may be equal, or equal to "setting".
    columns = {"setting": [difference.title for difference in differences]}
    columns |= {str(place): [difference.values[place] for difference in differences] for place in range(len(runs))}
    names = comparison.labels(runs)
    grid(
        pa.table(columns), key="runs:differences", alt="Settings that differ",
        height=38 + 35 * min(len(differences), 10),
        column_config={"setting": st.column_config.TextColumn("Setting", pinned=True)}
        | {str(place): st.column_config.TextColumn(heading(name)) for place, name in enumerate(names)},
    )  # fmt: skip
