"""Runs: all runs of this lab, and the selected ones side by side."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from cnnlab.errors import CNNLabError
from cnnlab.events import EpochDone
from cnnlab.i18n import _, say
from cnnlab.lab import Lab
from cnnlab.reports.comparison import differences
from cnnlab.runs.records import Run, State
from cnnlab.runs.summaries import Summaries, Summary
from pages._parts.address import Address
from pages._parts.forms.several import several_values
from pages._parts.language import in_links
from pages._parts.learn.links import titled
from pages._parts.live.plot import load_ahead
from pages._parts.markdown import escaped
from pages._parts.run.list import rerun_on_change, warn_of_unreadable
from pages._parts.run_words import short_title
from pages._parts.runs.actions import change_many, show_outcome
from pages._parts.runs.compare import below, beside
from pages._parts.runs.disagree import disagree
from pages._parts.runs.export import export
from pages._parts.runs.filters import filtered
from pages._parts.runs.table import CHOSEN, STYLE, first_rows, in_address, parse_ids, runs_table
from pages._parts.shell import enter, fragment, in_words
from pages._parts.sweeps.actions import DELETED
from pages._parts.sweeps.list import sweep_list
from pages._parts.sweeps.view import sweep_view

MOST_LINKS = 4
# All that the address of Runs can say, the second part of it about a comparison.
OF_COMPARISON = ("curve", "along", "by", "fold", "cost", "parallel", "base", "apart", "right", "page")
NAMES = ("text", "state", "architecture", "dataset", "owner", "tag", "columns", "order", "runs", *OF_COMPARISON)
MOST_COMPARED = 96  # whose curves are read: each takes a millisecond
Chosen = tuple[Run, tuple[EpochDone, ...]]
MOST_ROWS = 10_000  # `lab.summaries()` returns no more


def _chosen_rows(lab: Lab, every: Summaries, problems: list[str]) -> list[Summary]:
    """The rows of the selected runs; deleted ones leave the selection."""
    by_id = {run.id: run for run in every.runs} if st.session_state[CHOSEN] else {}
    for run_id in st.session_state[CHOSEN]:
        if run_id not in by_id:
            try:
                lab.run(run_id)
                problems.append(
                    say("Run {id} is not among the {most:,} newest. It is left out of the comparison.", id=run_id, most=MOST_ROWS)
                )
            except CNNLabError as error:
                problems.append(_left_out(error))
    rows = [by_id[run_id] for run_id in st.session_state[CHOSEN] if run_id in by_id]
    st.session_state[CHOSEN] = tuple(run.id for run in rows)
    return rows


def _compared(lab: Lab, rows: Sequence[Summary], problems: list[str]) -> list[Chosen]:
    """The first of these runs with their epochs; unreadable ones leave the selection."""
    chosen = []
    for row in rows[:MOST_COMPARED]:
        try:
            chosen.append((lab.run(row.id), lab.epochs(row.id)))
        except CNNLabError as error:
            problems.append(_left_out(error))
            st.session_state[CHOSEN] = tuple(run_id for run_id in st.session_state[CHOSEN] if run_id != row.id)
    return chosen


def _left_out(error: CNNLabError) -> str:
    return say("{error} It is left out of the comparison.", error=error)


def _clear() -> None:
    st.session_state[CHOSEN] = ()


def _select(ids: tuple[str, ...]) -> None:
    st.session_state[CHOSEN] = ids


def _toolbar(lab: Lab, chosen: Sequence[Summary], matching: Sequence[Summary]) -> DeltaGenerator | None:
    """What can be done with the selected runs, in one row above the table; returns the place for saving them, if there are any."""
    saving = None
    with st.container(horizontal=True, vertical_alignment="center", key="runs-toolbar"):
        if chosen:
            st.markdown(_("## {count:,} selected").format(count=len(chosen)))
            saving = st.container(width="content")
            change_many(lab, chosen)
            st.button(_("Clear selection"), icon=":material/close:", on_click=_clear, type="tertiary")
        if len(matching) > len(chosen) and len(matching) > 1:
            st.button(
                _("Compare all {count:,}").format(count=len(matching)), icon=":material/compare_arrows:", key="runs:all",
                type="tertiary" if chosen else "primary", on_click=_select, args=(tuple(run.id for run in matching),),
                help=_("Selects all runs that match the filters. To compare some of them, select their rows at the left."),
            )  # fmt: skip
        if len(chosen) == 1:
            _try_several(lab, chosen[0].id)
        titles = [short_title(run) for run in chosen]
        for run, title in zip(chosen, titles, strict=True) if len(chosen) <= MOST_LINKS else ():
            label = title if titles.count(title) == 1 else f"{title}, {run.id}"
            st.page_link("pages/train.py", label=label, icon=":material/show_chart:", query_params={"run": run.id} | in_links())
    return saving


def _try_several(lab: Lab, run_id: str) -> None:
    try:
        run = lab.run(run_id)
    except CNNLabError:  # the comparison names it
        return
    several_values(lab, run.config, key=run.id, seconds=run.seconds if run.state is State.FINISHED else None)


def _caption(every: Summaries, shown: Sequence[Summary], chosen: Sequence[Summary], which: str) -> None:
    hidden = len({run.id for run in chosen} - {run.id for run in shown})
    total = len(every.runs)
    counted = _("{count:,} of {total:,} runs").format(count=len(shown), total=total)
    newest = _(" (only the newest {total:,} are listed)").format(total=total) if total == MOST_ROWS else ""
    parts = [counted + which + newest]
    if hidden:
        parts.append(_("{count:,} of the selected runs not in this table").format(count=hidden))
    if not chosen:
        parts.append(_("select rows at the left to compare runs"))
    elif len(chosen) > MOST_COMPARED:
        parts.append(_("compared are the first {count} of those selected").format(count=MOST_COMPARED))
    st.caption(" · ".join(parts))


def _table_and_choice(
    lab: Lab, every: Summaries, matching: Sequence[Summary], drawn: tuple[Sequence[Summary], str, tuple[str, ...]], page: Address
) -> None:
    """The table and the comparison: a fragment, so that a selection redraws nothing else. `drawn`: rows, which, and columns."""
    if not page.arriving and lab.summaries().version != every.version:
        st.rerun()  # not on arrival: only this run of the script knows the page's last view
    shown, which, wanted = drawn
    ids = tuple(run.id for run in matching)
    address = Address("chosen runs", within=page)
    address.initialise(CHOSEN, "runs", (), parse_ids(ids))
    rows = _chosen_rows(lab, every, address.problems)
    problems = st.container()  # filled last: each control may find a problem in the address
    with st.container():  # always there, so that a message does not make the browser draw the table again
        show_outcome()
    saving = _toolbar(lab, rows, matching)
    compared = _compared(lab, rows, address.problems)
    runs, epochs, fold = [run for run, _ in compared], {run.id: done for run, done in compared}, False
    differing = differences([run.config for run in runs])
    with st.container(key="runs-split"):
        left, right = st.columns(2, gap="medium")
        with left:
            if shown:
                runs_table(shown, wanted, f"{every.version} {lab.home}", lab.sharing.starts())
            else:
                st.info(_("No run matches these filters."), icon=":material/filter_alt_off:")
            _caption(every, shown, rows, which)
        if runs:
            with right, st.container(key="runs-beside"), in_words():
                fold = beside(lab, runs, epochs, differing, address)
    if saving:
        with saving:  # last, because the report averages as the page does
            export(lab, [run.id for run in rows], fold=fold)
    address.write("runs", in_address(st.session_state[CHOSEN], ids), ())
    if runs:
        with in_words():
            below(lab, runs, differing, address, fold=fold)
            disagree(lab, runs, address)
    else:
        load_ahead()
        for name in OF_COMPARISON:
            address.text(name)  # of no effect here, but no mistake in the address either
    address.flush()
    address.show_problems(problems)


def main() -> None:
    lab = enter()
    if sweep_id := st.query_params.get("sweep"):
        sweep_view(lab, sweep_id)
        return
    if deleted := st.session_state.pop(DELETED, None):
        st.toast(_("“{title}” was deleted.").format(title=escaped(deleted)), icon=":material/delete:")
    st.html(STYLE)
    titled(lab, _("Runs"), "runs")
    every = lab.summaries()
    sweep_list(lab)
    warn_of_unreadable(every.unreadable)
    warn_of_unreadable([lost] if (lost := lab.without_record()) else [])
    if not every.runs:
        address = Address("runs")
        address.preserve(*NAMES)
        address.flush()
        address.show_problems(st.container())
        st.info(_("Nothing has been trained here yet. This page lists each run that you start, and compares runs."))
        st.page_link("pages/train.py", label=_("Train your first network"), icon=":material/play_arrow:", query_params=in_links())
        return

    address = Address("runs")
    problems = st.container()
    matching, wanted = filtered(every, address)
    shown, which = first_rows(matching, address)
    address.flush(last=False)
    address.show_problems(problems)
    fragment(_table_and_choice)(lab, every, matching, (shown, which, wanted), address)
    rerun_on_change(lab, every)


with in_words():
    main()
