"""Predict: test images with the labels that a trained network gives them, right and wrong ones marked."""

from __future__ import annotations

from functools import partial
from typing import Any

import streamlit as st

from cnnlab.errors import CNNLabError
from cnnlab.lab import Lab
from cnnlab.palette import GREEN, RED
from cnnlab.runs.records import Run, State
from cnnlab.text import ago, percent
from cnnlab.values import Prediction, PredictionPage
from pages._parts.address import Address
from pages._parts.image_grid import GridItem, image_grid
from pages._parts.markdown import quoting
from pages._parts.one_choice import class_choice, one_choice
from pages._parts.pager import Pager
from pages._parts.run.list import warn_of_unreadable
from pages._parts.run_words import STATE_WORDS, best_accuracy, cut_title, last_accuracy, short_title, state_word
from pages._parts.shell import enter, in_words

IMAGE_PX = 96
RIGHT, WRONG = GREEN, RED  # distinct for colour-blind readers; the sign repeats them
ONLY = {"all": "All", "mistakes": "Mistakes", "correct": "Right"}
CHECKPOINTS = {"best": "Best epoch", "last": "Last epoch"}
PAGER = Pager("predict:page")
LEGEND = "Green ✓: right. Orange ✗: wrong. Below each image: the predicted class and the network's confidence."


def _choose_run(lab: Lab, runs: tuple[Run, ...], address: Address) -> Run:
    by_id = {run.id: run for run in runs}
    default = runs[0].id
    asked = st.query_params.get("run")
    if asked is not None and asked not in by_id:
        _explain(lab, asked, instead=" The newest run with a result is shown instead.")
    address.initialise("predict:run", "run", default, lambda text: text if text in by_id else default)
    if st.session_state["predict:run"] not in by_id:
        st.session_state["predict:run"] = default
    chosen = st.selectbox(
        "Run", list(by_id), key="predict:run", format_func=lambda run_id: _label(by_id[run_id]), on_change=PAGER.restart,
        help="Every run that has finished at least one epoch, newest first.",
    )  # fmt: skip
    address.write("run", chosen, None)
    return by_id[chosen]


def _label(run: Run) -> str:
    accuracies = ", ".join(filter(None, (last_accuracy(run), best_accuracy(run))))
    return f"{cut_title(run)} · {state_word(run).lower()}, {accuracies} · {ago(run.created)}"


def _explain(lab: Lab, run_id: str, *, instead: str = "") -> None:
    """Says why the run in the address is not shown."""
    try:
        asked = lab.run(run_id)
    except CNNLabError as error:
        st.warning(f"{quoting(error)}{instead}", icon=":material/search_off:")
        return
    st.info(
        f"“{short_title(asked)}” has no finished epoch yet, so it has no predictions.{instead}", icon=":material/hourglass_empty:"
    )
    st.page_link("pages/train.py", label="See its progress", query_params={"run": asked.id}, icon=":material/show_chart:")


def _filters(run: Run, classes: tuple[str, ...], address: Address) -> dict[str, Any]:
    first, second, third = st.columns([2, 2, 2], vertical_alignment="bottom")
    checkpoint = one_choice(
        "Weights from", "predict:checkpoint", "checkpoint", CHECKPOINTS, address, default="last" if run.active else "best",
        place=first, on_change=PAGER.restart,
        help="The weights are saved after each epoch. The best epoch is the one with the highest accuracy on the validation "
        "images, or on the test images where no validation images are kept aside.",
    )  # fmt: skip
    only = one_choice(
        "Show", "predict:only", "only", ONLY, address, place=second, on_change=PAGER.restart,
        help="Mistakes are the test images whose predicted class is wrong.",
    )  # fmt: skip
    label = class_choice(
        "True class", "predict:label", "label", classes, address, place=third, on_change=PAGER.restart,
        help="Show only the images that belong to this class.",
    )  # fmt: skip
    return {"checkpoint": checkpoint, "only": only, "label": label}


def _headline(run: Run, page: PredictionPage) -> None:
    rate = percent(page.correct / page.test_images) if page.test_images else "–"
    st.markdown(f"## {page.correct:,} of {page.test_images:,} test images right, {rate}, after epoch {page.epoch}")
    later = ""
    if page.checkpoint == "best" and run.epochs_done > 1 and not run.config.validation_share:
        later = f" It is the best of {run.epochs_done} epochs on these very images, so its accuracy is slightly optimistic."
    if run.active:
        later += " Training continues; later epochs replace these weights."
    elif run.state in (State.PAUSED, State.INTERRUPTED):
        later += f" The run is {STATE_WORDS[run.state].lower()}; once it is resumed, later epochs replace these weights."
    st.caption(
        f"Predicted with the weights after epoch {page.epoch} of {run.config.epochs}. "
        f"The network was not trained on these images.{later}"
    )


def _item(prediction: Prediction, classes: tuple[str, ...]) -> GridItem:
    picture, confidence = prediction.picture, percent(prediction.confidence, 0)
    truth, predicted = classes[picture.label], classes[prediction.predicted]
    right = picture.label == prediction.predicted
    return GridItem(
        data_uri=picture.data_uri,
        alt=f"Test image {picture.index + 1}: {truth}, predicted {predicted}, {confidence} sure, {'right' if right else 'wrong'}",
        caption=f"{predicted}, {confidence}",
        detail="right" if right else f"true: {truth}",
        frame=RIGHT if right else WRONG,
        sign="✓" if right else "✗",
    )


def main() -> None:
    lab = enter()
    st.title("Predictions on test images", anchor=False)
    every = lab.runs()
    warn_of_unreadable(every.unreadable)
    runs = tuple(run for run in every if run.epochs_done)
    if not runs:
        asked = st.query_params.get("run")
        if asked:
            _explain(lab, asked)
        st.info("There is no trained network yet. Train one; its predictions appear here after its first epoch.")
        st.page_link("pages/train.py", label="Train your first network", icon=":material/play_arrow:")
        return

    address = Address("predict")
    run = _choose_run(lab, runs, address)
    classes = next(status.entry.classes for status in lab.datasets() if status.entry.name == run.config.dataset)
    filters = _filters(run, classes, address)
    PAGER.initialise(address)
    try:
        page = PAGER.fetch(partial(lab.predictions, run.id, **filters))
    except CNNLabError as error:
        st.error(quoting(error), icon=":material/error:")
        st.page_link("pages/train.py", label="Open this run", icon=":material/show_chart:", query_params={"run": run.id})
        return
    PAGER.write(address)
    address.flush()
    address.show_problems(st.container())
    _headline(run, page)
    if page.total:
        PAGER.buttons(page.total, legend=LEGEND)
        image_grid([_item(prediction, page.classes) for prediction in page.items], IMAGE_PX)
    else:
        st.info("No test image matches these filters. Choose another class, or show all images.")


with in_words():
    main()
