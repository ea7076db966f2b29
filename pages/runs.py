"""Runs: all runs of this lab, and the selected ones side by side."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from cnnlab.errors import CNNLabError
from cnnlab.events import EpochDone
from cnnlab.lab import Lab
from cnnlab.runs.records import Run
from cnnlab.runs.summaries import Summaries, Summary
from pages._parts.address import Address
from pages._parts.live.plot import load_ahead
from pages._parts.run.list import rerun_on_change, warn_of_unreadable
from pages._parts.run_words import short_title
from pages._parts.runs.compare import compare
from pages._parts.runs.disagree import disagree
from pages._parts.runs.export import export
from pages._parts.runs.table import CHOSEN, filtered, first_rows, parse_ids, runs_table
from pages._parts.shell import enter, fragment, in_words

MOST_LINKS = 8
Chosen = tuple[Run, tuple[EpochDone, ...]]
MOST_ROWS = 10_000  # `lab.summaries()` returns no more


def _chosen_runs(lab: Lab, problems: list[str]) -> list[Chosen]:
    """The selected runs with their epochs; deleted and unreadable ones leave the selection."""
    chosen = []
    for run_id in st.session_state[CHOSEN]:
        try:
            chosen.append((lab.run(run_id), lab.epochs(run_id)))
        except CNNLabError as error:
            problems.append(f"{error} It is left out of the comparison.")
    st.session_state[CHOSEN] = tuple(run.id for run, _ in chosen)
    return chosen


def _clear() -> None:
    st.session_state[CHOSEN] = ()


def _head(runs: list[Run]) -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(f"#### {len(runs)} selected")
        for run in runs[:MOST_LINKS] if len(runs) <= MOST_LINKS else ():
            st.page_link("pages/train.py", label=short_title(run), icon=":material/open_in_new:", query_params={"run": run.id})


def _compare(lab: Lab, chosen: Sequence[Chosen], address: Address) -> None:
    runs = [run for run, _ in chosen]
    _head(runs)
    fold = compare(lab, runs, {run.id: epochs for run, epochs in chosen}, address)
    with st.container(horizontal=True, vertical_alignment="center"):
        export(lab, [run.id for run in runs], fold=fold)
        st.button("Clear selection", icon=":material/close:", on_click=_clear, type="tertiary")
    disagree(lab, runs, address)


def _table_and_choice(lab: Lab, every: Summaries, shown: Sequence[Summary], which: str, page: Address) -> None:
    """The table and the comparison: a fragment, so that a selection redraws nothing else."""
    if not page.arriving and lab.summaries().version != every.version:
        st.rerun()  # not on arrival: only this run of the script knows the page's last view
    address = Address("chosen runs", within=page)
    address.initialise(CHOSEN, "runs", (), parse_ids)
    chosen = _chosen_runs(lab, address.problems)
    problems = st.container()  # filled last: each control may find a problem in the address
    if shown:
        runs_table(shown, f"{every.version} {lab.home}")
    else:
        st.info("No run matches these filters.", icon=":material/filter_alt_off:")
    hidden = len({run.id for run, _ in chosen} - {run.id for run in shown})
    total = len(every.runs)
    st.caption(
        f"{len(shown):,} of {total:,} runs{which}"
        + (f" (only the newest {total:,} are listed)" if total == MOST_ROWS else "")
        + (f" · {hidden} of the selected runs not in this table" if hidden else "")
        + (" · select rows at the left to compare runs" if not chosen else "")
    )
    address.write("runs", st.session_state[CHOSEN], ())
    if chosen:
        with in_words():
            _compare(lab, chosen, address)
    else:
        load_ahead()
    address.flush()
    address.show_problems(problems)


def main() -> None:
    lab = enter()
    st.title("Runs", anchor=False)
    every = lab.summaries()
    warn_of_unreadable(every.unreadable)
    if not every.runs:
        st.info("Nothing has been trained here yet. This page lists each run that you start, and compares runs.")
        st.page_link("pages/train.py", label="Train your first network", icon=":material/play_arrow:")
        return

    address = Address("runs")
    problems = st.container()
    shown, which = first_rows(filtered(every, address), address)
    address.flush(last=False)
    address.show_problems(problems)
    fragment(_table_and_choice)(lab, every, shown, which, address)
    rerun_on_change(lab, every)


with in_words():
    main()
