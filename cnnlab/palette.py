"""The colours of all charts: distinct to colour-blind people, readable on light and on dark pages."""

BLUE, ORANGE, GREEN, RED, PINK, SKY = "#0072B2", "#E69F00", "#009E73", "#D55E00", "#CC79A7", "#56B4E9"
COLORS = (BLUE, ORANGE, GREEN, RED, PINK, SKY)
GRAY = "#8A8F98"  # has enough contrast on white and on Streamlit's dark background
