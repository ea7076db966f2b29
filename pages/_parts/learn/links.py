"""From any page to the lesson about what it shows: the one map of lessons to pages."""

from __future__ import annotations

import streamlit as st

from cnnlab.lab import Lab
from pages._parts.learn.address import LEARN_PAGE
from pages._parts.learn.language import language
from pages._parts.learn.words import ABOUT

# Ids of lessons. Of a network, by its architecture; of a page, by its name.
OF_NETWORK = {
    "mlp": "dense-layers", "lenet": "lenet", "alexnet": "alexnet", "vgg": "vgg", "nin": "nin", "googlenet": "googlenet",
    "resnet": "resnet", "course-resnet": "resnet", "resnet9": "resnet", "densenet": "resnet",
}  # fmt: skip
OF_PAGE = {
    "data": "reading-results",
    "train": "training-loop",
    "runs": "overfitting",
    "predict": "training-loop",
    "inside": "convolution",
}


def learn_about(lab: Lab, *, page: str = "", architecture: str = "") -> None:
    """Draws a small link to the lesson about a network or a page; nothing where there is no such lesson."""
    wanted = OF_NETWORK.get(architecture) or OF_PAGE.get(page, "")
    lesson = lab.lessons.of(language()).find(wanted)
    if lesson is None:
        return
    with st.container(key="learn-about"):
        st.page_link(
            LEARN_PAGE, label=ABOUT.format(title=lesson.header.title), icon=":material/school:", query_params={"lesson": lesson.id},
            width="content",
        )  # fmt: skip
