"""Whose predictions are shown: a run and its weights; or why the run in the address has none."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from cnnlab.errors import CNNLabError
from cnnlab.i18n import N_, _, translated
from cnnlab.lab import Lab
from cnnlab.runs.records import Run, State
from cnnlab.text import ago, percent
from cnnlab.values import Checkpoint
from pages._parts.address import Address
from pages._parts.language import in_links
from pages._parts.markdown import quoting
from pages._parts.one_choice import one_choice, when_changed
from pages._parts.predict.choice import PAGER
from pages._parts.run_words import cut_title, short_title, state_word

CHECKPOINTS: dict[Checkpoint, str] = {"best": N_("Best epoch"), "last": N_("Last epoch")}


def pick_run(
    lab: Lab, every: tuple[Run, ...], address: Address, place: DeltaGenerator, *, scope: str = "predict",
    on_change: Callable[[], None] = PAGER.restart,
) -> Run | None:  # fmt: skip
    """Draws the list of runs with a result; the newest one unless the address names another. None where there is none.

    `scope` stands before the keys of the page's controls.
    """
    key, before = f"{scope}:run", f"{scope}:run before"  # the latter is the run of the list when it was drawn last
    by_id = {run.id: run for run in every if run.epochs_done}
    asked = address.text("run")
    if asked is not None and asked not in by_id:
        _explain(lab, asked, instead=_(" The newest run with a result is shown instead.") if by_id else "")
    if not by_id:
        return None
    newest = next(iter(by_id))
    address.initialise(key, "run", newest, lambda text: text if text in by_id else newest)
    if st.session_state[key] not in by_id:
        # A browser sends the words of its list, which change with time; Streamlit then gives these words in place of the run.
        chosen_before = st.session_state.get(before)
        st.session_state[key] = chosen_before if chosen_before in by_id else newest
    first = _("Newest run: {run}") if newest == every[0].id else _("Newest run with a result: {run}")

    def label(run_id: str) -> str:
        return first.format(run=_label(by_id[run_id])) if run_id == newest else _label(by_id[run_id])

    def restart() -> None:
        if st.session_state[key] in by_id:
            on_change()

    chosen = place.selectbox(
        _("Run"), list(by_id), key=key, format_func=label, on_change=when_changed(key, restart),
        help=_(
            "Every run that has finished at least one epoch, newest first, with its test accuracy after the last one. An address "
            "without a run opens the newest one."
        ),
    )  # fmt: skip
    address.write("run", chosen, None)
    st.session_state[before] = chosen
    return by_id[chosen]


def pick_weights(run: Run, address: Address, place: DeltaGenerator) -> Checkpoint:
    """Draws the choice between the weights of the best and of the last epoch."""
    return one_choice(
        _("Weights from"), "predict:checkpoint", "checkpoint", {name: translated(text) for name, text in CHECKPOINTS.items()},
        address, default="last" if run.active else "best", place=place, on_change=PAGER.restart,
        help=_(
            "The weights are saved after each epoch. Those of a large network are saved within about a minute, so while it trains "
            "its latest epochs may be missing. The best epoch is the one with the highest accuracy on the validation images, or on "
            "the test images where no validation images are kept aside."
        ),
    )  # fmt: skip


def _label(run: Run) -> str:
    # Short: of a longer one a browser cuts the end, in the middle of a figure.
    state = "" if run.state is State.FINISHED else state_word(run).lower()
    accuracy = "" if run.test_accuracy is None else percent(run.test_accuracy)
    return " · ".join(filter(None, (cut_title(run), state, accuracy, ago(run.created))))


def _explain(lab: Lab, run_id: str, *, instead: str) -> None:
    """Says why the run in the address is not shown."""
    try:
        asked = lab.run(run_id)
    except CNNLabError as error:
        st.warning(f"{quoting(translated(error))}{instead}", icon=":material/search_off:")
        return
    st.info(
        _("“{run}” has no finished epoch yet, so it has no predictions.").format(run=short_title(asked)) + instead,
        icon=":material/hourglass_empty:",
    )
    st.page_link(
        "pages/train.py", label=_("See its progress"), query_params={"run": asked.id} | in_links(), icon=":material/show_chart:"
    )
