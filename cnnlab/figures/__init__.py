"""Values in, Plotly figures out; the only place that builds figures.

They are plain dictionaries: Plotly's own classes check them against a schema, which took 20 ms a drawing. Tests do that.
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
