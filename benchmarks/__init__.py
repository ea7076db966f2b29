"""Measurements whose figures stand in docs/: run one with `python -m benchmarks.<name>`."""
