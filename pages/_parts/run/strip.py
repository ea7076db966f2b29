"""Watch it learn: twenty test images of a run, and what the network predicts for them after each epoch."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from functools import partial

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from cnnlab import datasets
from cnnlab.errors import CNNLabError
from cnnlab.i18n import _, together, translated
from cnnlab.lab import Lab
from cnnlab.runs.records import Run
from cnnlab.text import confidence_text
from cnnlab.values import EpochPredictions, ExampleImages, Picture
from pages._parts.address import Address, whole_number
from pages._parts.image_grid import GridItem, image_grid, predicted_item
from pages._parts.live.feed import feed
from pages._parts.markdown import quoting
from pages._parts.run.replay import replay
from pages._parts.shell import fragment

MOST_COLUMNS = 10  # one or more for each class, so that its images stand below each other
REMEMBERED_SECONDS = 600.0  # pictures: the data may be replaced while a lab is open
NUMBER = "number of the images"  # of their set, from 1, in the session; the address has it as `images`
CHANGED = "↻"
_LOADED = "images that were loaded"  # the run and their set


def keep_number(address: Address) -> None:
    """Which images are shown, in the session and in the address of the page, which is not flushed yet."""
    address.initialise(NUMBER, "images", 1, whole_number("images", 1, 100_000))
    address.write("images", st.session_state[NUMBER], 1)


def strip(lab: Lab, run: Run) -> None:
    """Draws it, once the run has finished an epoch; a fragment, so that looking back redraws nothing else."""
    if run.epochs_done:
        fragment(_strip)(lab, run.id)


def _strip(lab: Lab, run_id: str) -> None:
    run = feed.run(lab, run_id).status(fresh=False).run
    if not lab.ready():  # the helper takes some seconds to load torch
        st.caption(_("Test images appear here in a moment, with what the network predicts for them after each epoch."))
        return
    with st.container(horizontal=True, vertical_alignment="bottom", key="strip"):
        heading = st.container()
        controls = st.container(horizontal=True, vertical_alignment="bottom", horizontal_alignment="right", width=352)
    with controls:  # on a phone, below the heading
        recorded = lab.last_recorded(run_id)
        several = bool(recorded) and run.epochs_done > 1
        epoch = _choose_epoch(run) if several and run.active else run.epochs_done
        try:
            which = run_id, st.session_state.setdefault(NUMBER, 1)
            # A spinner starts a thread: only where the images may not be here yet.
            with nullcontext() if st.session_state.get(_LOADED) == which else st.spinner(_("Loading test images …")):
                examples = _examples(lab, *which)
            st.session_state[_LOADED] = which
            images = tuple(picture.index for picture in examples.pictures)
            now, before = (lab.predicted(run_id, each, images) if each else None for each in (epoch, epoch - 1))
        except CNNLabError as error:
            heading.caption(quoting(translated(error)))
            return
        other = _("Shows others of each class; there are {count:,} sets.").format(count=examples.sets)
        others = other if examples.sets > 1 else _("There are no others.")
        if st.button(
            _("Other images"), icon=":material/autorenew:", key=f"other images {run_id}", on_click=_next, args=(examples.sets,),
            disabled=examples.sets == 1, help=others,
        ):  # fmt: skip
            st.rerun()  # the whole page, which has the address
    if problem := _problem(epoch, now, examples):
        heading.caption(problem)
    elif now:
        draw = partial(replay, lab, run, examples, _item) if several and not run.active else None
        _draw(heading, run, examples, (now, before), draw)
    if not recorded and run.epochs_done > 1:
        st.caption(_("What it predicted after earlier epochs was not recorded."))


# Pictures do not change with the epochs; browsers share them.
@st.cache_data(max_entries=64, ttl=REMEMBERED_SECONDS, show_spinner=False)
def _examples(_lab: Lab, run_id: str, number: int) -> ExampleImages:
    return _lab.examples(run_id, number)


def _choose_epoch(run: Run) -> int:
    """The newest epoch, also when there is a newer one, until another is chosen."""
    key, drawn = f"after epoch {run.id}", f"newest epoch {run.id}"
    newest, earlier = run.epochs_done, st.session_state.get(drawn)
    # Only where it must: a value that the script sets overrides the one that a visitor is choosing. For Streamlit a slider with
    # another end is a new one, which begins at the left.
    if key not in st.session_state or newest != earlier:
        chosen = st.session_state.get(key, earlier)
        st.session_state[key] = newest if chosen in (None, earlier) else max(1, min(chosen, newest))
        st.session_state[drawn] = newest
    return st.slider(
        _("After epoch"), 1, newest, key=key, width=200,
        help=_("Look back at what the network predicted after an earlier epoch. At the right end it follows the training."),
    )  # fmt: skip


def _next(sets: int) -> None:
    st.session_state[NUMBER] = st.session_state[NUMBER] % sets + 1


def _problem(epoch: int, now: EpochPredictions | None, examples: ExampleImages) -> str:
    """Why nothing can be shown for this epoch, or ""."""
    if now is None:
        return _("What the network predicted after epoch {epoch:,} was not recorded.").format(epoch=epoch)
    if now.test_images != examples.test_images:
        return _(
            "The data set has changed since this run: it was tested on {then:,} images, and there are {now:,} now. "
            "So its predictions cannot be shown beside them."
        ).format(then=now.test_images, now=examples.test_images)
    return ""


def _draw(
    heading: DeltaGenerator, run: Run, examples: ExampleImages, recorded: tuple[EpochPredictions, EpochPredictions | None],
    draw: Callable[[int], None] | None,
) -> None:  # fmt: skip
    """`recorded` after the epoch and after the one before. `draw` draws the images in so many columns, where it is not the grid."""
    now, before = recorded
    classes = tuple(map(translated, datasets.entry(run.config.dataset).classes))
    shown = len(examples.pictures)
    former = before.predicted if before and before.test_images == now.test_images else now.predicted
    rows = list(zip(examples.pictures, now.predicted, now.confidence, former, strict=True))
    right = sum(picture.label == predicted for picture, predicted, _sure, _former in rows)
    words = _("After epoch {epoch:,}: {right} of these {shown} test images right")
    heading.markdown(f"## {words.format(epoch=now.epoch, right=right, shown=shown)}")
    columns = _columns(len({picture.label for picture in examples.pictures}))
    if draw:
        draw(columns)
    else:
        image_grid([_item(*each, classes) for each in rows], columns=columns)
    changed = sum(predicted != earlier for _picture, predicted, _sure, earlier in rows)
    legend = _("Below each image: the predicted class and the network's confidence. Green ✓: right. Orange ✗: wrong.")
    blue = _("Blue {sign}: another class than after epoch {epoch:,} ({changed} of {shown}).")
    another = blue.format(sign=CHANGED, epoch=before.epoch, changed=changed, shown=shown) if before else ""
    if draw:
        another = _("Blue {sign}: another class than in the picture before.").format(sign=CHANGED)
    st.caption(together(legend, another))


def _columns(classes: int) -> int:
    """As many as fit, and the same number for each class: two columns alone would have pictures of half a screen."""
    return max(1, MOST_COLUMNS // classes) * min(classes, MOST_COLUMNS)


def _item(picture: Picture, predicted: int, confidence: float, former: int, classes: tuple[str, ...]) -> GridItem:
    changed, sure = former != predicted, confidence_text(confidence, 0)
    return predicted_item(
        picture, predicted, confidence, classes,
        caption=classes[predicted],
        detail=sure
        if picture.label == predicted
        else _("{confidence}, true: {title}").format(confidence=sure, title=classes[picture.label]),
        note=_(", changed from {title}").format(title=classes[former]) if changed else "",
        mark=CHANGED if changed else "",
    )  # fmt: skip
