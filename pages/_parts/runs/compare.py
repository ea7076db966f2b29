"""The selected runs side by side: curves and the finding beside the table; below it what differs, and accuracy against a cost."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping, Sequence
from functools import partial

import streamlit as st

from cnnlab.architectures import card, every_card, own_code
from cnnlab.config import RunConfig
from cnnlab.config_words import NETWORK, settings
from cnnlab.errors import CNNLabError, ConfigError
from cnnlab.events import EpochDone
from cnnlab.figures.runs import MOST_LINES, cost_figure, curves_figure
from cnnlab.figures.sweeps import parallel_figure, setting_figure
from cnnlab.i18n import N_, _, ngettext, say, together, translated
from cnnlab.lab import Lab
from cnnlab.reports import comparison
from cnnlab.reports.comparison import QUANTITIES, Difference
from cnnlab.reports.findings import finding, undecided
from cnnlab.reports.svg_files import comparison_svg
from cnnlab.runs.records import Run
from cnnlab.text import in_sentence
from cnnlab.twins import SEEDS, plan
from pages._parts.address import Address, one_of
from pages._parts.live.plot import live_plot
from pages._parts.markdown import escaped
from pages._parts.one_choice import one_choice
from pages._parts.runs.actions import OUTCOME
from pages._parts.runs.differences import NONE, baseline_of, baseline_table, draw_differences
from pages._parts.runs.table import CHOSEN
from pages._parts.svg_button import svg_button
from pages._parts.twins import start_missing

ALONG = {"epochs": N_("Epochs"), "seconds": N_("Seconds")}
# Title and unit.
COSTS = {
    "parameters": (N_("Parameters"), N_("parameters")),
    "macs": (N_("MACs"), N_("MACs an image")),
    "seconds": (N_("Time"), N_("s of training")),
}
EACH = "each"
FEWEST_PARALLEL = 3  # runs


def beside(
    lab: Lab, runs: Sequence[Run], epochs: Mapping[str, Sequence[EpochDone]], differing: Sequence[Difference], address: Address
) -> bool:  # fmt: skip
    """Draws the curves and the finding; returns whether seeds are averaged. `differing`: the settings in which the runs differ."""
    with st.container(horizontal=True, vertical_alignment="bottom"):
        quantities = {name: translated(text) for name, text in QUANTITIES.items()}
        quantity = one_choice(_("Curves"), "runs:curve", "curve", quantities, address, as_list=True, width=200)
        axes = {name: translated(text) for name, text in ALONG.items()}
        along = one_choice(_("Along"), "runs:along", "along", axes, address)
        saving = st.container(width="content")
    chart = st.container()
    address.initialise("runs:base", "base", NONE, str)  # its control stands below
    text = finding(runs, baseline_of(runs))
    if text:
        st.markdown(escaped(text))
    if pair := undecided(runs, baseline_of(runs)):
        _offer_seeds(lab, *pair)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        by = _grouping(differing, address)
        fold = _fold(runs, address)
    with chart:
        lines = _curves(runs, epochs, quantity, along, fold=fold, by=by)
    if lines:
        draw = partial(
            comparison_svg, lines[:MOST_LINES], translated(QUANTITIES[quantity]), along, share=quantity.endswith("accuracy")
        )
        with saving:
            name = runs[0].id if len(runs) == 1 else f"{len(runs)}-runs"
            svg_button(draw, f"cnnlab-{name}-{quantity.replace('_', '-')}", key="runs:svg")
    return fold


def _offer_seeds(lab: Lab, best: Run, other: Run) -> None:
    """A button for what the finding recommends."""
    wanted = plan(other, best.config, lab.runs(), seeds=SEEDS, name=best.name)

    def start() -> None:
        try:
            ids = start_missing(lab, other, wanted, uuid.uuid5(uuid.NAMESPACE_OID, best.id + other.id).hex)
        except CNNLabError as error:
            st.session_state[OUTCOME] = "", (translated(error),)
            return
        st.session_state[CHOSEN], st.session_state["runs:fold"] = ids, True

    count = len(wanted.missing)
    trains = ngettext("Trains {count} more run and compares the means.", "Trains {count} more runs and compares the means.", count)
    st.button(
        _("Train three seeds of each"), icon=":material/casino:", key="runs:seeds", on_click=start,
        help=trains.format(count=count) if count else _("They are there already."),
    )  # fmt: skip


def below(lab: Lab, runs: Sequence[Run], differing: Sequence[Difference], address: Address, *, fold: bool) -> None:
    """Draws what differs, the runs against a baseline, and accuracy against costs and settings."""
    left, right = st.columns(2, gap="medium")
    with left:
        draw_differences(runs, differing, address)
    with right:
        _costs(lab, runs, _titles(differing), address, fold=fold)
    baseline = baseline_of(runs)
    if baseline and len(runs) > 1:
        st.html(baseline_table(runs, baseline))
    _parallel(runs, _titles(differing), address)


def _titles(differing: Sequence[Difference]) -> dict[str, str]:
    """The settings that accuracy can be drawn against, by name; a seed is no cause."""
    return {name: title for name, title in _by_field(differing).items() if name != "seed"}


def _by_field(differing: Sequence[Difference]) -> dict[str, str]:
    """The settings by name, with their titles. Of two networks of a user's own it is their names, not each row."""
    return {each.field: each.title for each in differing if each.field != NETWORK or each.title == _("Network")}


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
        _("Average over seeds"), key="runs:fold",
        help=_("Runs that differ only in their seed become one line: their mean, with a band of one standard deviation."),
    )  # fmt: skip
    address.write("fold", fold, False)
    return fold


def _grouping(differing: Sequence[Difference], address: Address) -> str | None:
    """The setting whose values have one line each; None for a line a run."""
    titles = {EACH: _("run")} | {name: in_sentence(title) for name, title in _by_field(differing).items()}
    if len(titles) < 2:
        address.preserve("by")
        return None
    by = one_choice(
        _("A line for each"), "runs:by", "by", titles, address, as_list=True, parse=_setting_of("by", (EACH,)), width=150,
        help=_("Runs with the same value of a setting become one line: their mean, with a band of one standard deviation."),
    )  # fmt: skip
    return None if by == EACH else by


def _setting_of(parameter: str, others: Sequence[str]) -> Callable[[str], str]:
    """A parser for the name of a setting, or one of `others`. Raises ConfigError."""

    def parse(text: str) -> str:
        options = {f"options.{option.name}" for each in (*every_card(), card(own_code.NAME)) for option in each.options}
        if text not in {*others, *RunConfig.model_fields, *options}:
            error = say(
                "{name} must be {others} or the name of a setting, not {value!r}.", name=parameter, others=", ".join(others),
                value=text[:80],
            )  # fmt: skip
            raise ConfigError(error, parameter)
        return text

    return parse


def _curves(
    runs: Sequence[Run], epochs: Mapping[str, Sequence[EpochDone]], quantity: comparison.Quantity, along: str, *, fold: bool,
    by: str | None,
) -> tuple[comparison.Line, ...]:  # fmt: skip
    """Draws the lines of the chart, which it returns."""
    lines = comparison.lines(runs, dict(epochs), quantity, fold=fold, by=by)
    if not lines:
        nothing = _("None of the selected runs has finished an epoch yet, so there is no curve to draw.")
        st.info(nothing, icon=":material/hourglass_empty:")
        return lines
    title = translated(QUANTITIES[quantity])
    figure = curves_figure(lines, title, along, share=quantity.endswith("accuracy"))
    label = _("{quantity} of the selected runs against epochs") if along == "epochs" else _(
        "{quantity} of the selected runs against seconds"
    )  # fmt: skip
    live_plot(figure, key="runs:curves", label=label.format(quantity=title))
    notes = []
    if len(lines) > MOST_LINES:
        notes.append(
            _(
                "Only the first {most} of {count} lines are drawn, so that each is distinct: choose a setting under “A line for "
                "each” to see all of them as averages."
            ).format(most=MOST_LINES, count=len(lines))
        )
    if len(lines) < len(runs) and not fold and by is None:
        without = len(runs) - len(lines)
        notes.append(
            ngettext(
                "{count} of the selected runs has no finished epoch.",
                "{count} of the selected runs have no finished epoch.",
                without,
            ).format(count=without)
        )
    if any(line.folded for line in lines):
        notes.append(
            _("Bands: one standard deviation on either side of the mean, up to the last epoch that all seeds have finished.")
            if by is None
            else _(
                "Bands: one standard deviation on either side of the mean, up to the last epoch that all its runs have finished."
            )
        )
    if notes:
        st.caption(together(*notes))
    return lines


def _costs(lab: Lab, runs: Sequence[Run], fields: Mapping[str, str], address: Address, *, fold: bool) -> None:
    titles = {name: translated(title) for name, (title, _unit) in COSTS.items()} | dict(fields)
    cost = one_choice(
        _("Best accuracy against"), "runs:cost", "cost", titles, address, as_list=bool(fields),
        parse=_setting_of("cost", tuple(COSTS)),
        help=_("A cost, or a setting in which the selected runs differ.") if fields else None,
    )  # fmt: skip
    if cost not in COSTS:
        _against_setting(runs, cost, titles[cost])
        return
    if cost == "macs":
        with st.spinner(_("Counting operations …")):
            costs = macs_of(lab, runs)
    else:
        costs = {run.id: getattr(run, cost) for run in runs}
    candidates = comparison.points(runs, costs, fold=fold)
    known = [point for point in candidates if point.cost]
    if not known:
        nothing = _("None of the selected runs has both a test accuracy and a known cost yet.")
        st.info(nothing, icon=":material/hourglass_empty:")
        return
    title, unit = map(translated, COSTS[cost])
    live_plot(
        cost_figure(candidates, title, unit), key="runs:costs", label=_("Best test accuracy against {cost}").format(cost=title)
    )
    caption = comparison.trade_offs([escaped(point.label) for point in comparison.pareto_front(known)])
    missing = len(candidates) - len(known)
    st.caption(together(caption, _("Left out, as their cost is unknown: {count}.").format(count=missing) if missing else ""))


def _evaluated(runs: Sequence[Run], *fields: str) -> list[Run]:
    """The runs with a result that have these settings."""
    return [run for run in runs if run.best_test_accuracy is not None and set(fields) <= set(settings(run.config))]


def _against_setting(runs: Sequence[Run], field: str, title: str) -> None:
    known = _evaluated(runs, field)
    if not known:
        nothing = _("None of the selected runs with this setting ({setting}) has a test accuracy yet.")
        st.info(nothing.format(setting=in_sentence(title)))
        return
    values = [_value(run, field) for run in known]
    reached = [run.best_test_accuracy or 0.0 for run in known]
    live_plot(
        setting_figure(comparison.labels(known), values, reached, title), key="runs:setting",
        label=_("Best test accuracy against {cost}").format(cost=title),
    )  # fmt: skip
    if len(known) < len(runs):
        st.caption(_("Left out, without a result or without this setting: {count}.").format(count=len(runs) - len(known)))


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
        _("Show settings and accuracy as parallel lines"), key="runs:parallel",
        help=_("An axis for each setting that differs, and a line for each run. Drag along an axis to keep some lines."),
    )  # fmt: skip
    address.write("parallel", shown, False)
    if shown:
        axes = [(title, [_value(run, field) for run in known]) for field, title in fields.items()]
        figure = parallel_figure(axes, [run.best_test_accuracy or 0.0 for run in known])
        label = _("Settings and best test accuracy of the selected runs, one line for each")
        live_plot(figure, key="runs:parallel lines", label=label)
