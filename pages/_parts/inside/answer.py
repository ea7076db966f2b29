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
from cnnlab.i18n import _, translated
from cnnlab.inside_values import Neighbours
from cnnlab.text import confidence_text, count_text, image_number
from pages._parts.image_grid import GridItem, image_grid
from pages._parts.inside.choice import Chosen
from pages._parts.inside.downloads import drawing_button, numbers_button, picture_button, picture_ways, shares_png
from pages._parts.inside.words import image_words
from pages._parts.markdown import escaped
from pages._parts.probabilities import bars_html, ranked

NEIGHBOURS = 8
MOST_EPOCHS = 200  # that are looked up: more than a sentence can tell apart


class Answered(NamedTuple):
    """The class that a network predicted after an epoch, and how sure it was."""

    epoch: int
    predicted: int
    confidence: float


def draw_answer(chosen: Chosen) -> None:
    """Draws the view."""
    classes, seen = chosen.classes, chosen.seen
    left, right = st.columns(2, gap="medium")
    with left:
        st.header(_("How probable each class is"))
        st.html(bars_html(classes, seen.probabilities, truth="" if seen.label is None else classes[seen.label]))
        _ways_out(chosen)
        _over_the_epochs(chosen)
    with right:
        _neighbours(chosen)


def _ways_out(chosen: Chosen) -> None:
    title = _("{image}: probability of each class").format(image=image_words(chosen.look))
    every = ranked(chosen.network.classes, chosen.seen.probabilities)
    with st.container(horizontal=True):
        picture_button(
            _("Bars as PNG"), lambda: shares_png([each for _, each in every]), chosen.file("probabilities", "png"),
            help=_("The bars alone, the most probable class first."),
        )  # fmt: skip
        drawing_button(
            _("Bars as SVG"), lambda: shares_svg([(translated(name), each, confidence_text(each)) for name, each in every], title),
            chosen.file("probabilities", "svg"), help=_("The bars with the names of the classes."),
        )  # fmt: skip
        numbers_button(
            _("Probabilities as CSV"), lambda: every, chosen.file("probabilities", "csv"), header=("class", "probability"),
            help=_("The probability of each class, from 0 to 1, unrounded."),
        )  # fmt: skip


def _over_the_epochs(chosen: Chosen) -> None:
    st.header(_("How its answer changed"))
    classes, truth = chosen.classes, chosen.seen.label
    if truth is None:
        st.caption(_("Recorded for test images: choose one to see."))
        return
    if chosen.look.right or chosen.look.down:
        st.caption(_("Recorded for the image where it is: move it back to see."))
        return
    every = history(chosen)
    if not every:
        st.caption(_("What the network predicted after its epochs was not recorded for this run."))
        return
    st.markdown(history_sentence(every, classes, truth))
    with st.expander(_("Show each epoch")):
        rows = "".join(
            f"| {each.epoch} | {escaped(classes[each.predicted])} | {confidence_text(each.confidence)} |\n" for each in every
        )
        st.markdown(f"| {_('After epoch')} | {_('Predicted class')} | {_('Confidence')} |\n|---:|---|---:|\n{rows}")


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
    right = _("which is right")
    if last[0].predicted != truth:
        right = _("which is wrong: it is {name}").format(name=escaped(classes[truth]))
    if len(spans) == 1:
        text = _("After every epoch from {first} to {last} it answered **{name}**, {right}.")
        return text.format(first=first.epoch, last=every[-1].epoch, name=name, right=right)
    times = {2: _("once"), 3: _("twice")}.get(len(spans), _("{count} times").format(count=len(spans) - 1))
    text = _(
        "It answered **{before}** after epoch {first} and changed its mind {times}; since epoch {last} it has answered **{name}**, "
        "{right}."
    )
    return text.format(
        before=escaped(classes[first.predicted]), first=first.epoch, times=times, last=last[0].epoch, name=name, right=right
    )


def _neighbours(chosen: Chosen) -> None:
    st.header(_("Training images most like it"))
    with st.spinner(_("Asking the network about its training images. The first time this takes some seconds …"), show_time=True):
        near = chosen.lab.inside.neighbours(chosen.look, NEIGHBOURS)
    classes, alt = chosen.classes, _("Training image {number}: {name}, distance {distance:.3g}")
    image_grid(
        [
            GridItem(
                each.picture.data_uri,
                alt.format(number=image_number(each.picture.index), name=classes[each.picture.label], distance=each.distance),
                classes[each.picture.label],
                _("distance {distance:.3g}").format(distance=each.distance),
            )
            for each in near.found
        ],
        size_px=80,
    )
    with st.container(horizontal=True):
        pictures = [(each.picture.data_uri, f"{classes[each.picture.label]}{_(', ')}{each.distance:.3g}") for each in near.found]
        picture_ways(
            _(" Images").strip(),  # the space tells it from the count of a table
            lambda: side_by_side([picture for picture, _caption in pictures]), partial(chosen.file, "alike"),
            _most_like(chosen), pictures=pictures, help=_("The images above side by side."),
        )  # fmt: skip
        numbers_button(
            _("Distances as CSV"),
            lambda: [
                (image_number(each.picture.index), chosen.network.classes[each.picture.label], each.distance) for each in near.found
            ],
            chosen.file("alike", "csv"), header=("training image", "class", "distance"), help=_("A line for each image above."),
        )  # fmt: skip
    st.markdown(neighbours_sentence(near, classes, chosen.seen.label))
    text = (
        _(
            "Nearest among {images} training images by the {count:,} values of the network’s last hidden layer, before *{layer}*: "
            "images that are near there look alike to the network, whatever their pixels say."
        )
        if near.given
        else _(
            "Nearest among {images} training images by the {count:,} scores of the network: images that are near there look alike "
            "to the network, whatever their pixels say."
        )
    )
    st.caption(text.format(images=count_text(near.compared), count=near.features, layer=escaped(near.layer)))


def _most_like(chosen: Chosen) -> str:
    if chosen.look.own:
        return _("Training images most like your own picture")
    return _("Training images most like test image {number}").format(number=image_number(chosen.look.image))


def neighbours_sentence(near: Neighbours, classes: Sequence[str], label: int | None) -> str:
    """Which classes the neighbours have, and what that means for the label of the image, if it has one."""
    counts = Counter(each.picture.label for each in near.found).most_common()
    most, number = counts[0]
    total = len(near.found)
    names = _(", ").join(f"{count} {escaped(classes[each])}" for each, count in counts)
    first, own = escaped(classes[most]), "" if label is None else escaped(classes[label])
    if label is None:
        text = _("All of them are **{name}**.") if number == total else _("They are {names}.")
    elif most == label:
        text = (
            _("All of them have its own label, **{name}**.")
            if number == total
            else _("{count} of {total} have its own label, **{name}** ({names}).")
        )
    elif number == total:
        text = _(
            "All of them are **{name}**, and its label is {label}: it may be mislabelled, or be a kind that training showed seldom."
        )
    else:
        text = _("They are {names}; its label is **{label}**: for this network it lies between the classes.")
    return text.format(count=number, total=total, name=first, names=names, label=own)
