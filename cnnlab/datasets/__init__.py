"""Data sets: what there is and where it lies (needs no torch), loading (`.loading`) and batch transforms (`.transforms`)."""

from cnnlab.datasets.catalogue import Entry, entries, entry

__all__ = ["Entry", "entries", "entry"]
