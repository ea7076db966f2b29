"""Two runs: the test images to which they give different labels."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import streamlit as st

from cnnlab.errors import CNNLabError
from cnnlab.i18n import N_, _, translated
from cnnlab.lab import Lab
from cnnlab.palette import BLUE, GRAY, ORANGE
from cnnlab.reports.comparison import labels
from cnnlab.runs.records import Run
from cnnlab.text import confidence_text, image_number, percent
from cnnlab.values import Disagreement, DisagreementPage
from pages._parts.address import Address, one_of
from pages._parts.image_grid import GridItem, image_grid
from pages._parts.markdown import escaped, quoting
from pages._parts.one_choice import one_choice
from pages._parts.pager import Pager

IMAGE_PX = 96
RIGHT = {"any": N_("All"), "first": N_("Only 1 is right"), "second": N_("Only 2 is right"), "neither": N_("Both are wrong")}
COLOURS = (BLUE, ORANGE, GRAY)  # run 1 is right, run 2, neither; the sign repeats it
PAGER = Pager("runs:page")


def disagree(lab: Lab, runs: Sequence[Run], address: Address) -> None:
    """Draws, on request, the images on which two runs disagree; nothing for any other number of runs."""
    address.initialise("runs:apart", "apart", False, one_of("apart", (True, False)))
    PAGER.initialise(address)
    address.text("right")  # of no effect while they are not shown, but no mistake in the address either
    if len(runs) != 2:
        return
    open_ = st.toggle(_("Show the test images on which these two disagree"), key="runs:apart")
    address.write("apart", open_, False)
    if not open_:
        return
    first, second = (escaped(label) for label in labels(runs))
    st.markdown(f"**1** {first}  \n**2** {second}")
    titles = {name: translated(text) for name, text in RIGHT.items()}
    right = one_choice(_("Show"), "runs:right", "right", titles, address, on_change=PAGER.restart)
    try:
        page = PAGER.fetch(partial(lab.disagreements, *(run.id for run in runs), right=right))
    except CNNLabError as error:
        st.info(quoting(translated(error)), icon=":material/compare:")
        return
    PAGER.write(address)
    _headline(page)
    if page.items:
        PAGER.buttons(page.total)
        image_grid([_item(item, page.classes) for item in page.items], IMAGE_PX)
    else:
        st.caption(_("No test image matches this filter."))


def _headline(page: DisagreementPage) -> None:
    apart = page.only_first + page.only_second + page.neither
    st.markdown(
        _(
            "They disagree on {apart:,} of {total:,} test images ({share}): only 1 is right on {first:,}, only 2 on {second:,}, "
            "both are wrong on {neither:,}. Both are right on {both:,}."
        ).format(
            apart=apart, total=page.test_images, share=percent(apart / max(1, page.test_images)), first=page.only_first,
            second=page.only_second, neither=page.neither, both=page.both,
        )
    )  # fmt: skip
    first, second = page.epochs
    st.caption(_("Each run with the weights of its best epoch ({first} and {second}).").format(first=first, second=second))


def _item(item: Disagreement, classes: Sequence[str]) -> GridItem:
    truth = item.picture.label
    winner = item.predicted.index(truth) if truth in item.predicted else 2
    predicted = [
        _("{place}: {name}, {share}").format(
            place=place + 1, name=translated(classes[item.predicted[place]]), share=confidence_text(item.confidence[place], 0)
        )
        for place in range(2)
    ]
    name, number = translated(classes[truth]), image_number(item.picture.index)
    return GridItem(
        data_uri=item.picture.data_uri,
        alt=_("Test image {number}: {title}; {first}; {second}").format(
            number=number, title=name, first=predicted[0], second=predicted[1]
        ),
        caption=_("true: {name}").format(name=name),
        detail=f"{predicted[0]} · {predicted[1]}",
        frame=COLOURS[winner],
        sign="12✗"[winner],
    )
