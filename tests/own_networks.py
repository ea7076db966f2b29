"""Networks of random rows for tests: most fit, some do not, and each is the same for the same seed."""

from __future__ import annotations

import random
from typing import Any

SIZES = {"channels": (0, 1, 3, 8), "units": (0, 1, 5, 16), "kernel": (1, 2, 3, 5, 7), "stride": (1, 1, 2, 3), "padding": (0, 1, 2)}
PLAIN = ("convolution", "convolution", "pool", "norm", "activation", "dropout", "residual", "inception", "dense-growth", "scale")
ENDS: tuple[tuple[dict[str, Any], ...], ...] = (
    ({"kind": "global-pool"}, {"kind": "flatten"}, {"kind": "linear", "units": 0}),
    (
        {"kind": "flatten"},
        {"kind": "linear", "units": 7},
        {"kind": "activation", "function": "tanh"},
        {"kind": "linear", "units": 0},
    ),
    ({"kind": "flatten"}, {"kind": "linear", "units": 0}),
    ({"kind": "linear", "units": 0},),  # without a flatten it does not fit
    ({"kind": "convolution", "channels": 0},),  # maps are no logits
)


def random_rows(seed: int) -> list[dict[str, Any]]:
    """Rows as in JSON: a body, at times with a shortcut or two paths, and one of ENDS."""
    draw = random.Random(seed)  # noqa: S311
    rows: list[dict[str, Any]] = []
    for number in range(draw.randint(1, 8)):
        row = _row(draw, draw.choice(PLAIN), f"row{number}")
        if rows and draw.random() < 0.15:
            row["from"] = [draw.choice(["input", *(str(each["name"]) for each in rows)])]
        rows.append(row)
        if draw.random() < 0.3:
            joined = [draw.choice(["input", *(str(each["name"]) for each in rows)]), row["name"]]
            rows.append({"kind": draw.choice(("addition", "concatenation")), "name": f"join{number}", "from": joined})
    return [*rows, *draw.choice(ENDS)]


def _row(draw: random.Random, kind: str, name: str) -> dict[str, Any]:
    row: dict[str, Any] = {"kind": kind, "name": name}
    wanted = {
        "convolution": ("channels", "kernel", "stride", "padding"),
        "pool": ("kernel", "stride", "padding"),
        "residual": ("stride",),
    }
    for setting in wanted.get(kind, ()):
        row[setting] = draw.choice(SIZES[setting])
    if kind == "residual":
        row["channels"] = draw.choice((1, 4, 8))
    if kind == "convolution" and draw.random() < 0.02:
        row["kernel"] = draw.choice((0, 32, 1.5, "three", None))  # refused
    return row
