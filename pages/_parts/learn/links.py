"""From any page to the lesson about what it shows: the one map of lessons to pages."""

from __future__ import annotations

import streamlit as st

from cnnlab.i18n import language, translated
from cnnlab.lab import Lab
from pages._parts.learn.address import LEARN_PAGE, lesson_address
from pages._parts.learn.words import ABOUT

# Ids of lessons. Of a network, by its architecture; of a page, by its name.
OF_NETWORK = {
    "mlp": "dense-layers", "lenet": "lenet", "alexnet": "alexnet", "vgg": "vgg", "nin": "nin", "googlenet": "googlenet",
    "resnet": "resnet", "course-resnet": "resnet", "resnet9": "resnet", "densenet": "resnet",
}  # fmt: skip
OF_PAGE = {
    "data": "overfitting", "train": "training-loop", "runs": "reading-results", "predict": "training-loop", "inside": "convolution",
    "inside:epochs": "sigmoid-relu", "inside:modes": "batch-norm",
}  # fmt: skip


def learn_about(lab: Lab, page: str) -> None:
    """Draws a small link to the lesson about a page (or a network, by its architecture); nothing where there is no such lesson."""
    lesson = lab.lessons.of(language()).find(OF_NETWORK.get(page) or OF_PAGE.get(page) or OF_PAGE.get(page.partition(":")[0], ""))
    if lesson is not None:
        st.page_link(
            LEARN_PAGE, label=translated(ABOUT).format(title=lesson.header.title), icon=":material/school:",
            query_params=lesson_address(lesson.id), width="content",
        )  # fmt: skip


def titled(lab: Lab, title: str, page: str, *, anchor: bool = False) -> None:
    """The title of a page, and beside it the link to its lesson, so that nothing moves down."""
    with st.container(horizontal=True, vertical_alignment="center", key="titled"):
        st.title(title, anchor=None if anchor else False, width="content")
        learn_about(lab, page)
