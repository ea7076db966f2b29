"""Measurements whose figures stand in docs/: `python -m benchmarks NAME`, and `benchmarks.forecast`, `benchmarks.course_results`.

A benchmark of `python -m benchmarks` is a module with two functions. `measure(small, rounds)` returns what it found as plain values
that JSON can hold; under "targets" the values of targets.py's targets by name, and under "variant", where one benchmark has several
records (a training on a CPU and one on a GPU), which one this is. `render(record)` makes Markdown of a record: what `measure`
returned with "machine", "command" and "took" (seconds) on top.
"""
