"""The live figures of lessons, by the names that a lesson's text uses. Each states in words what its picture shows."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from cnnlab.lab import Lab
from pages._parts.learn.figures.field import draw_receptive_field
from pages._parts.learn.figures.flatten import draw_flatten
from pages._parts.learn.figures.kernels import draw_shared_weights, draw_two_small_kernels
from pages._parts.learn.figures.params import draw_params_share
from pages._parts.learn.figures.sigmoids import draw_sigmoids
from pages._parts.learn.figures.size import draw_size_formula
from pages._parts.learn.figures.traps import draw_cifar_traps
from pages._parts.learn.figures.window import draw_sliding_window
from pages._parts.shell import fragment

DRAW: dict[str, Callable[[Lab], None]] = {
    "size-formula": lambda _: draw_size_formula(),
    "flatten": lambda _: draw_flatten(),
    "sliding-window": lambda _: draw_sliding_window(),
    "shared-weights": lambda _: draw_shared_weights(),
    "sigmoids": lambda _: draw_sigmoids(),
    "two-small-kernels": lambda _: draw_two_small_kernels(),
    "cifar-traps": lambda _: draw_cifar_traps(),
    "receptive-field": draw_receptive_field,
    "params-share": draw_params_share,
}


def draw_figure(lab: Lab, name: str) -> None:
    """Draws one of cnnlab.learn.lesson.FIGURES; a lesson places each of them once."""
    with st.container(border=True, key=f"figure-{name}"):
        fragment(DRAW[name])(lab)  # a slider draws its figure again, and not the lesson
