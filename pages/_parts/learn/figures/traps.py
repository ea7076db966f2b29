"""Three slips of a training loop, each measured on the sample beside the figure that is right."""

from __future__ import annotations

from typing import NamedTuple

import streamlit as st

from cnnlab.figures import epochs_figure
from cnnlab.i18n import N_, _, translated
from cnnlab.text import percent
from pages._parts.grid import grid
from pages._parts.live.plot import live_plot

# One run: the course's small ResNet a quarter as wide, on the grey sample, learning rate 0.9, batches of 100; by epoch from 1.
MEASURED: dict[str, tuple[float, ...]] = {
    N_("training images, before each step"): (0.459, 0.664, 0.730, 0.751, 0.772, 0.780),
    N_("training images, asked again after the step"): (0.535, 0.747, 0.787, 0.815, 0.828, 0.843),
    N_("all training images, in eval()"): (0.386, 0.739, 0.656, 0.757, 0.722, 0.728),
    N_("test images, prepared alike, in eval()"): (0.377, 0.738, 0.644, 0.758, 0.707, 0.708),
    N_("test images, not normalised"): (0.100, 0.100, 0.100, 0.100, 0.100, 0.101),
    N_("test images in train(), batches of 100"): (0.559, 0.737, 0.716, 0.791, 0.783, 0.731),
    N_("test images in train(), batches of 10"): (0.528, 0.709, 0.701, 0.727, 0.744, 0.704),
}


class Trap(NamedTuple):
    """Two or three rows of MEASURED, and what they show."""

    rows: tuple[str, ...]
    meaning: str


TRAPS = {
    N_("Test images are not normalised"): Trap(
        ("test images, prepared alike, in eval()", "test images, not normalised"),
        N_(
            "The network was trained on pixels from −1 to 1. Test images from 0 to 1 are strange to it: it guesses, in every "
            "epoch. The same network reads the same images well when they are prepared as in training."
        ),
    ),
    N_("Asked again after the step"): Trap(
        ("training images, before each step", "training images, asked again after the step", "all training images, in eval()"),
        N_(
            "A step has just moved the network towards this batch, so asking about the same batch again flatters it, by 5 to 8 "
            "points here. In epoch 6 the flattering figure stands 11 points above what the network knows of all training images."
        ),
    ),
    N_("Left in train()"): Trap(
        (
            "test images, prepared alike, in eval()",
            "test images in train(), batches of 100",
            "test images in train(), batches of 10",
        ),
        N_(
            "With batch normalisation, train() uses the mean of the batch at hand. So the answer for an image depends on which "
            "other images are in its batch, and on how many. eval() uses fixed means: one image, one answer."
        ),
    ),
}  # fmt: skip


def draw_cifar_traps() -> None:
    """Draws the curves of one slip, what it shows, and all figures as a table."""
    name = st.radio(
        _("Which slip?"), list(TRAPS), horizontal=True, key="figure traps", format_func=translated,
        help=_("Each was measured in the same run."),
    )  # fmt: skip
    trap = TRAPS[name]
    shown = {translated(row): MEASURED[row] for row in trap.rows}
    last = _("; ").join(_("{row}: {share}").format(row=row, share=percent(values[-1])) for row, values in shown.items())
    live_plot(
        epochs_figure(shown),
        key="figure traps chart",
        label=_("Accuracy after each of six epochs. After the last one: {figures}.").format(figures=last),
        tools=False,
    )
    st.markdown(translated(trap.meaning))
    measured = _(
        "After epoch 6: {figures}. Measured on the bundled sample with a small ResNet at a learning rate of 0.9; one seed."
    )
    st.caption(measured.format(figures=last))
    with st.expander(_("All figures, in percent")):
        rows = {_("accuracy on"): list(map(translated, MEASURED))}
        grid(
            rows
            | {
                _("epoch {number}").format(number=number + 1): [100 * values[number] for values in MEASURED.values()]
                for number in range(6)
            },
            key="figure traps table",
        )
