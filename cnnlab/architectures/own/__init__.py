"""Networks that users put together themselves, as values: a list of layers, its checks, and its shapes. Needs no torch."""

from cnnlab.architectures.own.network import Layer, Network
from cnnlab.architectures.own.shapes import Placed, RowError, placed

__all__ = ["Layer", "Network", "Placed", "RowError", "placed"]
