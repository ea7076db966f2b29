"""Texts that a reviewer reads, in tests/golden: what a page, a command or a report says, kept whole.

After an intended change `python -m pytest --regenerate-golden` writes them; read the difference like code. A test that names the
promise says more than such a text where one sentence or figure is what matters; the texts are there for everything else.
"""

from __future__ import annotations

import difflib
import itertools
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import pytest

from cnnlab import text
from cnnlab.runs import store

FOLDER = Path(__file__).parent / "golden"
LINES = 40  # of a difference that are shown
NOW = 1_790_000_000.0  # 2026-09-21 13:33:20 UTC


def check(name: str, found: str, *, regenerate: bool) -> None:
    """Fails where `found` is not that of the file tests/golden/`name`.txt; `regenerate` writes the file first."""
    kept, seen = known(name, found, regenerate=regenerate).splitlines(), found.splitlines()
    difference = itertools.islice(difflib.unified_diff(kept, seen, name, "found", n=0, lineterm=""), LINES)
    assert seen == kept, "\n".join(["if the change is intended: --regenerate-golden", *difference])


def known(name: str, found: str, *, regenerate: bool) -> str:
    """The text of the file, which is `found` with `regenerate`."""
    file = FOLDER / f"{name}.txt"
    if regenerate:
        file.parent.mkdir(exist_ok=True)
        file.write_text(found, encoding="utf-8")
    assert file.exists(), "run: python -m pytest --regenerate-golden"
    return file.read_text(encoding="utf-8")


def same_every_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Runs are called 00000001, 00000002 …; the first is made an hour before NOW, the others a minute after each other; UTC.

    To be called before the store is made. What pages of earlier tests have cached, by numbers that begin again here, is forgotten.
    """
    if "streamlit" in sys.modules:
        sys.modules["streamlit"].cache_data.clear()
        sys.modules["streamlit"].cache_resource.clear()
    numbers, moments = itertools.count(1), (NOW - 3_600 + 60 * minute for minute in itertools.count())
    monkeypatch.setattr(store, "new_run_id", lambda: f"{next(numbers):08x}")
    monkeypatch.setattr(store.Store.__init__, "__kwdefaults__", {"clock": lambda: next(moments)})
    monkeypatch.setattr(text, "time", SimpleNamespace(time=lambda: NOW))
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
