"""The Runs page stays quick with many runs: `benchmarks/store_scale.py` with fewer of them."""

from __future__ import annotations

from benchmarks.store_scale import fill, measure
from cnnlab.runs.store import Store
from pages._parts import shell


def test_a_filled_record_reads_like_a_real_one(tmp_path):
    ids = fill(tmp_path, runs=7, epochs=30)

    store = Store(tmp_path)
    runs, epochs = store.summaries().runs, store.epochs(ids[0])
    store.close()

    assert [run.id for run in runs] == ids[::-1]
    assert len(epochs) == 30
    assert runs[-1].curve[-1] == round(epochs[-1].test_accuracy, 3)


def test_a_thousand_runs_open_and_are_chosen_within_a_second(tmp_path, monkeypatch):
    monkeypatch.setattr(shell, "enter", shell.enter)  # what `measure` puts there is taken away again
    ids = fill(tmp_path, runs=1_000, epochs=10)

    milliseconds = measure(tmp_path, ids)

    # Ten times what it takes: a busy machine must not fail it, a query a row or a configuration parsed a row would.
    assert max(milliseconds.values()) < 1_000, milliseconds
