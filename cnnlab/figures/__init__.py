"""Values in, Plotly figures out; the only place that builds figures.

Figures are plain dictionaries. Plotly's classes would check each against a schema for 20 ms; the tests do that instead.
"""

from cnnlab.figures.compare import compare_figure
from cnnlab.figures.data import class_balance_figure
from cnnlab.figures.network import DRAWING_RULE, distribution_figure, distribution_sentence, network_figure
from cnnlab.figures.stages import Stage, stages

__all__ = [
    "DRAWING_RULE",
    "Stage",
    "class_balance_figure",
    "compare_figure",
    "distribution_figure",
    "distribution_sentence",
    "network_figure",
    "stages",
]
