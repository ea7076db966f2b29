"""Data sets: the catalogue and where files are (here, no torch), loading and batch transforms (`cnnlab.datasets.loading`, `.transforms`)."""

from cnnlab.datasets.catalogue import Entry, entries, entry

__all__ = ["Entry", "entries", "entry"]
