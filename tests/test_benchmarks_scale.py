"""The Runs page stays quick with many runs: `benchmarks/scale.py` with fewer of them."""

from __future__ import annotations

from benchmarks.scale import pages
from benchmarks.scale_fill import fill, fill_events
from cnnlab.events import EpochDone
from cnnlab.runs.store import Store


def test_a_filled_record_reads_like_a_real_one(tmp_path):
    ids = fill(tmp_path, runs=7, epochs=30)

    store = Store(tmp_path)
    runs, epochs = store.summaries().runs, store.epochs(ids[0])
    store.close()

    assert [run.id for run in runs] == ids[::-1]
    assert len(epochs) == 30
    assert runs[-1].curve[-1] == round(epochs[-1].test_accuracy, 3)


def test_a_run_gets_as_many_events_as_asked_for(tmp_path):
    ids = fill_events(tmp_path, [10, 100])

    store = Store(tmp_path)
    epochs, points = store.epochs(ids[1]), store.progress(ids[1])
    events = [event for _, event in store.events(ids[1])]
    store.close()

    assert (len(epochs), len(points)) == (10, 90)
    assert all(isinstance(event, EpochDone) for event in events)
    assert [point.step for point in points] == sorted(point.step for point in points)
    assert points[-1].share_done == 1.0


def test_a_thousand_runs_open_and_are_chosen_within_a_second(tmp_path):
    ids = fill(tmp_path, runs=1_000, epochs=10)

    steps = pages(tmp_path, ids, rounds=3)

    # Ten times the usual time, so that a busy machine passes, and a query or a parsed configuration per row fails.
    assert max(step["median"] for step in steps.values()) < 1_000, steps
