"""Of a run that has ended, the strip of test images as frames that play in the browser, one an epoch."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace

import streamlit as st

from cnnlab import datasets
from cnnlab.i18n import _, translated
from cnnlab.lab import Lab
from cnnlab.runs.records import Run
from cnnlab.values import ExampleImages
from pages._parts.image_grid import GridItem, grid_html
from pages._parts.player import Shown, draw_player, played

SIZE = 80  # pixels of an image, at least
_STYLE = re.compile("<style>.*?</style>", re.DOTALL)


def replay(lab: Lab, run: Run, examples: ExampleImages, item: Callable[..., GridItem], columns: int) -> None:
    """Draws the player, at the last epoch. `item` makes a cell from a picture, its class, confidence and former class."""
    classes = tuple(map(translated, datasets.entry(run.config.dataset).classes))
    images = tuple(picture.index for picture in examples.pictures)
    frames: list[Shown] = []
    former: tuple[int, ...] | None = None
    for epoch in (place + 1 for place in played(run.epochs_done)):
        now = lab.predicted(run.id, epoch, images)
        if now is None or now.test_images != examples.test_images:
            continue
        rows = zip(examples.pictures, now.predicted, now.confidence, former or now.predicted, strict=True)
        cells = [replace(item(*row, classes), data_uri=f"#{place}") for place, row in enumerate(rows)]
        right = sum(picture.label == predicted for picture, predicted in zip(examples.pictures, now.predicted, strict=True))
        name = _("after epoch {epoch:,}: {right} of {shown} right").format(epoch=epoch, right=right, shown=len(images))
        frames.append(Shown(epoch, name, _STYLE.sub("", grid_html(cells, SIZE, columns))))
        former = now.predicted
    st.html("".join(_STYLE.findall(grid_html((), SIZE, columns))))
    key = f"played epoch {run.id}"
    epochs = [frame.epoch for frame in frames]
    at = st.session_state.get(key)
    draw_player(
        frames, at if at in epochs else epochs[-1], _("Epoch"), lambda epoch: st.session_state.update({key: epoch}),
        key=f"replay {run.id}", help=_("Move it, or press Play, and watch the predictions change from epoch to epoch."),
        pictures=[picture.data_uri for picture in examples.pictures],
    )  # fmt: skip
