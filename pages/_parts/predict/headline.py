"""What a network gets right, how certain that figure is, and what it gets wrong most often."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import streamlit as st

from cnnlab.intervals import wilson
from cnnlab.runs.records import Run, State
from cnnlab.text import percent
from cnnlab.values import PredictionPage
from pages._parts.markdown import escaped
from pages._parts.run_words import STATE_WORDS


class Mistake(NamedTuple):
    """Images of one class that were taken for another."""

    images: int
    label: int
    predicted: int
    as_frequent: int  # other pairs of classes with as many images


def headline(run: Run, page: PredictionPage) -> None:
    """The count, the accuracy with its interval, and which weights."""
    share = page.correct / page.test_images
    low, high = wilson(share, page.test_images)
    st.markdown(f"## {page.correct:,} of {page.test_images:,} test images right, {percent(share)}, after epoch {page.epoch}")
    st.markdown(
        f"95 % interval: **{percent(low)} to {percent(high)}**. Expect an accuracy in this range on other images of this kind.",
        help=f"These {page.test_images:,} test images are a sample, and others of the same kind would give a slightly different "
        "accuracy. Of the intervals that are computed like this one (by Wilson's formula), 95 in 100 contain the accuracy on all "
        "images of the kind. With four times as many test images it is half as wide. Where the intervals of two networks "
        "overlap, one may look better by chance.",
    )
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


def most_often_wrong(page: PredictionPage, show: Callable[[int, int], None]) -> None:
    """The most frequent mistake in a sentence, and the button that shows its images, side by side; nothing without one."""
    mistake = most_frequent(page)
    if mistake is None:
        return
    truth, predicted = (escaped(page.classes[each]) for each in (mistake.label, mistake.predicted))
    images = sum(page.confusion[mistake.label])
    many = f"{mistake.images:,} of the {images:,} images" if images > 1 else "the only image"
    ties = (
        f", and {mistake.as_frequent} other pair{'s' * (mistake.as_frequent > 1)} of classes as often"
        if mistake.as_frequent
        else ""
    )
    st.markdown(
        f"**Most often wrong:** {many} of “{truth}” {'is' if mistake.images == 1 else 'are'} taken for “{predicted}”{ties}.",
        width="content",
    )
    st.button(
        "Show this mistake" if mistake.images == 1 else f"Show these {mistake.images:,} mistakes",
        icon=":material/search:", key="predict:worst", on_click=show, args=(mistake.label, mistake.predicted),
        help="Shows the images below, with what the network took them for.",
    )  # fmt: skip


def most_frequent(page: PredictionPage) -> Mistake | None:
    """The pair of classes with most mistakes; of several, the first. None where all is right."""
    wrong = [
        (count, label, predicted)
        for label, counts in enumerate(page.confusion)
        for predicted, count in enumerate(counts)
        if count and label != predicted
    ]
    if not wrong:
        return None
    count, label, predicted = max(wrong, key=lambda each: each[0])
    return Mistake(count, label, predicted, sum(each[0] == count for each in wrong) - 1)
