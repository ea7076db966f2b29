"""Values in, figures out (Plotly, and HTML for networks); the only place that builds figures.

Plotly's figures are plain dictionaries. Plotly's classes would check each against a schema for 20 ms; the tests do that instead.
"""

from cnnlab.figures.calibration import calibration_figure
from cnnlab.figures.compare import compare_bars
from cnnlab.figures.data import class_balance_figure
from cnnlab.figures.epochs import epochs_figure
from cnnlab.figures.network import (
    DRAWING_RULE,
    LEGEND,
    breakable,
    distribution_bars,
    distribution_sentence,
    legend,
    network_drawing,
    network_svg,
)
from cnnlab.figures.stages import Stage, role_of, stages

__all__ = [
    "DRAWING_RULE",
    "LEGEND",
    "Stage",
    "breakable",
    "calibration_figure",
    "class_balance_figure",
    "compare_bars",
    "distribution_bars",
    "distribution_sentence",
    "epochs_figure",
    "legend",
    "network_drawing",
    "network_svg",
    "role_of",
    "stages",
]
