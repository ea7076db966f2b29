"""The view The answer: all probabilities, how the answer changed over the epochs, and the training images most like this one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from functools import partial
from itertools import groupby
from typing import NamedTuple

import streamlit as st

from cnnlab.datasets.pictures import side_by_side
from cnnlab.figures.pictures import shares_svg
from cnnlab.inside_values import Neighbours
from cnnlab.text import count_text, image_number, percent
from pages._parts.image_grid import GridItem, image_grid
from pages._parts.inside.choice import Chosen
from pages._parts.inside.downloads import drawing_button, numbers_button, picture_button, picture_ways, shares_png
from pages._parts.inside.words import image_words
from pages._parts.markdown import escaped
from pages._parts.probabilities import bars_html, ranked, share

NEIGHBOURS = 8
MOST_EPOCHS = 200  # that are looked up: more than a sentence can tell apart


class Answered(NamedTuple):
    """The class that a network predicted after an epoch, and how sure it was."""

    epoch: int
    predicted: int
    confidence: float


def draw_answer(chosen: Chosen) -> None:
    """Draws the view."""
    classes, seen = chosen.network.classes, chosen.seen
    left, right = st.columns(2, gap="medium")
    with left:
        st.header("How probable each class is")
        st.html(bars_html(classes, seen.probabilities, truth="" if seen.label is None else classes[seen.label]))
        _ways_out(chosen)
        _over_the_epochs(chosen)
    with right:
        _neighbours(chosen)


def _ways_out(chosen: Chosen) -> None:
    title, seen = f"{image_words(chosen.look)}: probability of each class", chosen.seen
    every = ranked(chosen.network.classes, seen.probabilities)
    with st.container(horizontal=True):
        picture_button(
            "Bars as PNG", lambda: shares_png([each for _, each in every]), chosen.file("probabilities", "png"),
            help="The bars alone, the most probable class first.",
        )  # fmt: skip
        drawing_button(
            "Bars as SVG", lambda: shares_svg([(name, each, share(each)) for name, each in every], title),
            chosen.file("probabilities", "svg"), help="The bars with the names of the classes.",
        )  # fmt: skip
        numbers_button(
            "Probabilities as CSV", lambda: every, chosen.file("probabilities", "csv"), header=("class", "probability"),
            help="The probability of each class, from 0 to 1, unrounded.",
        )  # fmt: skip


def _over_the_epochs(chosen: Chosen) -> None:
    st.header("How its answer changed")
    classes, truth = chosen.network.classes, chosen.seen.label
    if truth is None:
        st.caption("Recorded for test images: choose one to see.")
        return
    if chosen.look.right or chosen.look.down:
        st.caption("Recorded for the image where it is: move it back to see.")
        return
    every = history(chosen)
    if not every:
        st.caption("What the network predicted after its epochs was not recorded for this run.")
        return
    st.markdown(history_sentence(every, classes, truth))
    with st.expander("Show each epoch"):
        rows = "".join(f"| {each.epoch} | {escaped(classes[each.predicted])} | {percent(each.confidence)} |\n" for each in every)
        st.markdown(f"| After epoch | Predicted class | Confidence |\n|---:|---|---:|\n{rows}")


def history(chosen: Chosen) -> tuple[Answered, ...]:
    """What was recorded for this image, epoch by epoch."""
    image = (chosen.look.image,)
    found = []
    for epoch in range(1, min(MOST_EPOCHS, chosen.lab.last_recorded(chosen.run_id)) + 1):
        recorded = chosen.lab.predicted(chosen.run_id, epoch, image)
        if recorded:
            found.append(Answered(epoch, recorded.predicted[0], recorded.confidence[0]))
    return tuple(found)


def history_sentence(every: Sequence[Answered], classes: Sequence[str], truth: int) -> str:
    """When the answer changed, and since when it has been what it is."""
    spans = [list(group) for _, group in groupby(every, key=lambda each: each.predicted)]
    first, last = every[0], spans[-1]
    name = escaped(classes[last[0].predicted])
    right = "right" if last[0].predicted == truth else f"wrong: it is {escaped(classes[truth])}"
    if len(spans) == 1:
        return f"After every epoch from {first.epoch} to {every[-1].epoch} it answered **{name}**, which is {right}."
    times = "once" if len(spans) == 2 else "twice" if len(spans) == 3 else f"{len(spans) - 1} times"
    return (
        f"It answered **{escaped(classes[first.predicted])}** after epoch {first.epoch} and changed its mind {times}; since epoch "
        f"{last[0].epoch} it has answered **{name}**, which is {right}."
    )


def _neighbours(chosen: Chosen) -> None:
    st.header("Training images most like it")
    with st.spinner("Asking the network about its training images. The first time this takes some seconds …", show_time=True):
        near = chosen.lab.inside.neighbours(chosen.look, NEIGHBOURS)
    classes = chosen.network.classes
    image_grid(
        [
            GridItem(
                each.picture.data_uri,
                f"Training image {image_number(each.picture.index)}: {classes[each.picture.label]}, distance {each.distance:.3g}",
                classes[each.picture.label],
                f"distance {each.distance:.3g}",
            )
            for each in near.found
        ],
        size_px=80,
    )
    with st.container(horizontal=True):
        pictures = [(each.picture.data_uri, f"{classes[each.picture.label]}, {each.distance:.3g}") for each in near.found]
        picture_ways(
            "Images", lambda: side_by_side([picture for picture, _ in pictures]), partial(chosen.file, "alike"),
            f"Training images most like {image_words(chosen.look)[0].lower()}{image_words(chosen.look)[1:]}", pictures=pictures,
            help="The images above side by side.",
        )  # fmt: skip
        numbers_button(
            "Distances as CSV",
            lambda: [(image_number(each.picture.index), classes[each.picture.label], each.distance) for each in near.found],
            chosen.file("alike", "csv"), header=("training image", "class", "distance"), help="A line for each image above.",
        )  # fmt: skip
    st.markdown(neighbours_sentence(near, classes, chosen.seen.label))
    values = f"values of the network’s last hidden layer, before *{escaped(near.layer)}*" if near.given else "scores of the network"
    st.caption(
        f"Nearest among {count_text(near.compared)} training images by the {near.features:,} {values}: images that are near there "
        "look alike to the network, whatever their pixels say."
    )


def neighbours_sentence(near: Neighbours, classes: Sequence[str], label: int | None) -> str:
    """Which classes the neighbours have, and what that means for the label of the image, if it has one."""
    counts = Counter(each.picture.label for each in near.found).most_common()
    most, number = counts[0]
    total = len(near.found)
    names = ", ".join(f"{count} {escaped(classes[each])}" for each, count in counts)
    if label is None:
        return f"All of them are **{escaped(classes[most])}**." if number == total else f"They are {names}."
    if most == label:
        alike = "all of them have" if number == total else f"{number} of {total} have"
        return f"{alike[0].upper()}{alike[1:]} its own label, **{escaped(classes[label])}**" + (
            "." if number == total else f" ({names})."
        )
    if number == total:
        return (
            f"All of them are **{escaped(classes[most])}**, and its label is {escaped(classes[label])}: it may be mislabelled, or "
            "be a kind that training showed seldom."
        )
    return f"They are {names}; its label is **{escaped(classes[label])}**: for this network it lies between the classes."
