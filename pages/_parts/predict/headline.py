"""What a network gets right, how certain that figure is, and what it gets wrong most often."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import streamlit as st

from cnnlab.i18n import _, ngettext, translated
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
    right = _("{correct:,} of {total:,} test images right, {share}, after epoch {epoch}")
    st.markdown(f"## {right.format(correct=page.correct, total=page.test_images, share=percent(share), epoch=page.epoch)}")
    st.markdown(
        _("95 % interval: **{low} to {high}**. Expect an accuracy in this range on other images of this kind.").format(
            low=percent(low), high=percent(high)
        ),
        help=_(
            "These {count:,} test images are a sample, and others of the same kind would give a slightly different accuracy. Of "
            "the intervals that are computed like this one (by Wilson's formula), 95 in 100 contain the accuracy on all images of "
            "the kind. With four times as many test images it is half as wide. Where the intervals of two networks overlap, one "
            "may look better by chance."
        ).format(count=page.test_images),
    )
    st.caption(_weights(run, page))


def _weights(run: Run, page: PredictionPage) -> str:
    """Which weights predicted this, and what may come of them."""
    text = _("Predicted with the weights after epoch {epoch} of {total}. The network was not trained on these images.").format(
        epoch=page.epoch, total=run.config.epochs
    )
    # Later epochs of a large network may not have been saved yet.
    count = page.epoch if run.active or run.state is State.INTERRUPTED else run.epochs_done
    if page.checkpoint == "best" and count > 1 and not run.config.validation_share:
        text += _(" It is the best of {count} epochs on these very images, so its accuracy is slightly optimistic.").format(
            count=count
        )
    if run.active:
        text += _(" Training continues; later epochs replace these weights.")
    elif run.state in (State.PAUSED, State.INTERRUPTED):
        text += _(" The run is {state}; once it is resumed, later epochs replace these weights.").format(
            state=translated(STATE_WORDS[run.state]).lower()
        )
    return text


def most_often_wrong(page: PredictionPage, show: Callable[[int, int], None]) -> None:
    """The most frequent mistake in a sentence, and the button that shows its images, side by side; nothing without one."""
    mistake = most_frequent(page)
    if mistake is None:
        return
    st.markdown(mistake_sentence(page, mistake), width="content")
    st.button(
        ngettext("Show this mistake", "Show these {count:,} mistakes", mistake.images).format(count=mistake.images),
        icon=":material/search:", key="predict:worst", on_click=show, args=(mistake.label, mistake.predicted),
        help=_("Shows the images below, with what the network took them for."),
    )  # fmt: skip


def mistake_sentence(page: PredictionPage, mistake: Mistake) -> str:
    """How many images of which class were taken for which other one."""
    images = sum(page.confusion[mistake.label])
    if images == 1:
        text = _("**Most often wrong:** the only image of “{truth}” is taken for “{predicted}”{ties}.")
    else:
        text = ngettext(
            "**Most often wrong:** {count:,} of the {total:,} images of “{truth}” is taken for “{predicted}”{ties}.",
            "**Most often wrong:** {count:,} of the {total:,} images of “{truth}” are taken for “{predicted}”{ties}.",
            mistake.images,
        )
    ties = ngettext(
        ", and {count} other pair of classes as often", ", and {count} other pairs of classes as often", mistake.as_frequent
    ).format(count=mistake.as_frequent)
    truth, predicted = (escaped(translated(page.classes[each])) for each in (mistake.label, mistake.predicted))
    return text.format(
        count=mistake.images, total=images, truth=truth, predicted=predicted, ties=ties if mistake.as_frequent else ""
    )


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
