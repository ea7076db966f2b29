"""Measurements whose figures stand in docs/: `python -m benchmarks NAME`, and three modules with a command of their own:
`benchmarks.forecast`, `benchmarks.course_results` and `benchmarks.precision`.

A benchmark of `python -m benchmarks` is a module with two functions. `measure(small, rounds)` returns plain values that JSON can
hold: "targets" maps the names of targets.py to measured values, and "variant" names the record where a benchmark has several (a
CPU's and a GPU's). `render(record)` returns Markdown. A record is what `measure` returned plus "machine", "command" and "took"
(seconds).
"""
