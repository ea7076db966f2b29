"""Runs give way when their slice or their owner's minutes are over, and go on later as if nothing had been."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace

import pytest
from made_runs import CONFIG

from cnnlab.access import classes
from cnnlab.access.classes import Member
from cnnlab.config import RunConfig
from cnnlab.events import Progress, RunFinished, RunPaused, RunResumed, RunStarted
from cnnlab.forecasts.limits_file import rules
from cnnlab.runs import ledger
from cnnlab.runs.records import State
from cnnlab.runs.store import Store
from cnnlab.workers import runner, shares
from cnnlab.workers.shares import GAVE_WAY, Shares, Turn

OVER = "Its 2 minutes at a stretch are over and runs of others wait: it goes on from this moment when it is next."
STARTED = RunStarted("cpu", "CPU", 61_706, 50, 50, 2, 20, 10)


@pytest.fixture
def store(tmp_path, monkeypatch):
    """The record of a class of two, whose runs look at each report."""
    monkeypatch.setattr(shares, "USAGE_SECONDS", 0.0)
    monkeypatch.setattr(runner, "PROGRESS_SECONDS", 0.0)
    made = classes.new_class("7b", members=tuple(Member(id=name, name=name) for name in ("Ana", "Ben")))
    classes.save(tmp_path, made)
    with closing(Store(tmp_path)) as store:
        yield store


def at(seconds: float, left: float = 3_600.0) -> Progress:
    return Progress(1, 1, 2, 1, 2.0, 0.25, 9_500.0, 0.1, 0.1, seconds, left)


def turn(store: Store, run_id: str, *, slices: bool = True) -> Turn:
    return Turn(store, store.run(run_id), "cpu", rules(store.home), slices=slices)


def spend(store: Store, owner: str, minutes: float, device: str = "cpu") -> None:
    with store.transaction(write=True) as connection:
        ledger.count(connection, owner, device, 60 * minutes, store._clock())


def obstacle(store: Store, run_id: str, device: str = "cpu") -> str:
    active = store.active()
    (run,) = (run for run in active if run.id == run_id)
    return Shares(store, lambda: rules(store.home)).obstacle(run, device, [each for each in active if not each.waits])


def test_a_slice_is_over_only_while_a_run_of_another_waits_for_the_device(store, limit):
    limit("slice_minutes = 2")
    mine = store.create(CONFIG, "mine", owner="Ana", state=State.RUNNING)
    store.create(CONFIG, "mine too", owner="Ana")
    assert turn(store, mine).is_over(at(500)) == ""
    store.create(CONFIG.change(device="cuda:0"), "elsewhere", owner="Ben")
    assert turn(store, mine).is_over(at(500)) == ""
    store.create(CONFIG, "here", owner="Ben")
    now = turn(store, mine)
    assert [now.is_over(at(seconds)) for seconds in (119, 120)] == ["", OVER]
    assert now.is_over(at(500, left=59)) == "", "it is almost done"
    assert turn(store, mine, slices=False).is_over(at(500)) == ""
    now.begins_at(450)
    assert [now.is_over(at(seconds)) for seconds in (500, 570)] == ["", OVER]
    spend(store, "Ben", 120)
    assert turn(store, mine).is_over(at(500)) == "", "Ben has no minutes left"


def test_a_run_waits_while_its_owner_trains_enough_or_has_no_minutes(store, limit):
    limit('[student]\nparallel = 1\nminutes_a_day = 60\ngpu_minutes_a_week = 30\n[person."Ben"]\nparallel = 2')
    store.create(CONFIG, "1", owner="Ana", state=State.RUNNING)
    store.create(CONFIG, "2", owner="Ben", state=State.RUNNING)
    second, other = (store.create(CONFIG, f"{owner} waits", owner=owner) for owner in ("Ana", "Ben"))
    assert obstacle(store, second).startswith("Its owner trains as many runs as this lab allows a person at a time (1)")
    assert obstacle(store, other) == ""
    spend(store, "Ben", 30, "cuda:0")
    assert obstacle(store, other) == ""
    assert "on a GPU a week" in obstacle(store, other, "cuda:1")
    spend(store, "Ben", 30)
    assert obstacle(store, other) == "The 60 minutes of training a day that this lab allows are used up: it goes on after midnight."


def test_a_run_whose_minutes_are_used_up_goes_back_to_the_queue_and_says_why(store, limit):
    limit("[student]\nminutes_a_day = 2")
    first, last = (store.create(CONFIG, name, owner="Ana") for name in ("t", "last"))

    def train(config, folder):
        yield STARTED
        yield at(60)
        yield at(121)
        yield RunPaused(1, 1, 121)

    assert runner.execute(store, first, train=train) is State.QUEUED
    run = store.run(first)
    assert run.message == f"{GAVE_WAY} The 2 minutes of training a day that this lab allows are used up: it goes on after midnight."
    assert (run.position, run.seconds, store.run(last).position) == (2, 121, 1)
    assert all(obstacle(store, run_id) for run_id in (first, last))


@pytest.mark.parametrize(("request_", "state"), [("pause", State.PAUSED), ("stop", State.STOPPED)])
def test_what_a_user_asks_for_comes_before_giving_way(store, limit, request_, state):
    limit("[student]\nminutes_a_day = 1")
    run_id = store.create(CONFIG, "t", owner="Ana")

    def train(config, folder):
        yield STARTED
        yield at(100)
        getattr(store, request_)(run_id)
        yield RunPaused(1, 1, 100)

    assert runner.execute(store, run_id, train=train) is state
    assert store.run(run_id).message == ""


def test_a_run_that_gave_way_three_times_ends_as_an_undisturbed_one(store, monkeypatch):
    config = RunConfig.make(limit=100, batch_size=10, epochs=3, device="cpu", seed=5, learning_rate=0.05)
    alone, cut = (store.create(config, name, owner="Ana") for name in ("alone", "cut"))
    assert runner.execute(store, alone) is State.FINISHED

    reports = iter([False] * 2 + [True] + [False] * 4 + [True] + [False] * 3 + [True])
    monkeypatch.setattr(Turn, "is_over", lambda self, latest: OVER if next(reports, False) else "")
    states = [runner.execute(store, cut, in_turn=True) for _ in range(4)]

    assert states == [State.QUEUED] * 3 + [State.FINISHED]
    kinds = [type(event) for _, event in store.events(cut)]
    assert (kinds.count(RunPaused), kinds.count(RunResumed), kinds.count(RunFinished)) == (3, 3, 1)
    timeless = {"seconds": 0, "load_seconds": 0, "compute_seconds": 0, "evaluation_seconds": 0}
    assert [replace(done, **timeless) for done in store.epochs(cut)] == [replace(done, **timeless) for done in store.epochs(alone)]
    assert store.run(cut).message == ""
