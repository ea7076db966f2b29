"""The runs of a sweep as charts: all settings as parallel lines, and accuracy against each setting; and as a table."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import streamlit as st

from cnnlab.config_words import title, words
from cnnlab.figures.sweeps import KINDS, Axis, Mark, parallel_figure, trials_figure
from cnnlab.i18n import _, translated
from cnnlab.reports.comparison import is_number
from cnnlab.sweeps.values import Sweep, Trial
from cnnlab.text import in_sentence
from pages._parts.grid import grid, heading
from pages._parts.live.plot import Chart, encoded, live_plot, live_plots, load_ahead
from pages._parts.sweeps.words import TRIAL_WORDS

FEWEST_PARALLEL = 3  # runs: fewer are read in the table
ROW, HEADER, MOST_ROWS = 35, 38, 12  # pixels; rows before the table scrolls


def sweep_charts(sweep: Sweep) -> None:
    """Draws nothing before a run has finished an epoch, but has the browser load what draws."""
    marks = [_mark(sweep, trial) for trial in sweep.trials if trial.accuracy is not None]
    if not marks:
        load_ahead()
        return
    titles, quantity = _titles(sweep), quantity_of(sweep)
    if len(titles) > 1 and len(marks) >= FEWEST_PARALLEL:
        st.markdown(_("## All settings at once"))
        st.caption(_("A line for each run, in colour by its accuracy. Drag along an axis to keep the lines that pass there."))
        axes = [(text, [mark.values[place] for mark in marks]) for place, text in enumerate(titles)]
        if len({mark.kind for mark in marks}) > 1:
            axes.append((_("State"), [translated(KINDS[mark.kind][0]) for mark in marks]))
        with st.container(key=f"sweep-parallel-{len(axes)}"):  # view.css keeps room between the axes on a phone
            figure = parallel_figure(axes, [mark.accuracy for mark in marks], quantity)
            label = _("Settings and {quantity} of the sweep's runs, a line for each").format(quantity=translated(sweep.goal))
            live_plot(figure, key=f"parallel {sweep.id}", label=label)
    alone = _("## Accuracy against {setting}").format(setting=in_sentence(titles[0]))
    st.markdown(_("## Accuracy against each setting") if len(titles) > 1 else alone)
    charts = [
        Chart(
            trials_figure(marks, place, Axis(text, each.values is not None, each.log), quantity),
            _("{quantity} against {setting}").format(quantity=quantity, setting=in_sentence(text)),
            tools=False,
        )
        for place, (each, text) in enumerate(zip(sweep.config.dimensions, titles, strict=True))
    ]
    live_plots(encoded(*charts), key=f"settings {sweep.id}")


def trials_table(sweep: Sweep) -> None:
    """The same figures as text: a row for each run, the best first."""
    trials = sorted(sweep.trials, key=lambda trial: (-(trial.accuracy or -1.0), trial.number))
    if not trials:
        return
    st.markdown(_("## Its runs"))
    columns: dict[str, Any] = {"open": [f"train?run={trial.run_id}" if trial.run_id else None for trial in trials]}
    columns["number"] = [trial.number for trial in trials]
    shown: dict[str, Any] = {
        "open": st.column_config.LinkColumn(
            _("Open"), display_text=":material/open_in_new:", width=56, help=_("Opens the run in a new tab.")
        ),
        "number": st.column_config.NumberColumn(_("Run"), width=56, pinned=True, help=_("In the order in which they were begun.")),
    }
    columns["accuracy"] = pa.array([None if trial.accuracy is None else 100 * trial.accuracy for trial in trials], pa.float64())
    shown["accuracy"] = st.column_config.NumberColumn(quantity_of(sweep), format="%.1f %%", help=_("Of its best epoch so far."))
    for each, text in zip(sweep.config.dimensions, _titles(sweep), strict=True):
        values = [_value(each.setting, trial.values.get(each.setting)) for trial in trials]
        numbers = all(map(is_number, values))
        columns[each.setting] = values if numbers else list(map(str, values))
        shown[each.setting] = (
            st.column_config.NumberColumn(heading(text), format="%.6g") if numbers else st.column_config.TextColumn(heading(text))
        )
    columns |= {
        "state": [translated(TRIAL_WORDS[trial.state]) for trial in trials],
        "epochs": [trial.epochs_done for trial in trials],
        "seconds": pa.array([trial.seconds for trial in trials], pa.float64()),
    }
    shown |= {
        "state": st.column_config.TextColumn(_("State")),
        "epochs": st.column_config.NumberColumn(_("Epochs"), help=_("Finished epochs.")),
        "seconds": st.column_config.NumberColumn(_("Seconds"), format="%.0f", help=_("Time spent training.")),
    }
    if any(trial.message for trial in trials):
        columns["message"] = [translated(trial.message) for trial in trials]
        shown["message"] = st.column_config.TextColumn(_("Why"), width="large")
    grid(
        columns, key=f"trials {sweep.id}", alt=_("The runs of the sweep"), height=HEADER + ROW * min(len(trials), MOST_ROWS),
        column_config=shown,
    )  # fmt: skip


def quantity_of(sweep: Sweep) -> str:
    """The sweep's goal as a heading: "Validation accuracy"."""
    return _("Validation accuracy") if sweep.goal == "validation accuracy" else _("Test accuracy")


def _titles(sweep: Sweep) -> list[str]:
    return [title(each.setting, sweep.config.base.architecture) for each in sweep.config.dimensions]


def _mark(sweep: Sweep, trial: Trial) -> Mark:
    kind = {"stopped": "failed", "waiting": "training"}.get(trial.state, trial.state)
    values = tuple(_value(name, value) for name, value in trial.values.items())
    name = _("Run {number}: {settings}, {state} after epoch {epoch}").format(
        number=trial.number, settings=sweep.config.in_words(trial.values), state=translated(TRIAL_WORDS[trial.state]).lower(),
        epoch=trial.epochs_done,
    )  # fmt: skip
    return Mark(name, kind, values, trial.accuracy or 0.0)


def _value(name: str, value: Any) -> Any:
    return value if is_number(value) else words(name, value)
