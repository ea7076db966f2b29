"""The layer table: its values (here, without torch) and the pass on the meta device that finds them (`cnnlab.layers.trace`)."""

from cnnlab.layers.table import Cure, Failure, LayerRow, LayerTable

__all__ = ["Cure", "Failure", "LayerRow", "LayerTable"]
