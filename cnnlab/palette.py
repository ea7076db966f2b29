"""The colours of all charts: distinct to colour-blind people, readable on light and on dark pages."""

from __future__ import annotations

from functools import lru_cache

BLUE, ORANGE, GREEN, RED, PINK, SKY = "#0072B2", "#E69F00", "#009E73", "#D55E00", "#CC79A7", "#56B4E9"
COLORS = (BLUE, ORANGE, GREEN, RED, PINK, SKY)
GRAY = "#8A8F98"  # has enough contrast on white and on Streamlit's dark background

# One colour for each kind of layer, in drawings, tables, bars and legends. On light and dark pages, and in the boxes on them, each
# has a contrast of at least 3. A word always stands beside it.
KINDS = {
    "input": "#7A818C",
    "convolution": "#1F7FC0",
    "pooling": "#BD7B00",
    "dense": "#C0578F",
    "normalisation": "#00916A",
    "activation": "#8A6FD1",
    "other": "#8B7665",
}
FAILED = "#D93A3A"  # what does not work; a sign stands beside it

# Scales for values in a picture: equal steps of a value look equally far apart, also in grey and to colour-blind people. They are
# matplotlib's viridis, and ColorBrewer's red and blue with white for zero.
GROWING = (
    "#440154", "#48186a", "#472d7b", "#424086", "#3b528b", "#33638d", "#2c728e", "#26828e", "#21918c", "#1fa088", "#28ae80",
    "#3fbc73", "#5ec962", "#84d44b", "#addc30", "#d8e219", "#fde725",
)  # fmt: skip
SIGNED = (
    "#053061", "#175290", "#2a71b2", "#3f8ec0", "#6bacd1", "#9bc9e0", "#c2ddec", "#e0ecf3", "#f7f6f6", "#fbe5d8", "#fbccb4",
    "#f5aa89", "#e48066", "#d05548", "#ba2832", "#930e26", "#67001f",
)  # fmt: skip


@lru_cache(maxsize=256)
def rgb(colour: str) -> tuple[int, int, int]:
    """The red, green and blue of "#0072B2", from 0 to 255."""
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)


def shade(value: float, low: float, high: float, scale: tuple[str, ...]) -> str:
    """The colour of `value` on a scale from `low` to `high`; values beyond an end have the colour of that end."""
    share = (value - low) / (high - low) if high > low else 0.0
    place = min(max(share, 0.0), 1.0) * (len(scale) - 1)
    first = min(int(place), len(scale) - 2)
    (red, green, blue), (to_red, to_green, to_blue), share = rgb(scale[first]), rgb(scale[first + 1]), place - first
    # Written out: a picture of a layer has some thousand values.
    mixed = round(red + (to_red - red) * share), round(green + (to_green - green) * share), round(blue + (to_blue - blue) * share)
    return "#{:02x}{:02x}{:02x}".format(*mixed)
