"""Predict: what a trained network gets wrong, as a confusion matrix beside images; or what it takes your own picture for."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from cnnlab import datasets
from cnnlab.errors import CNNLabError
from cnnlab.i18n import _, together, translated
from cnnlab.lab import Lab
from cnnlab.reports.svg_files import confusion_svg
from cnnlab.runs.records import Run
from cnnlab.text import confidence_text, image_number
from cnnlab.values import Prediction, PredictionPage
from pages._parts.address import Address, one_of
from pages._parts.image_grid import GridItem, image_grid, predicted_item
from pages._parts.language import in_links
from pages._parts.learn.links import learn_about
from pages._parts.markdown import quoting
from pages._parts.predict.certainty import certainty
from pages._parts.predict.choice import NAMES, OF_OWN, OF_TEST_IMAGES, PAGER, pick_images, pick_shares, show_cell
from pages._parts.predict.classes import each_class
from pages._parts.predict.confusion import draw_confusion
from pages._parts.predict.headline import headline, most_often_wrong
from pages._parts.predict.which_run import pick_run, pick_weights
from pages._parts.run.list import warn_of_unreadable
from pages._parts.run_words import title
from pages._parts.shell import enter, in_words
from pages._parts.svg_button import svg_button

IMAGE_PX = 96
VIEW, TEST_IMAGES, OWN = "predict:view", "test", "own"
STYLE = Path(__file__).with_suffix(".css")


def empty(address: Address) -> None:
    """No network has been trained yet."""
    address.preserve(*NAMES)
    address.flush()
    address.show_problems(st.container())
    st.info(_("There is no trained network yet. Train one; its predictions appear here after its first epoch."))
    st.page_link("pages/train.py", label=_("Train your first network"), icon=":material/play_arrow:", query_params=in_links())


def matrix(run: Run, page: PredictionPage, label: int | None, predicted: int | None, *, shares: bool) -> None:
    """The confusion matrix in counts or `shares`."""
    draw_confusion(page, label, predicted, show_cell, shares=shares)
    what = (
        _("How many per cent of the test images of each class (row) were taken for which class (column).")
        if shares
        else _("How many test images of each class (row) were taken for which class (column).")
    )
    signs = _(
        "Click a number to see them. Green, on the diagonal, and ✓: right. Orange and ✗: wrong. Below an image: what it was taken "
        "for, and how sure the network was."
    )
    st.caption(together(what, signs))


def below_matrix(run: Run, page: PredictionPage, *, shares: bool) -> None:
    """A button that shows all images again, and the matrix as a file."""
    st.button(  # never disabled: it would lose the focus of a keyboard
        _("Show all images"), icon=":material/filter_alt_off:", key="predict:all", on_click=show_cell, args=(None, None),
        help=_("Shows the images of all classes again, right and wrong ones."),
    )  # fmt: skip
    draw = partial(confusion_svg, page.confusion, page.classes, title(run), shares=shares)
    svg_button(draw, f"cnnlab-{run.id}-confusion", key="predict:svg")


def images(page: PredictionPage) -> None:
    """One page of the images that pass the filters."""
    if page.total:
        PAGER.buttons(page.total)
        image_grid([_item(prediction, page.classes) for prediction in page.items], IMAGE_PX)
    else:
        st.info(_("No test image matches these filters. Choose another class, or show all images."))


def _item(prediction: Prediction, classes: tuple[str, ...]) -> GridItem:
    picture, predicted, confidence = prediction.picture, prediction.predicted, prediction.confidence
    return predicted_item(
        picture, predicted, confidence, classes,
        caption=f"{translated(classes[predicted])}{_(', ')}{confidence_text(confidence, 0)}",
        detail=_("right") if picture.label == predicted
        else _("true: {name}").format(name=translated(classes[picture.label])),
    )  # fmt: skip


def change_view(view: str) -> None:
    """Shows the test images, or a picture of the user's own."""
    st.session_state[VIEW] = view


def choose_view(address: Address) -> bool:
    """Draws the button that leads to the other view; True where the user's own picture is shown."""
    address.initialise(VIEW, "view", TEST_IMAGES, one_of("view", (TEST_IMAGES, OWN)))
    address.write("view", st.session_state[VIEW], TEST_IMAGES)
    if st.session_state[VIEW] == OWN:
        st.button(
            _("Back to the test images"), icon=":material/arrow_back:", key="predict:back", on_click=change_view,
            args=(TEST_IMAGES,), help=_("Shows which test images the network gets right and wrong."),
        )  # fmt: skip
        return True
    st.button(
        _("Try your own picture"), type="primary", icon=":material/draw:", key="predict:own", on_click=change_view, args=(OWN,),
        help=_("Draw, upload or photograph something, and see what the network takes it for."),
    )  # fmt: skip
    return False


def main() -> None:
    lab = enter()
    st.html(STYLE)
    with st.container(key="predict-top"):
        heading, which, weights = st.columns([5, 7, 3], vertical_alignment="bottom")
    top = heading.empty()
    top.title(_("Predictions on test images"), anchor=False)
    every = lab.runs()
    warn_of_unreadable(every.unreadable)
    address = Address("predict")
    problems = st.container()  # filled last: each control may find a problem in the address
    run = pick_run(lab, every, address, which)
    if run is None:
        empty(address)
        return
    entry = datasets.entry(run.config.dataset)
    checkpoint = pick_weights(run, address, weights)
    with heading:
        own = choose_view(address)
    if own:
        from pages._parts.predict.own import own_view  # noqa: PLC0415  it loads numpy and Pillow

        top.title(_("Your own picture"), anchor=False)
        address.preserve(*OF_TEST_IMAGES)
        own_view(lab, run, checkpoint, entry=entry, every=every, address=address)
        address.flush()
        address.show_problems(problems)
    else:
        address.preserve(*OF_OWN)
        test_images(lab, run, checkpoint, classes=entry.classes, address=address, problems=problems)
    learn_about(lab, "predict")


def test_images(
    lab: Lab, run: Run, checkpoint: str, *, classes: tuple[str, ...], address: Address, problems: DeltaGenerator
) -> None:  # fmt: skip
    """The matrix, and the images beside it."""
    above = st.container(gap="xsmall")
    with st.container(key="predict-split"):
        left, right = st.columns(2, gap="medium")
    with right, st.container(key="predict-images"):
        chosen = pick_images(classes, address)
        PAGER.initialise(address)
        try:
            with st.spinner(_("Reading the predictions. The first time can take half a minute …"), show_time=True):
                page = PAGER.fetch(partial(lab.predictions, run.id, checkpoint=checkpoint, **chosen))
        except CNNLabError as error:
            above.error(quoting(translated(error)), icon=":material/error:")
            above.page_link(
                "pages/train.py", label=_("Open this run"), icon=":material/show_chart:",
                query_params={"run": run.id} | in_links(),
            )  # fmt: skip
            address.preserve("page")
            page = None
        else:
            PAGER.write(address)
            images(page)
    with left, st.container(key="predict-matrix"):
        drawn = st.container()
        below = st.container(horizontal=True, vertical_alignment="center")
        rest = st.container()
    if page is None:
        address.preserve("shares")
    else:
        with below:
            shares = pick_shares(address)
    address.flush()
    address.show_problems(problems)
    if page is None:
        return
    first = {"image": str(image_number(page.items[0].picture.index))} if page.items else {}
    with above:
        headline(run, page)
        with st.container(horizontal=True, vertical_alignment="center"):
            most_often_wrong(page, show_cell)
            st.page_link(
                "pages/inside.py", label=_("Look inside"), icon=":material/frame_inspect:",
                query_params={"run": run.id} | first | in_links(),
                help=_(
                    "What this network does with one image, layer by layer, and what speaks for its answer; at first with the "
                    "first image below."
                ),
            )  # fmt: skip
    with drawn:
        matrix(run, page, chosen["label"], chosen["predicted"], shares=shares)
    with below:
        below_matrix(run, page, shares=shares)
    with rest:
        each_class(page, run.id)
        certainty(page, run.id)


with in_words():
    main()
