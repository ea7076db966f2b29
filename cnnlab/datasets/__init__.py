"""Data sets: the catalogue and their places (without torch), download, and loading into tensors (`.loading`)."""

from cnnlab.datasets.catalogue import Entry
from cnnlab.datasets.known import entries, entry

__all__ = ["Entry", "entries", "entry"]
