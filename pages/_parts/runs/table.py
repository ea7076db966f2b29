"""All runs as one table to sort and select from; the address holds the selection."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import streamlit as st

from cnnlab.errors import ConfigError
from cnnlab.forecasts.queue_times import Start
from cnnlab.i18n import N_, _, language, say, translated
from cnnlab.runs.summaries import Summary
from cnnlab.system.home import is_run_id
from pages._parts.address import Address
from pages._parts.grid import guarded, guarded_grid
from pages._parts.one_choice import one_choice
from pages._parts.run_words import start_words
from pages._parts.runs.columns import Drawn, drawn

MOST_IN_ADDRESS = 200  # ids: 2 kB; a longer address is refused by some servers
MOST_DRAWN = 1_000  # rows: 0.2 MB for the browser, which needs seconds to draw ten thousand
ALL = "all"  # in the address, for all runs that the filters let through
CHOSEN, TABLE = "runs:chosen", "runs:table"
STYLE = Path(__file__).with_suffix(".css")
# Title, attribute to sort by, and whether the largest comes first; unsorted, the newest comes first.
ORDERS: dict[str, tuple[str, str, bool]] = {
    "newest": (N_("newest"), "", True),
    "accuracy": (N_("best accuracy"), "best_test_accuracy", True),
    "parameters": (N_("fewest parameters"), "parameters", False),
    "seconds": (N_("shortest training"), "seconds", False),
    "speed": (N_("most images a second"), "images_per_second", True),
    "name": (N_("name"), "name", False),
}
_SHOWN = "runs:shown"


def runs_table(shown: Sequence[Summary], wanted: tuple[str, ...], revision: str, starts: Mapping[str, Start]) -> None:
    """Draws these runs, and keeps the selection of rows and `st.session_state[CHOSEN]` the same.

    `revision` names the state of the lab: the table of the same runs at the same revision is made once in each language.
    `starts` are those of the runs that wait.
    """
    ids = [run.id for run in shown]
    st.session_state[_SHOWN] = ids
    chosen = set(st.session_state[CHOSEN])
    rows = [row for row, run_id in enumerate(ids) if run_id in chosen]
    selected = st.session_state.get(TABLE, {}).get("selection", {}).get("rows", [])
    if TABLE not in st.session_state or sorted(selected) != rows:
        st.session_state[TABLE] = {"selection": {"rows": rows, "columns": [], "cells": []}}
    turns = {run_id: start_words(starts[run_id]) for run_id in ids if run_id in starts}
    table = _drawn(f"{language()} {revision} {turns}", "".join(ids), wanted, shown, turns)
    with st.container(key="runs-table", height=400, border=False):  # table.css gives it the height of the window
        guarded_grid(
            table.table, key=TABLE, height="stretch", on_select=_choose, selection_mode="multi-row", column_config=table.config,
            lazy=False, alt=_("All runs"), column_order=table.order,
        )  # fmt: skip


def first_rows(runs: Sequence[Summary], address: Address) -> tuple[Sequence[Summary], str]:
    """The runs to draw, and a phrase that says which they are. Where they are too many, a list asks how to sort them.

    A click on a column's header sorts the drawn runs only.
    """
    if len(runs) <= MOST_DRAWN:
        address.preserve("order")
        return runs, ""
    titles = {name: translated(title) for name, (title, *_rest) in ORDERS.items()}
    order = one_choice(
        _("Sort by"), "runs:order", "order", titles, address, as_list=True, place=st.columns([2, 5])[0],
        help=_(
            "The table shows the first {most:,} of all runs that match the filters, in this order. "
            "A click on a column's header sorts only those."
        ).format(most=MOST_DRAWN),
    )  # fmt: skip
    _title, name, descending = ORDERS[order]
    if name:
        known = [run for run in runs if getattr(run, name) is not None]
        runs = sorted(known, key=lambda run: getattr(run, name), reverse=descending)
    return runs[:MOST_DRAWN], _(", sorted by “{order}”").format(order=titles[order])


def parse_ids(shown: Sequence[str] = ()) -> Callable[[str], tuple[str, ...]]:
    """A parser for the selection in an address: `a1b2c3d4,…`, or `all` for those that are shown. Raises ConfigError."""

    def parse(text: str) -> tuple[str, ...]:
        if text == ALL:
            return tuple(shown)
        ids = tuple(dict.fromkeys(part for part in text.split(",") if part))
        wrong = next((part for part in ids if not is_run_id(part)), None)
        if wrong is not None:
            error = say("{name} must be run ids separated by commas, not {value!r}.", name="runs", value=wrong[:80])
            raise ConfigError(error, "runs")
        if len(ids) > MOST_IN_ADDRESS:
            error = say("{name} must be at most {most} ids, not {count}.", name="runs", most=MOST_IN_ADDRESS, count=len(ids))
            raise ConfigError(error, "runs")
        return ids

    return parse


def in_address(chosen: Sequence[str], shown: Sequence[str]) -> str | tuple[str, ...]:
    """The selection as the address holds it; () where it is too long, and neither is it all that is shown."""
    if len(chosen) > 1 and len(chosen) == len(shown) and set(chosen) == set(shown) and len(chosen) > MOST_IN_ADDRESS:
        return ALL
    return tuple(chosen) if len(chosen) <= MOST_IN_ADDRESS else ()


def choice(before: Sequence[str], shown: Sequence[str], rows: Sequence[int]) -> tuple[str, ...]:
    """The selected ids, in the order of selection, once `rows` are selected; ids that a filter hides stay selected."""
    selected = [shown[row] for row in rows if row < len(shown)]
    among, wanted = set(shown), set(selected)
    kept = [run_id for run_id in before if run_id not in among or run_id in wanted]
    known = set(kept)
    return tuple(kept + [run_id for run_id in selected if run_id not in known])


def _choose() -> None:
    # Rows count in the table that the browser showed, which may have changed since.
    st.session_state[CHOSEN] = choice(
        st.session_state[CHOSEN], st.session_state[_SHOWN], st.session_state[TABLE]["selection"]["rows"]
    )


# Cached: a thousand rows take 20 ms at each selection. The ids are one string, since Streamlit takes 20 ms to hash a thousand.
@st.cache_resource(max_entries=16, show_spinner=False)
def _drawn(revision: str, ids: str, wanted: tuple[str, ...], _runs: Sequence[Summary], _turns: Mapping[str, str]) -> Drawn:
    made = drawn(_runs, wanted, "train?run=", _turns)
    return replace(made, table=guarded(made.table))
