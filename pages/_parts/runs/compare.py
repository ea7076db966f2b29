"""The selected runs side by side: curves and the finding beside the table; below it what differs, and accuracy against a cost."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping, Sequence
from html import escape

import pyarrow as pa
import streamlit as st

from cnnlab.architectures import cards
from cnnlab.config import RunConfig
from cnnlab.config_words import settings
from cnnlab.errors import CNNLabError, ConfigError
from cnnlab.events import EpochDone
from cnnlab.figures.runs import MOST_LINES, cost_figure, curves_figure
from cnnlab.figures.sweeps import parallel_figure, setting_figure
from cnnlab.lab import Lab
from cnnlab.reports import comparison
from cnnlab.reports.comparison import QUANTITIES, Difference
from cnnlab.reports.findings import against, finding, undecided
from cnnlab.runs.records import Run
from cnnlab.twins import SEEDS, plan
from pages._parts.address import Address, one_of
from pages._parts.grid import grid, heading
from pages._parts.live.plot import live_plot
from pages._parts.markdown import escaped
from pages._parts.one_choice import one_choice
from pages._parts.runs.actions import OUTCOME
from pages._parts.runs.table import CHOSEN
from pages._parts.twins import start_missing

ALONG = {"epochs": "Epochs", "seconds": "Seconds"}
COSTS = {"parameters": ("Parameters", "parameters"), "macs": ("MACs", "MACs an image"), "seconds": ("Time", "s of training")}
EACH, NONE = "each", "none"
FEWEST_PARALLEL = 3  # runs


def beside(
    lab: Lab, runs: Sequence[Run], epochs: Mapping[str, Sequence[EpochDone]], differing: Sequence[Difference], address: Address
) -> bool:  # fmt: skip
    """Draws the curves and the finding; returns whether seeds are averaged. `differing`: the settings in which the runs differ."""
    with st.container(horizontal=True, vertical_alignment="bottom"):
        quantity = one_choice("Curves", "runs:curve", "curve", QUANTITIES, address, as_list=True, width=200)
        along = one_choice("Along", "runs:along", "along", ALONG, address)
    chart = st.container()
    address.initialise("runs:base", "base", NONE, str)  # its control stands below
    text = finding(runs, _baseline(runs))
    if text:
        st.markdown(escaped(text))
    if pair := undecided(runs, _baseline(runs)):
        _offer_seeds(lab, *pair)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        by = _grouping(differing, address)
        fold = _fold(runs, address)
    with chart:
        _curves(runs, epochs, quantity, along, fold=fold, by=by)
    return fold


def _offer_seeds(lab: Lab, best: Run, other: Run) -> None:
    """A button for what the finding recommends."""
    wanted = plan(other, best.config, lab.runs(), seeds=SEEDS, name=best.name)

    def start() -> None:
        try:
            ids = start_missing(lab, other, wanted, uuid.uuid5(uuid.NAMESPACE_OID, best.id + other.id).hex)
        except CNNLabError as error:
            st.session_state[OUTCOME] = "", (str(error),)
            return
        st.session_state[CHOSEN], st.session_state["runs:fold"] = ids, True

    count = len(wanted.missing)
    st.button(
        "Train three seeds of each", icon=":material/casino:", key="runs:seeds", on_click=start,
        help=f"Trains {count} more run{'' if count == 1 else 's'} and compares the means." if count else "They are there already.",
    )  # fmt: skip


def below(lab: Lab, runs: Sequence[Run], differing: Sequence[Difference], address: Address, *, fold: bool) -> None:
    """Draws what differs, the runs against a baseline, and accuracy against costs and settings."""
    left, right = st.columns(2, gap="medium")
    with left:
        _differences(runs, differing, address)
    with right:
        _costs(lab, runs, _titles(differing), address, fold=fold)
    baseline = _baseline(runs)
    if baseline and len(runs) > 1:
        st.html(_baseline_table(runs, baseline))
    _parallel(runs, _titles(differing), address)


def _titles(differing: Sequence[Difference]) -> dict[str, str]:
    """The settings that accuracy can be drawn against, by name; a seed is no cause."""
    return {each.field: each.title for each in differing if each.field != "seed"}


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


def _grouping(differing: Sequence[Difference], address: Address) -> str | None:
    """The setting whose values have one line each; None for a line a run."""
    titles = {EACH: "run"} | {each.field: each.title.lower() for each in differing}
    if len(titles) < 2:
        address.preserve("by")
        return None
    by = one_choice(
        "A line for each", "runs:by", "by", titles, address, as_list=True, parse=_setting_of("by", (EACH,)), width=150,
        help="Runs with the same value of a setting become one line: their mean, with a band of one standard deviation.",
    )  # fmt: skip
    return None if by == EACH else by


def _setting_of(parameter: str, others: Sequence[str]) -> Callable[[str], str]:
    """A parser for the name of a setting, or one of `others`. Raises ConfigError."""

    def parse(text: str) -> str:
        options = {f"options.{option.name}" for each in cards() for option in each.options}
        if text not in {*others, *RunConfig.model_fields, *options}:
            raise ConfigError(f"{parameter} must be {', '.join(others)} or the name of a setting, not {text[:80]!r}.", parameter)
        return text

    return parse


def _curves(
    runs: Sequence[Run], epochs: Mapping[str, Sequence[EpochDone]], quantity: comparison.Quantity, along: str, *, fold: bool,
    by: str | None,
) -> None:  # fmt: skip
    lines = comparison.lines(runs, dict(epochs), quantity, fold=fold, by=by)
    if not lines:
        st.info(
            "None of the selected runs has finished an epoch yet, so there is no curve to draw.", icon=":material/hourglass_empty:"
        )
        return
    figure = curves_figure(lines, QUANTITIES[quantity], along, share=quantity.endswith("accuracy"))
    live_plot(figure, key="runs:curves", label=f"{QUANTITIES[quantity]} of the selected runs against {along}")
    notes = []
    if len(lines) > MOST_LINES:
        notes.append(
            f"Only the first {MOST_LINES} of {len(lines)} lines are drawn, so that each is distinct: "
            "choose a setting under “A line for each” to see all of them as averages."
        )
    if len(lines) < len(runs) and not fold and by is None:
        without = len(runs) - len(lines)
        notes.append(f"{without} of the selected runs {'has' if without == 1 else 'have'} no finished epoch.")
    if any(line.folded for line in lines):
        reason = "seeds" if by is None else "its runs"
        notes.append(
            f"Bands: one standard deviation on either side of the mean, up to the last epoch that all {reason} have finished."
        )
    if notes:
        st.caption(" ".join(notes))


def _costs(lab: Lab, runs: Sequence[Run], fields: Mapping[str, str], address: Address, *, fold: bool) -> None:
    titles = {name: title for name, (title, _) in COSTS.items()} | dict(fields)
    cost = one_choice(
        "Best accuracy against", "runs:cost", "cost", titles, address, as_list=bool(fields),
        parse=_setting_of("cost", tuple(COSTS)), help="A cost, or a setting in which the selected runs differ." if fields else None,
    )  # fmt: skip
    if cost not in COSTS:
        _against_setting(runs, cost, titles[cost])
        return
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


def _evaluated(runs: Sequence[Run], *fields: str) -> list[Run]:
    """The runs with a result that have these settings."""
    return [run for run in runs if run.best_test_accuracy is not None and set(fields) <= set(settings(run.config))]


def _against_setting(runs: Sequence[Run], field: str, title: str) -> None:
    known = _evaluated(runs, field)
    if not known:
        st.info(f"None of the selected runs with this setting ({title.lower()}) has a test accuracy yet.")
        return
    values = [_value(run, field) for run in known]
    reached = [run.best_test_accuracy or 0.0 for run in known]
    live_plot(
        setting_figure(comparison.labels(known), values, reached, title), key="runs:setting",
        label=f"Best test accuracy against {title}",
    )  # fmt: skip
    if len(known) < len(runs):
        st.caption(f"Left out, without a result or without this setting: {len(runs) - len(known)}.")


def _value(run: Run, field: str) -> object:
    value = settings(run.config).get(field, comparison.ABSENT)
    if value == comparison.ABSENT:
        return value
    return value if comparison.is_number(value) else comparison.words(field, value)


def _parallel(runs: Sequence[Run], fields: Mapping[str, str], address: Address) -> None:
    """All settings that differ in one chart, on request: it is for sweeps."""
    address.initialise("runs:parallel", "parallel", False, one_of("parallel", (True, False)))
    known = _evaluated(runs)
    if len(known) < FEWEST_PARALLEL or not fields:
        address.preserve("parallel")
        return
    shown = st.toggle(
        "Show settings and accuracy as parallel lines", key="runs:parallel",
        help="An axis for each setting that differs, and a line for each run. Drag along an axis to keep some lines.",
    )  # fmt: skip
    address.write("parallel", shown, False)
    if shown:
        axes = [(title, [_value(run, field) for run in known]) for field, title in fields.items()]
        figure = parallel_figure(axes, [run.best_test_accuracy or 0.0 for run in known])
        live_plot(
            figure, key="runs:parallel lines", label="Settings and best test accuracy of the selected runs, one line for each"
        )


def _baseline(runs: Sequence[Run]) -> Run | None:
    return next((run for run in runs if run.id == st.session_state.get("runs:base")), None)


def _differences(runs: Sequence[Run], differing: Sequence[Difference], address: Address) -> None:
    if len(runs) < 2:
        address.preserve("base")
        return
    st.markdown("## What differs")
    names = comparison.labels(runs)
    if differing:
        # Columns are numbered: two shortened names may be equal, or equal to "setting".
        columns = {"setting": [difference.title for difference in differing]}
        columns |= {str(place): [difference.values[place] for difference in differing] for place in range(len(runs))}
        grid(
            pa.table(columns), key="runs:differences", alt="Settings that differ",
            height=38 + 35 * min(len(differing), 10),
            column_config={"setting": st.column_config.TextColumn("Setting", pinned=True)}
            | {str(place): st.column_config.TextColumn(heading(name)) for place, name in enumerate(names)},
        )  # fmt: skip
    else:
        st.caption("Nothing: all settings are equal, including the seed.")
    titles = {NONE: "no baseline"} | {run.id: name for run, name in zip(runs, names, strict=True)}
    one_choice(
        "Baseline", "runs:base", "base", titles, address, as_list=True, parse=str,
        help="A run that stays fixed: the others show their differences to it.",
    )  # fmt: skip


def _baseline_table(runs: Sequence[Run], baseline: Run) -> str:
    """Differences to the baseline, by sign, word and colour."""
    marks = {True: ("better", "▲"), False: ("worse", "▼"), None: ("same", "")}
    rows = []
    for row in against(runs, baseline):
        word, sign = marks[row.better]
        change = f'<span class="cnn-{word}">{sign} {escape(row.change)}</span>' if row.change else ""
        cells = (f"{escape(row.accuracy)} {change}", escape(row.seconds), escape(row.settings))
        head = f'<th scope="row"><bdi>{escape(row.label)}</bdi></th>'
        rows.append(f"<tr>{head}{''.join(f'<td>{cell}</td>' for cell in cells)}</tr>")
    titles = "".join(f'<th scope="col">{title}</th>' for title in ("Run", "Best accuracy", "Training", "Differs in"))
    return (
        f'<div class="cnn-against" tabindex="0"><table><thead><tr>{titles}</tr></thead><tbody>{"".join(rows)}</tbody></table></div>'
    )
