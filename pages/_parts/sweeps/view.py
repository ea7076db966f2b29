"""One sweep, while it trains and afterwards: what did best, how sure that is, charts, and its runs."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from cnnlab.config_words import words
from cnnlab.errors import CNNLabError
from cnnlab.events import RunStarted
from cnnlab.i18n import N_, _, translated
from cnnlab.lab import Lab
from cnnlab.sweeps.values import Sweep
from cnnlab.text import ago
from pages._parts.address import Address
from pages._parts.markdown import escaped, isolated, quoting
from pages._parts.shell import fragment
from pages._parts.sweeps.actions import sweep_actions, to_all_runs
from pages._parts.sweeps.charts import sweep_charts, trials_table
from pages._parts.sweeps.words import (
    ENDED,
    STATE_ICONS,
    STATE_WORDS,
    best_sentence,
    margin_sentence,
    progress_sentence,
    sweep_title,
)

POLL_SECONDS = 3.0
METHOD_WORDS = {"grid": N_("all combinations"), "random": N_("random values"), "tpe": N_("guided search")}
STYLE = Path(__file__).with_suffix(".css")


def sweep_view(lab: Lab, sweep_id: str) -> None:
    """Draws the sweep that the address names; what changes is a fragment."""
    address = Address("sweep")
    address.preserve("sweep")
    address.flush()
    address.show_problems(st.container())
    st.html(STYLE)
    try:
        sweep = lab.sweeps.get(sweep_id)
    except CNNLabError as error:
        st.error(quoting(translated(error)), icon=":material/search_off:")
        _back()
        return
    _back()
    st.title(escaped(isolated(sweep_title(sweep))), anchor=False)
    config = sweep.config
    if sweep.owner:
        started = _("Started by {owner}, {ago}").format(owner=escaped(isolated(sweep.owner)), ago=ago(sweep.created))
    else:
        started = _("Started {ago}").format(ago=ago(sweep.created))
    network, data = config.base.network, words("dataset", config.base.dataset)
    what = escaped(_("{network} on {data}").format(network=network, data=data))
    method = translated(METHOD_WORDS[config.method])
    pruned = _("{method}, hopeless runs are stopped early").format(method=method) if config.prune else method
    st.caption(f"{started} · {what} · {pruned}")
    fragment(_live, run_every=POLL_SECONDS if _moves(sweep) else None)(lab, sweep.id, _drawn(sweep))


def _back() -> None:
    # A button, because Streamlit highlights each page link to the current page.
    st.button(_("All runs"), icon=":material/arrow_back:", type="tertiary", on_click=to_all_runs)


def _moves(sweep: Sweep) -> bool:
    return sweep.state == "running" or bool(sweep.count("training", "waiting"))


def _drawn(sweep: Sweep) -> tuple[bool, bool]:
    """What the rest of the page depends on: the timer, and the runs in the sidebar."""
    return _moves(sweep), bool(sweep.run_ids)


def _live(lab: Lab, sweep_id: str, drawn: tuple[bool, bool]) -> None:
    sweep = lab.sweeps.get(sweep_id)
    if _drawn(sweep) != drawn:
        st.rerun()  # the whole page
    images, test_accuracy = _measured(lab, sweep)
    state = _("{sentence}.").format(sentence=translated(STATE_WORDS[sweep.state]))
    with st.container(key="sweep-state"):
        st.markdown(f"{STATE_ICONS[sweep.state]} **{state}** {escaped(best_sentence(sweep, test_accuracy))}")
        st.progress(min(1.0, sweep.count(*ENDED) / max(1, sweep.config.total)), text=escaped(progress_sentence(sweep)))
        if margin := margin_sentence(sweep, images):
            st.caption(escaped(margin))
    if sweep.message:
        show = st.error if sweep.state == "failed" else st.info
        show(quoting(translated(sweep.message)), icon=":material/error:" if sweep.state == "failed" else ":material/info:")
    sweep_actions(lab, sweep)
    sweep_charts(sweep)
    trials_table(sweep)


def _measured(lab: Lab, sweep: Sweep) -> tuple[int, float | None]:
    """How many images the runs are measured on, and the test accuracy of the best run; 0 and None where that is not known."""
    if not (best := sweep.best) or not best.run_id:
        return 0, None
    try:
        began = next((event for event in lab.events(best.run_id) if isinstance(event, RunStarted)), None)
        test_accuracy = lab.run(best.run_id).best_test_accuracy
    except CNNLabError:  # deleted a moment ago
        return 0, None
    images = 0 if began is None else began.validation_images if sweep.goal == "validation accuracy" else began.test_images
    return images, test_accuracy
