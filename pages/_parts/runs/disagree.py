"""Two runs: the test images to which they give different labels."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from cnnlab.errors import CNNLabError
from cnnlab.lab import Lab
from cnnlab.reports.comparison import labels
from cnnlab.runs.records import Run
from cnnlab.values import Disagreement, DisagreementPage
from pages._parts.address import Address, one_of, whole_number
from pages._parts.image_grid import GridItem, image_grid
from pages._parts.one_choice import one_choice
from pages._parts.pager import pager
from pages._parts.run.words import escaped, quoting, share, whole_share

PER_PAGE = 40
IMAGE_PX = 96
RIGHT = {"any": "All", "first": "Only 1 is right", "second": "Only 2 is right", "neither": "Both are wrong"}
COLORS = ("#0072B2", "#E69F00", "#8A8F98")  # the first is right, the second, neither; the sign says it too
_PAGE = "runs:page"


def disagree(lab: Lab, runs: Sequence[Run], address: Address) -> None:
    """Draws what two runs disagree on, where somebody wants to see it; of any other number of runs nothing."""
    address.initialise("runs:apart", "apart", False, one_of("apart", (True, False)))
    address.initialise(_PAGE, "page", 1, whole_number("page", 1, 100_000))
    if len(runs) != 2:
        return
    wanted = st.toggle("Show the test images on which these two disagree", key="runs:apart")
    address.write("apart", wanted, False)
    if not wanted:
        return
    first, second = (escaped(label) for label in labels(runs))
    st.markdown(f"**1** {first}  \n**2** {second}")
    right = one_choice("Show", "runs:right", "right", RIGHT, address, on_change=_first)
    try:
        page = _ask(lab, runs, right)
    except CNNLabError as error:
        st.info(quoting(error), icon=":material/compare:")
        return
    address.write("page", st.session_state[_PAGE], 1)
    _headline(page)
    if page.items:
        pager(_PAGE, page.total, PER_PAGE)
        image_grid([_item(each, page.classes) for each in page.items], IMAGE_PX)
    else:
        st.caption("No test image is like this.")


def _ask(lab: Lab, runs: Sequence[Run], right: str) -> DisagreementPage:
    """The page that is open, or the last one where the open one is past the end."""
    ids = [run.id for run in runs]
    page = lab.disagreements(*ids, right=right, offset=(st.session_state[_PAGE] - 1) * PER_PAGE, count=PER_PAGE)
    if page.items or not page.total:
        return page
    st.session_state[_PAGE] = (page.total - 1) // PER_PAGE + 1
    return lab.disagreements(*ids, right=right, offset=(st.session_state[_PAGE] - 1) * PER_PAGE, count=PER_PAGE)


def _headline(page: DisagreementPage) -> None:
    apart = page.only_first + page.only_second + page.neither
    st.markdown(
        f"They disagree on {apart:,} of {page.test_images:,} test images ({share(apart / max(1, page.test_images))}): "
        f"only 1 is right on {page.only_first:,}, only 2 on {page.only_second:,}, both are wrong on {page.neither:,}. "
        f"On {page.both:,} both are right."
    )
    st.caption(f"Each with the weights of its best epoch ({page.epochs[0]} and {page.epochs[1]}).")


def _item(each: Disagreement, classes: Sequence[str]) -> GridItem:
    truth = each.picture.label
    winner = each.predicted.index(truth) if truth in each.predicted else 2
    said = [f"{place + 1}: {classes[each.predicted[place]]}, {whole_share(each.confidence[place])}" for place in range(2)]
    return GridItem(
        data_uri=each.picture.data_uri,
        alt=f"Test image {each.picture.index}: {classes[truth]}; {said[0]}; {said[1]}",
        caption=f"is: {classes[truth]}",
        detail=f"{said[0]} · {said[1]}",
        frame=COLORS[winner],
        sign="12✗"[winner],
    )


def _first() -> None:
    st.session_state[_PAGE] = 1
