"""The chosen runs side by side: curves, accuracy against cost, and what differs between their settings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pyarrow as pa
import streamlit as st

from cnnlab import datasets
from cnnlab.errors import CNNLabError
from cnnlab.events import EpochDone
from cnnlab.figures.runs import MOST_LINES, cost_figure, curves_figure
from cnnlab.lab import Lab
from cnnlab.reports import comparison
from cnnlab.reports.comparison import QUANTITIES
from cnnlab.runs.records import Run
from pages._parts.address import Address, one_of
from pages._parts.live.plot import live_plot
from pages._parts.one_choice import one_choice
from pages._parts.run.words import escaped

ALONG = {"epochs": "Epochs", "seconds": "Seconds"}
COSTS = {"parameters": ("Parameters", "parameters"), "macs": ("MACs", "MACs an image"), "seconds": ("Time", "s of training")}


def compare(lab: Lab, runs: Sequence[Run], epochs: Mapping[str, Sequence[EpochDone]], address: Address) -> bool:
    """Draws the charts and the table of differences; returns whether seeds are folded."""
    fold = _fold(runs, address)
    left, right = st.columns([3, 2], gap="medium")
    with left:
        _curves(runs, epochs, address, fold=fold)
    with right:
        _costs(lab, runs, address, fold=fold)
    _differences(runs)
    return fold


def macs_of(lab: Lab, runs: Sequence[Run]) -> dict[str, float | None]:
    """Multiply-accumulates for one image of each run's network; None where its table cannot be made (any more)."""
    found: dict[str, float | None] = {}
    for run in runs:
        config = run.config
        try:
            classes = len(datasets.entry(config.dataset).classes)
            found[run.id] = lab.layers(config.architecture, config.input_shape, classes, config.options).macs
        except CNNLabError:
            found[run.id] = None  # counted and said under the chart
    return found


def _fold(runs: Sequence[Run], address: Address) -> bool:
    address.initialise("runs:fold", "fold", False, one_of("fold", (True, False)))
    foldable = any(len(group) > 1 for group in comparison.groups(runs))
    if not foldable:
        address.preserve("fold")
        return False
    fold = st.toggle(
        "Fold seeds", key="runs:fold",
        help="Runs that differ in nothing but their seed become one line: their mean, with a band of one standard deviation.",
    )  # fmt: skip
    address.write("fold", fold, False)
    return fold


def _curves(runs: Sequence[Run], epochs: Mapping[str, Sequence[EpochDone]], address: Address, *, fold: bool) -> None:
    with st.container(horizontal=True, vertical_alignment="top"):
        address.initialise("runs:curve", "curve", "test_accuracy", one_of("curve", tuple(QUANTITIES)))
        quantity = st.selectbox("Curves", list(QUANTITIES), key="runs:curve", format_func=QUANTITIES.__getitem__, width=220)
        address.write("curve", quantity, "test_accuracy")
        along = one_choice("Along", "runs:along", "along", ALONG, address)
    lines = comparison.lines(runs, dict(epochs), quantity, fold=fold)
    if not lines:
        st.info("None of these has finished an epoch yet, so there is no curve to draw.", icon=":material/hourglass_empty:")
        return
    figure = curves_figure(lines, QUANTITIES[quantity], along, share=quantity.endswith("accuracy"))
    live_plot(figure, key="runs:curves", label=f"{QUANTITIES[quantity]} of the chosen runs against {along}")
    notes = []
    if len(lines) > MOST_LINES:
        notes.append(f"Drawn are the first {MOST_LINES} of {len(lines)}; more cannot be told apart.")
    if len(lines) < len(runs) and not fold:
        notes.append(f"{len(runs) - len(lines)} of the chosen runs have no finished epoch.")
    if any(line.folded for line in lines):
        notes.append("Bands: one standard deviation on either side of the mean, as far as all seeds have come.")
    if notes:
        st.caption(" ".join(notes))


def _costs(lab: Lab, runs: Sequence[Run], address: Address, *, fold: bool) -> None:
    cost = one_choice("Best accuracy against", "runs:cost", "cost", {name: words for name, (words, _) in COSTS.items()}, address)
    if cost == "macs":
        with st.spinner("Counting …"):
            costs = macs_of(lab, runs)
    else:
        costs = {run.id: getattr(run, cost) for run in runs}
    candidates = comparison.points(runs, costs, fold=fold)
    known = [point for point in candidates if point.cost]
    if not known:
        st.info("None of these has a result to place here yet.", icon=":material/hourglass_empty:")
        return
    live_plot(cost_figure(candidates, *COSTS[cost]), key="runs:costs", label=f"Best test accuracy against {COSTS[cost][0]}")
    front = [escaped(point.label) for point in comparison.pareto_front(known)]
    missing = len(candidates) - len(known)
    words = f"On the Pareto front (nothing chosen costs no more and is more accurate): {', '.join(front)}."
    st.caption(words + (f" {missing} without a known cost left out." if missing else ""))


def _differences(runs: Sequence[Run]) -> None:
    if len(runs) < 2:
        return
    st.markdown("##### What differs")
    found = comparison.differences([run.config for run in runs])
    if not found:
        st.caption("Nothing: the chosen runs have the same settings, seed included.")
        return
    # Columns bear numbers: two may have the same name once it is shortened, or be called like the first.
    columns = {"setting": [each.title for each in found]}
    columns |= {str(place): [each.values[place] for each in found] for place in range(len(runs))}
    names = comparison.labels(runs)
    st.dataframe(
        pa.table(columns), hide_index=True, key="runs:differences", alt="Settings that differ",
        height=38 + 35 * min(len(found), 10),
        column_config={"setting": st.column_config.TextColumn("Setting", pinned=True)}
        | {str(place): st.column_config.TextColumn(name) for place, name in enumerate(names)},
    )  # fmt: skip
