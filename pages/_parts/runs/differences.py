"""What differs between the selected runs, as a table of settings, and each run beside a baseline."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

import pyarrow as pa
import streamlit as st

from cnnlab.i18n import _
from cnnlab.reports import comparison
from cnnlab.reports.comparison import Difference
from cnnlab.reports.findings import against
from cnnlab.runs.records import Run
from pages._parts.address import Address
from pages._parts.grid import grid, heading
from pages._parts.one_choice import one_choice

NONE = "none"


def baseline_of(runs: Sequence[Run]) -> Run | None:
    """The run that the others are compared with; None where none was chosen."""
    return next((run for run in runs if run.id == st.session_state.get("runs:base")), None)


def draw_differences(runs: Sequence[Run], differing: Sequence[Difference], address: Address) -> None:
    """Draws the settings that differ, and the choice of a baseline."""
    if len(runs) < 2:
        address.preserve("base")
        return
    st.markdown(_("## What differs"))
    names = comparison.labels(runs)
    if differing:
        # Columns are numbered: two shortened names may be equal, or equal to "setting".
        columns = {"setting": [difference.title for difference in differing]}
        columns |= {str(place): [difference.values[place] for difference in differing] for place in range(len(runs))}
        grid(
            pa.table(columns), key="runs:differences", alt=_("Settings that differ"),
            height=38 + 35 * min(len(differing), 10),
            column_config={"setting": st.column_config.TextColumn(_("Setting"), pinned=True)}
            | {str(place): st.column_config.TextColumn(heading(name)) for place, name in enumerate(names)},
        )  # fmt: skip
    else:
        st.caption(_("Nothing: all settings are equal, including the seed."))
    titles = {NONE: _("no baseline")} | {run.id: name for run, name in zip(runs, names, strict=True)}
    one_choice(
        _("Baseline"), "runs:base", "base", titles, address, as_list=True, parse=str,
        help=_("A run that stays fixed: the others show their differences to it."),
    )  # fmt: skip


def baseline_table(runs: Sequence[Run], baseline: Run) -> str:
    """Differences to the baseline, by sign, word and colour."""
    marks = {True: ("better", "▲"), False: ("worse", "▼"), None: ("same", "")}
    rows = []
    for row in against(runs, baseline):
        word, sign = marks[row.better]
        change = f'<span class="cnn-{word}">{sign} {escape(row.change)}</span>' if row.change else ""
        cells = (f"{escape(row.accuracy)} {change}", escape(row.seconds), escape(row.settings))
        head = f'<th scope="row"><bdi>{escape(row.label)}</bdi></th>'
        rows.append(f"<tr>{head}{''.join(f'<td>{cell}</td>' for cell in cells)}</tr>")
    heads = (_("Run"), _("Best accuracy"), _("Training time"), _("Differs in"))
    titles = "".join(f'<th scope="col">{escape(title)}</th>' for title in heads)
    return (
        f'<div class="cnn-against" tabindex="0"><table><thead><tr>{titles}</tr></thead><tbody>{"".join(rows)}</tbody></table></div>'
    )
