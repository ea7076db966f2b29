"""What each owner has trained today and this week, counted where it is recorded."""

from __future__ import annotations

from contextlib import closing
from datetime import datetime

import pytest
from made_runs import CONFIG

from cnnlab.events import Progress, RunFinished, RunResumed, RunStarted
from cnnlab.forecasts.usage import Usage, usage
from cnnlab.runs.records import State
from cnnlab.runs.store import Store

WEDNESDAY = datetime(2026, 11, 25, 12).timestamp()  # local noon, whatever the machine's zone
DAY = 86_400.0


class Clock:
    now = WEDNESDAY

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def store(tmp_path, clock):
    with closing(Store(tmp_path, clock=clock)) as store:
        yield store


def begun(store: Store, owner: str, device: str = "cpu") -> str:
    run_id = store.create(CONFIG, f"token {len(store.runs())}", owner=owner)
    store.transition(run_id, State.STARTING, device=device)
    store.add(run_id, RunStarted(device, device, 61_706, 50, 50, 2, 20, 10), to=State.RUNNING)
    return run_id


def progress(store: Store, run_id: str, seconds: float) -> None:
    store.add(run_id, Progress(1, 1, 2, 1, 2.0, 0.25, 9_500.0, 0.1, 0.1, seconds, 80.0))


def finish(store: Store, run_id: str, seconds: float) -> None:
    store.add(run_id, RunFinished(1, seconds, 0.5, 0.5, 1, 0.5), to=State.FINISHED)


def test_minutes_are_counted_as_they_are_trained_and_a_deleted_run_gives_none_back(store):
    run_id = begun(store, "Ana")
    for seconds in (60, 120, 300):
        progress(store, run_id, seconds)
    assert usage(store, "Ana", WEDNESDAY).minutes_today == 5
    finish(store, run_id, 360)
    store.delete(run_id)
    assert usage(store, "Ana", WEDNESDAY) == Usage(6, 0, 0, parallel=0)
    assert usage(store, "Ben", WEDNESDAY).minutes_today == 0
    with closing(Store(store.home)) as again:
        assert usage(again, "Ana", WEDNESDAY).minutes_today == 6


def test_what_is_trained_again_counts_again(store):
    run_id = begun(store, "Ana")
    progress(store, run_id, 300)
    store.add(run_id, RunResumed(1, 1, 0, 1, "cpu", "CPU", 60))  # from a checkpoint of four minutes before
    progress(store, run_id, 180)
    assert usage(store, "Ana", WEDNESDAY).minutes_today == 7


def test_a_day_begins_at_midnight_and_a_week_on_monday(store, clock):
    run_id = begun(store, "Ana", "cuda:0")
    for day, seconds in ((-3, 60), (-2, 180), (0, 240)):  # Sunday, Monday, Wednesday
        clock.now = WEDNESDAY + day * DAY
        progress(store, run_id, seconds)
    found = usage(store, "Ana", WEDNESDAY)
    assert (found.minutes_today, found.gpu_minutes_week, found.parallel) == (1, 3, 1)


def test_minutes_beyond_this_machine_are_a_gpus_where_the_node_has_reported_one(store):
    def trained(computes_on):
        run_id = store.create(CONFIG, computes_on, owner="Ana")
        store.transition(run_id, State.STARTING, device="at:cluster")
        store.add(run_id, RunStarted("at:cluster", "H100, n1", 1, 50, 50, 2, 20, 10, computes_on=computes_on), to=State.RUNNING)
        progress(store, run_id, 60)
        return run_id

    run_id = trained("cuda:0")
    found = usage(store, "Ana", WEDNESDAY)
    assert (found.minutes_today, found.gpu_minutes_week, found.gpu_places) == (1, 1, {"at:cluster"})
    store.add(run_id, RunResumed(1, 1, 0, 1, "at:cluster", "CPU, n2", 60, computes_on="cpu"))
    progress(store, run_id, 120)
    found = usage(store, "Ana", WEDNESDAY)
    assert (found.minutes_today, found.gpu_minutes_week, found.gpu_places) == (2, 1, frozenset())


def test_all_owners_together_are_one_sum(store):
    for owner in ("Ana", "Ben", ""):
        progress(store, begun(store, owner), 60)
    store.create(CONFIG, "waits", owner="Ana")
    (store.home / "runs" / store.runs()[-1].id).mkdir(parents=True)
    (store.home / "runs" / store.runs()[-1].id / "last.pt").write_bytes(b"12345")
    assert usage(store, None, WEDNESDAY) == Usage(3, 0, 5, parallel=3, waiting=1)
    assert usage(store, "", WEDNESDAY, disk=False) == Usage(1, 0, None, parallel=1)
