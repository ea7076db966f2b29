"""Try several values: a sweep is started from the form, from a run's page and from Runs."""

from __future__ import annotations

import pytest
from page_fakes import open_page, widget
from test_page_runs import ComparingLab


@pytest.fixture
def lab(tmp_path):
    lab = ComparingLab(tmp_path)
    lab.home = tmp_path
    yield lab
    lab.store.close()


@pytest.fixture
def opened(monkeypatch):
    """The pages that were switched to, with their addresses."""
    pages = []
    monkeypatch.setattr("streamlit.switch_page", lambda page, query_params: pages.append((page, query_params)))
    return pages


def test_x(monkeypatch, lab, opened):
    app = open_page(monkeypatch, "train", lab)
    widget(app.button, "Try several values").click().run()
    assert not app.exception, app.exception
    from page_text import page_text

    print(page_text(app).split("sidebar")[0][-4500:])
    b = next(e for e in app.button if e.key == "several: start")
    b.click().run()
    assert not app.exception, app.exception
    print(opened, lab.sweeps.kept)
    assert 0
