"""The layer table: its values (here, no torch) and how they are found (`cnnlab.layers.trace`, on the meta device)."""

from cnnlab.layers.table import LayerRow, LayerTable

__all__ = ["LayerRow", "LayerTable"]
