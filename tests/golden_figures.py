"""Golden texts with figures that a processor may round otherwise: words and whole numbers are equal, fractions close."""

from __future__ import annotations

import re

import pytest
from golden_text import known

CLOSE = 2e-3  # of a figure; processors differ by 1e-5 after a few dozen batches
_FRACTION = re.compile(r"-?\d+\.\d*(?:e[+-]\d+)?")


def figure(value: float) -> str:
    """With a point always, so that it is known as a fraction."""
    return f"{value:#.5g}"


def check_closely(name: str, found: str, *, regenerate: bool) -> None:
    """As `golden_text.check`, but fractions need only be close."""
    expected = known(name, found, regenerate=regenerate)
    assert _FRACTION.sub("#", found).splitlines() == _FRACTION.sub("#", expected).splitlines(), (
        "if the change is intended: --regenerate-golden"
    )
    for line, wanted in zip(found.splitlines(), expected.splitlines(), strict=True):
        figures, wanted_figures = ([float(each) for each in _FRACTION.findall(words)] for words in (line, wanted))
        assert figures == pytest.approx(wanted_figures, rel=CLOSE, abs=1e-5), line
