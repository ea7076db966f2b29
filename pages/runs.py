"""Runs: everything that has been trained here, and any of it side by side."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from cnnlab.errors import CNNLabError
from cnnlab.events import EpochDone
from cnnlab.lab import Lab
from cnnlab.runs.records import Run
from cnnlab.runs.summaries import Summaries, Summary
from pages._parts.address import Address
from pages._parts.live.plot import load_ahead
from pages._parts.run.list import keep_true, say_left_out
from pages._parts.run.words import quoting, short_title
from pages._parts.runs.compare import compare
from pages._parts.runs.disagree import disagree
from pages._parts.runs.export import export
from pages._parts.runs.table import CHOSEN, filtered, first_rows, parse_ids, runs_table
from pages._parts.shell import enter, fragment, in_words

MOST_LINKS = 8
Chosen = tuple[Run, tuple[EpochDone, ...]]
MOST_ROWS = 10_000  # the lab tells of no more


def _chosen_runs(lab: Lab, problems: list[str]) -> list[Chosen]:
    """The runs that are chosen, with their epochs; those that are gone, or cannot be read, are no longer chosen."""
    found = []
    for run_id in st.session_state[CHOSEN]:
        try:
            found.append((lab.run(run_id), lab.epochs(run_id)))
        except CNNLabError as error:
            problems.append(f"{error} It is left out.")
    st.session_state[CHOSEN] = tuple(run.id for run, _ in found)
    return found


def _clear() -> None:
    st.session_state[CHOSEN] = ()


def _head(runs: list[Run]) -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(f"#### {len(runs)} chosen" if len(runs) != 1 else "#### 1 chosen")
        for run in runs[:MOST_LINKS] if len(runs) <= MOST_LINKS else ():
            st.page_link("pages/train.py", label=short_title(run), icon=":material/open_in_new:", query_params={"run": run.id})


def _compare(lab: Lab, chosen: Sequence[Chosen], address: Address) -> None:
    runs = [run for run, _ in chosen]
    _head(runs)
    fold = compare(lab, runs, {run.id: epochs for run, epochs in chosen}, address)
    with st.container(horizontal=True, vertical_alignment="center"):
        export(lab, [run.id for run in runs], fold=fold)
        st.button("Choose none", icon=":material/close:", on_click=_clear, type="tertiary")
    disagree(lab, runs, address)


def _table_and_choice(lab: Lab, every: Summaries, shown: Sequence[Summary], which: str, page: Address) -> None:
    """The table and what is chosen in it: by itself, so that a choice draws nothing else anew."""
    if not page.arriving and lab.summaries().version != every.version:
        st.rerun()  # not on arrival: what the page showed last is known to this run of the script alone
    address = Address("chosen runs", within=page)
    address.initialise(CHOSEN, "runs", (), parse_ids)
    chosen = _chosen_runs(lab, address.problems)
    problems = st.container()  # filled at the end: every control may find one
    if shown:
        runs_table(shown, f"{every.version} {lab.home}")
    else:
        st.info("No run passes these filters.", icon=":material/filter_alt_off:")
    hidden = len({run.id for run, _ in chosen} - {run.id for run in shown})
    total = len(every.runs)
    st.caption(
        f"{len(shown):,} of {total:,} runs{which}"
        + (f" ({total:,} are the newest of all)" if total == MOST_ROWS else "")
        + (f" · {hidden} of the chosen ones not among these" if hidden else "")
        + (" · choose rows on the left to compare them" if not chosen else "")
    )
    address.write("runs", st.session_state[CHOSEN], ())
    if chosen:
        try:
            _compare(lab, chosen, address)
        except CNNLabError as error:
            st.error(quoting(error), icon=":material/error:")
    else:
        load_ahead()
    address.flush()
    _say(address.problems, problems)


def _say(problems: Sequence[str], place: DeltaGenerator) -> None:
    for problem in problems:
        place.warning(quoting(problem), icon=":material/link_off:")


def main() -> None:
    lab = enter()
    st.title("Runs", anchor=False)
    every = lab.summaries()
    say_left_out(every.unreadable)
    if not every.runs:
        st.info("Nothing has been trained here yet. Each run you start is kept, and can be compared with the others on this page.")
        st.page_link("pages/train.py", label="Train your first network", icon=":material/play_arrow:")
        return

    address = Address("runs")
    problems = st.container()
    shown, which = first_rows(filtered(every, address), address)
    address.flush()
    _say(address.problems, problems)
    fragment(_table_and_choice)(lab, every, shown, which, address)
    keep_true(lab, every)


with in_words():
    main()
