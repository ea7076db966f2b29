"""Draws the fragments of a page again, as a browser has it done on a timer, which AppTest's never fires."""

from __future__ import annotations

from functools import partial

import pytest
from streamlit.runtime.scriptrunner_utils.script_requests import RerunData
from streamlit.testing.v1 import AppTest, local_script_runner

from pages._parts.live import snapshot


def fragments(app: AppTest) -> list[str]:
    """The ids of the fragments that the page has drawn."""
    return list(app._fragment_storage._fragments)


def poll(app: AppTest, monkeypatch: pytest.MonkeyPatch) -> AppTest:
    """One turn of the timer: app.py and the page's file are not run. What is on the page afterwards is what was drawn in it."""
    with monkeypatch.context() as patched:
        patched.setattr(local_script_runner, "RerunData", partial(RerunData, fragment_id_queue=fragments(app)))
        patched.setattr(snapshot, "SHARED_SECONDS", 0.0)  # as if another second had gone by
        return app.run()
