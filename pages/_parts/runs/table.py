"""All runs as one table to filter, sort and select from; the address holds the selection."""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa
import streamlit as st

from cnnlab import datasets
from cnnlab.architectures import card
from cnnlab.errors import ConfigError
from cnnlab.runs.summaries import Summaries, Summary
from cnnlab.system.home import is_run_id
from pages._parts.address import Address
from pages._parts.grid import grid
from pages._parts.one_choice import one_choice
from pages._parts.run_words import STATE_WORDS, state_word

MOST_CHOSEN = 24
MOST_DRAWN = 1_000  # rows: 0.2 MB for the browser, which needs seconds to draw ten thousand
CHOSEN, TABLE = "runs:chosen", "runs:table"
EVERYTHING = "all"
# Title, attribute to sort by, and whether the largest comes first; unsorted, the newest comes first.
ORDERS: dict[str, tuple[str, str, bool]] = {
    "newest": ("newest", "", True),
    "accuracy": ("best accuracy", "best_test_accuracy", True),
    "parameters": ("fewest parameters", "parameters", False),
    "seconds": ("shortest training", "seconds", False),
    "speed": ("most images a second", "images_per_second", True),
    "name": ("name", "name", False),
}
_SHOWN, _TOO_MANY = "runs:shown", "runs:too many"


def filtered(every: Summaries, address: Address) -> Sequence[Summary]:
    """Draws the filters and returns the runs that pass them, the newest first."""
    owners = every.owners
    columns = st.columns([3, 2, 2, 2, 2] if len(owners) > 1 else [3, 2, 2, 2], vertical_alignment="bottom")
    address.initialise("runs:text", "text", "", str)
    text = columns[0].text_input("Search", key="runs:text", max_chars=200, placeholder="name, id, owner, network, data …")
    address.write("text", text, "")
    fields = [
        ("State", "state", {state.value: words for state, words in STATE_WORDS.items()}),
        ("Network", "architecture", {name: card(name).title for name in every.architectures}),
        ("Data", "dataset", {name: datasets.entry(name).title for name in every.datasets}),
        *([("Owner", "owner", {owner: owner for owner in owners})] if len(owners) > 1 else []),
    ]
    selected = {}
    for column, (label, name, titles) in zip(columns[1:], fields, strict=True):
        # A value that no run has any more becomes "all".
        value = one_choice(label, f"runs:{name}", name, {EVERYTHING: "all"} | titles, address, as_list=True, place=column)
        if value != EVERYTHING:
            selected[name] = value
    words = text.casefold().split()
    if not selected and not words:
        return every.runs
    return [
        run for run in every.runs if all(getattr(run, name) == value for name, value in selected.items()) and _matches(run, words)
    ]


def runs_table(shown: Sequence[Summary], revision: str) -> None:
    """Draws these runs, and keeps the selection of rows and `st.session_state[CHOSEN]` the same.

    `revision` names the state of the lab: the table of the same runs at the same revision is made once.
    """
    ids = [run.id for run in shown]
    st.session_state[_SHOWN] = ids
    chosen = set(st.session_state[CHOSEN])
    rows = [row for row, run_id in enumerate(ids) if run_id in chosen]
    drawn = st.session_state.get(TABLE, {}).get("selection", {}).get("rows", [])
    if TABLE not in st.session_state or sorted(drawn) != rows:
        st.session_state[TABLE] = {"selection": {"rows": rows, "columns": [], "cells": []}}
    table = _table(revision, "".join(ids), shown)
    grid(
        table, key=TABLE, height=38 + 35 * max(3, min(len(shown), 7)), on_select=_choose,
        selection_mode="multi-row", column_config=_COLUMNS, placeholder="–", lazy=False, alt="All runs",
        column_order=[name for name in table.column_names if name != "Owner" or any(run.owner for run in shown)],
    )  # fmt: skip
    if st.session_state.pop(_TOO_MANY, False):
        st.warning(f"At most {MOST_CHOSEN} runs can be compared: the first {MOST_CHOSEN} that you selected are kept.")


def first_rows(runs: Sequence[Summary], address: Address) -> tuple[Sequence[Summary], str]:
    """The runs to draw, and a phrase that says which they are. Where they are too many, a list asks how to sort them.

    A click on a column's header sorts the drawn runs only.
    """
    if len(runs) <= MOST_DRAWN:
        address.preserve("order")
        return runs, ""
    titles = {name: title for name, (title, *_) in ORDERS.items()}
    order = one_choice(
        "Sort by", "runs:order", "order", titles, address, as_list=True, place=st.columns([2, 5])[0],
        help=f"The table shows the first {MOST_DRAWN:,} of all runs that match the filters, in this order. "
        "A click on a column's header sorts only those.",
    )  # fmt: skip
    title, name, descending = ORDERS[order]
    if name:
        known = [run for run in runs if getattr(run, name) is not None]
        runs = sorted(known, key=lambda run: getattr(run, name), reverse=descending)
    return runs[:MOST_DRAWN], f", sorted by “{title}”"


def parse_ids(text: str) -> tuple[str, ...]:
    """Run ids from an address, `a1b2c3d4,…`. Raises ConfigError."""
    ids = tuple(dict.fromkeys(part for part in text.split(",") if part))
    wrong = next((part for part in ids if not is_run_id(part)), None)
    if wrong is not None:
        raise ConfigError(f"runs must be run ids separated by commas, not {wrong[:80]!r}.", "runs")
    if len(ids) > MOST_CHOSEN:
        raise ConfigError(f"runs must be at most {MOST_CHOSEN} ids, not {len(ids)}.", "runs")
    return ids


def choice(before: Sequence[str], shown: Sequence[str], rows: Sequence[int]) -> tuple[str, ...]:
    """The selected ids, in the order of selection, once `rows` are selected; ids that a filter hides stay selected."""
    selected = [shown[row] for row in rows if row < len(shown)]
    kept = [run_id for run_id in before if run_id not in shown or run_id in selected]
    return tuple(kept + [run_id for run_id in selected if run_id not in kept])


def _choose() -> None:
    # Rows count in the table that the browser showed, which may have changed since.
    chosen = choice(st.session_state[CHOSEN], st.session_state[_SHOWN], st.session_state[TABLE]["selection"]["rows"])
    st.session_state[_TOO_MANY] = len(chosen) > MOST_CHOSEN
    st.session_state[CHOSEN] = chosen[:MOST_CHOSEN]


def _matches(run: Summary, words: Sequence[str]) -> bool:
    if not words:
        return True
    text = f"{run.name}\n{run.id}\n{run.owner}\n{run.architecture}\n{run.dataset}\n{run.device}".casefold()
    return all(word in text for word in words)


# Cached: a thousand rows take 3 ms at each selection. The ids are one string, since Streamlit takes 20 ms to hash a thousand.
@st.cache_resource(max_entries=16, show_spinner=False)
def _table(revision: str, ids: str, _runs: Sequence[Summary]) -> pa.Table:
    runs = _runs
    titles = {name: card(name).title for name in {run.architecture for run in runs}}
    data = {name: datasets.entry(name).title for name in {run.dataset for run in runs}}
    number = pa.float64()
    return pa.table(
        {
            "Run": [run.name or run.id for run in runs],
            "State": [state_word(run) for run in runs],
            "Owner": [run.owner for run in runs],
            "Network": [titles[run.architecture] for run in runs],
            "Data": [data[run.dataset] for run in runs],
            "Best accuracy": pa.array([run.best_test_accuracy and 100 * run.best_test_accuracy for run in runs], number),
            "Curve": pa.array([run.curve for run in runs], pa.list_(pa.float32())),
            "Epochs": pa.array([run.epochs_done for run in runs], pa.int32()),
            "Parameters": pa.array([run.parameters for run in runs], number),
            "Seconds": pa.array([run.seconds for run in runs], number),
            "When": pa.array([int(1000 * run.created) for run in runs], pa.timestamp("ms", "UTC")),
            "Images/s": pa.array([run.images_per_second for run in runs], number),
            "Id": [run.id for run in runs],
        }
    )


# Widths in pixels: the important columns fit side by side on a screen of 1366×768.
_COLUMNS = {
    "Run": st.column_config.TextColumn(width=160),
    "State": st.column_config.TextColumn(width=82),
    "Owner": st.column_config.TextColumn(width=80),
    "Network": st.column_config.TextColumn(width=82),
    "Data": st.column_config.TextColumn(width=138),
    "Best accuracy": st.column_config.NumberColumn(
        "Best accuracy", format="%.1f %%", width=106, help="The highest test accuracy of all epochs so far."
    ),
    "Curve": st.column_config.LineChartColumn(width=84, y_min=0, y_max=1, help="Test accuracy from the first epoch to the last."),
    "Epochs": st.column_config.NumberColumn(width=66, help="Finished epochs."),
    "Parameters": st.column_config.NumberColumn(format="compact", width=92),
    "Seconds": st.column_config.NumberColumn(format="%.0f", width=72, help="Time spent training, without pauses."),
    "Images/s": st.column_config.NumberColumn(format="%.0f", width=74, help="Training images per second, over the last epoch."),
    "When": st.column_config.DatetimeColumn(format="distance", width=110, help="When the run was started."),
}
