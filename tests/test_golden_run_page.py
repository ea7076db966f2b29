"""The page of a run in every state, as text."""

from __future__ import annotations

import pytest
from golden_text import check, same_every_time
from page_fakes import open_page
from page_runs import RunsLab
from page_text import page_text

from cnnlab.runs.records import State


@pytest.fixture
def lab(tmp_path, monkeypatch):
    same_every_time(monkeypatch)
    lab = RunsLab(tmp_path)
    yield lab
    lab.store.close()


def training(lab):
    run_id = lab.made("a", name="first")
    lab.begin(run_id)
    lab.epoch(run_id, 1)
    lab.epoch(run_id, 2, 0.6)
    return run_id


def finished(lab):
    run_id = training(lab)
    lab.store.transition(run_id, State.FINISHED)
    return run_id


@pytest.mark.parametrize("run", [training, finished], ids=lambda each: each.__name__)
def test_a_run(run, monkeypatch, lab, regenerate_golden):
    app = open_page(monkeypatch, "train", lab, run=run(lab))

    check(f"pages/run-{run.__name__}", page_text(app), regenerate=regenerate_golden)
