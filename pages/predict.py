"""Predict: test images with the labels that a trained network gives them, right and wrong told apart."""

from __future__ import annotations

from typing import Any

import streamlit as st

from cnnlab.errors import CNNLabError
from cnnlab.lab import Lab, PredictionPage
from cnnlab.runs.records import Run, State
from pages._parts.address import Address, whole_number
from pages._parts.image_grid import GridItem, image_grid
from pages._parts.one_choice import one_choice
from pages._parts.pager import pager
from pages._parts.run.list import say_left_out
from pages._parts.run.words import STATE_WORDS, ago, cut_title, quoting, share, short_title, whole_share
from pages._parts.shell import enter, in_words

PER_PAGE = 40
EVERY = -1
IMAGE_PX = 96
RIGHT, WRONG = "#009E73", "#D55E00"  # colour-blind people tell them apart; the sign says it too
ONLY = {"all": "All", "mistakes": "Mistakes", "correct": "Right"}
CHECKPOINTS = {"best": "Best epoch", "last": "Last epoch"}
PAGE = "predict:page"
LEGEND = "Green and ✓: right. Orange and ✗: wrong. Below each: what the network says and how sure it is."


def _choose_run(lab: Lab, runs: tuple[Run, ...], address: Address) -> Run:
    by_id = {run.id: run for run in runs}
    default = runs[0].id
    given = st.query_params.get("run")
    if given is not None and given not in by_id:
        _explain(lab, given)
    address.initialise("predict:run", "run", default, lambda text: text if text in by_id else default)
    if st.session_state["predict:run"] not in by_id:
        st.session_state["predict:run"] = default
    chosen = st.selectbox(
        "Run", list(by_id), key="predict:run", format_func=lambda each: _label(by_id[each]), on_change=_to_first_page,
        help="Every run that has finished at least one epoch, the newest first.",
    )  # fmt: skip
    address.write("run", chosen, None)
    return by_id[chosen]


def _label(run: Run) -> str:
    return f"{cut_title(run)} · {STATE_WORDS[run.state].lower()}, {share(run.test_accuracy)} · {ago(run.created)}"


def _explain(lab: Lab, run_id: str) -> None:
    """Says why the run in the address is not the one that is shown."""
    try:
        asked = lab.run(run_id)
    except CNNLabError as error:
        st.warning(f"{quoting(error)} Shown is the newest run.", icon=":material/search_off:")
        return
    st.info(
        f"“{short_title(asked)}” has no finished epoch yet, so there is nothing to show of it; shown is another run.",
        icon=":material/hourglass_empty:",
    )
    st.page_link("pages/train.py", label="See how far it is", query_params={"run": asked.id}, icon=":material/show_chart:")


def _filters(run: Run, classes: tuple[str, ...], address: Address) -> dict[str, Any]:
    first, second, third = st.columns([2, 2, 2], vertical_alignment="bottom")
    usual = "last" if run.active else "best"
    checkpoint = one_choice(
        "Weights from", "predict:checkpoint", "checkpoint", CHECKPOINTS, address, default=usual, place=first,
        on_change=_to_first_page,
        help="The network is saved after each epoch; the best had the highest test accuracy.",
    )  # fmt: skip
    only = one_choice(
        "Show", "predict:only", "only", ONLY, address, place=second, on_change=_to_first_page,
        help="Mistakes are the test images that it names wrongly.",
    )  # fmt: skip

    address.initialise("predict:label", "label", EVERY, whole_number("label", 0, len(classes) - 1))
    if st.session_state["predict:label"] not in (EVERY, *range(len(classes))):
        st.session_state["predict:label"] = EVERY
    label = third.selectbox(
        "True class", [EVERY, *range(len(classes))], format_func=lambda each: "all classes" if each == EVERY else classes[each],
        key="predict:label", on_change=_to_first_page,
        help="Show images of one class only, by what they really are.",
    )  # fmt: skip
    address.write("label", label, EVERY)
    return {"checkpoint": checkpoint, "only": only, "label": None if label == EVERY else label}


def _to_first_page() -> None:
    st.session_state[PAGE] = 1


def _ask(lab: Lab, run: Run, filters: dict[str, Any]) -> PredictionPage:
    """The page of predictions that is open, or the last one where the open one is past the end."""
    number = st.session_state[PAGE]
    page = lab.predictions(run.id, offset=(number - 1) * PER_PAGE, count=PER_PAGE, **filters)
    if page.items or not page.total:
        return page
    st.session_state[PAGE] = (page.total - 1) // PER_PAGE + 1
    return lab.predictions(run.id, offset=(st.session_state[PAGE] - 1) * PER_PAGE, count=PER_PAGE, **filters)


def _headline(run: Run, page: PredictionPage) -> None:
    rate = share(page.correct / page.test_images) if page.test_images else "–"
    st.markdown(f"##### {page.correct:,} of {page.test_images:,} test images right, {rate}")
    still = ""
    if run.active:
        still = " Training goes on; later epochs replace these weights."
    elif run.state in (State.PAUSED, State.INTERRUPTED):
        still = f" The run is {STATE_WORDS[run.state].lower()}; when it goes on, later epochs replace these weights."
    st.caption(
        f"With the weights after epoch {page.epoch} of {run.config.epochs}. The network never saw these images in training.{still}"
    )


def _grid(page: PredictionPage) -> None:
    items = []
    for each in page.items:
        truth, said = page.classes[each.picture.label], page.classes[each.predicted]
        right = each.picture.label == each.predicted
        sure = whole_share(each.confidence)
        items.append(
            GridItem(
                data_uri=each.picture.data_uri,
                alt=f"Test image {each.picture.index}: {truth}, predicted {said}, {sure} sure, {'right' if right else 'wrong'}",
                caption=f"{said}, {sure}",
                detail="right" if right else f"is: {truth}",
                frame=RIGHT if right else WRONG,
                sign="✓" if right else "✗",
            )
        )
    image_grid(items, IMAGE_PX)


def main() -> None:
    lab = enter()
    st.title("What it says about images it has never seen", anchor=False)
    every = lab.runs()
    say_left_out(every.unreadable)
    runs = tuple(run for run in every if run.epochs_done)
    if not runs:
        asked = st.query_params.get("run")
        if asked:
            _explain(lab, asked)
        st.info("There is no trained network yet. Train one first; its predictions can be seen as soon as its first epoch is done.")
        st.page_link("pages/train.py", label="Train your first network", icon=":material/play_arrow:")
        return

    address = Address("predict")
    run = _choose_run(lab, runs, address)
    classes = next(status.entry.classes for status in lab.datasets() if status.entry.name == run.config.dataset)
    filters = _filters(run, classes, address)
    address.initialise(PAGE, "page", 1, whole_number("page", 1, 100_000))
    try:
        page = _ask(lab, run, filters)
    except CNNLabError as error:
        st.error(quoting(error), icon=":material/error:")
        st.page_link("pages/train.py", label="Open this run", icon=":material/show_chart:", query_params={"run": run.id})
        return
    address.write("page", st.session_state[PAGE], 1)
    address.flush()
    for problem in address.problems:
        st.warning(quoting(problem), icon=":material/link_off:")
    _headline(run, page)
    if page.total:
        pager(PAGE, page.total, PER_PAGE, legend=LEGEND)
        _grid(page)
    else:
        st.info("No test image passes this filter. Choose another class, or show all.")


with in_words():
    main()
