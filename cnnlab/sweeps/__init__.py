"""Sweeps: many runs that differ in a few settings, to find which values do best."""
