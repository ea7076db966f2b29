"""The colours of all charts: distinct to colour-blind people, readable on light and on dark pages."""

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
