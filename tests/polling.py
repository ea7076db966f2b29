"""Redraws the fragments of a page, as a browser does on a timer; AppTest has no timer."""

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
    """One tick of the timer: app.py and the page's file do not run, and the result holds only what the fragments drew."""
    with monkeypatch.context() as patched:
        patched.setattr(local_script_runner, "RerunData", partial(RerunData, fragment_id_queue=fragments(app)))
        patched.setattr(snapshot, "SHARED_SECONDS", 0.0)  # as if another second had gone by
        return app.run()
