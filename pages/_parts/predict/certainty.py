"""Whether the confidence of a network can be believed: the chart of calibration, its sentence and its numbers."""

from __future__ import annotations

import streamlit as st

from cnnlab.figures import calibration_figure
from cnnlab.i18n import _
from cnnlab.intervals import wilson
from cnnlab.spreadsheet import csv_text
from cnnlab.text import percent
from cnnlab.values import ConfidenceBin, PredictionPage
from pages._parts.live.plot import live_plot

ALIKE = 0.02  # confidence and accuracy that are nearer than this look the same
HEADER = ("Confidence above", "Confidence at most", "Images", "Mean confidence", "Right")
OPEN = "predict:certainty"


def certainty(page: PredictionPage, run_id: str) -> None:
    """Draws the closed part; the chart is drawn once it is open, because it has no width before."""
    if not page.calibration:
        return
    with st.expander(_("Can its confidence be believed?"), key=OPEN, on_change="rerun") as part:
        if not part.open:
            return
        st.markdown(calibration_sentence(page))
        label = _("Bars: the share of images that is right, by how confident the network is")
        live_plot(calibration_figure(page.calibration), key="predict:calibration", label=label)
        st.caption(
            _(
                "Each bar holds the test images of one range of confidence; their number stands in it, and its height is the share "
                "that is right. Where a bar ends below the dashed line, the network is surer than it should be."
            )
        )
        st.download_button(
            _("Download as CSV"), csv_text(HEADER, bin_rows(page)), f"cnnlab-{run_id}-calibration.csv", "text/csv",
            icon=":material/download:", on_click="ignore", key="predict:calibration csv",
            help=_("These bars as a file for a spreadsheet, with exact numbers."),
        )  # fmt: skip


def calibration_sentence(page: PredictionPage) -> str:
    """How sure and how right it is about the range of confidence with most images, and on average over all."""
    most = max(page.calibration, key=lambda each: each.images)
    text = (
        _(
            "Of the only image about which it is {low} to {high} sure, **{accuracy}** is right; its confidence there is "
            "{confidence} on average, {verdict}. Over all images, confidence and accuracy are {points:.1f} points apart (expected "
            "calibration error; 0 is best)."
        )
        if most.images == 1
        else _(
            "Of {count:,} images about which it is {low} to {high} sure, **{accuracy}** are right; its confidence there is "
            "{confidence} on average, {verdict}. Over all images, confidence and accuracy are {points:.1f} points apart (expected "
            "calibration error; 0 is best)."
        )
    )
    return text.format(
        count=most.images, low=percent(most.low, 0), high=percent(most.high, 0), accuracy=percent(most.accuracy),
        confidence=percent(most.confidence), verdict=_verdict(most), points=100 * page.calibration_error,
    )  # fmt: skip


def _verdict(each: ConfidenceBin) -> str:
    gap = each.confidence - each.accuracy
    low, high = wilson(each.accuracy, each.images)
    if abs(gap) >= ALIKE and low <= each.confidence <= high:
        return _("a difference that chance explains with so few images")
    if abs(gap) < ALIKE:
        return _("so it can be believed")
    return (_("{points:.1f} points too sure") if gap > 0 else _("{points:.1f} points too cautious")).format(points=100 * abs(gap))


def bin_rows(page: PredictionPage) -> list[tuple[float, float, int, float | None, float | None]]:
    """A row for each range, under HEADER; empty where no image is in it."""
    return [
        (each.low, each.high, each.images, *((each.confidence, each.accuracy) if each.images else (None, None)))
        for each in page.calibration
    ]
