"""When waiting runs begin, from a queue that is made up."""

from __future__ import annotations

import time
from contextlib import closing
from datetime import datetime
from types import SimpleNamespace

import pytest
from made_runs import CONFIG

from cnnlab.events import Progress, RunStarted
from cnnlab.forecasts.queue_times import House, Start, starts
from cnnlab.i18n import using
from cnnlab.runs.records import ActiveRun, State
from cnnlab.runs.store import Store
from cnnlab.sharing import Sharing
from cnnlab.system.processes import Process
from cnnlab.text import clock_text
from pages._parts.run_words import start_words

ONE = House(lambda device: 1)


def run(name: str, owner: str = "", choice: str = "auto", device: str = "") -> ActiveRun:
    state = State.RUNNING if device else State.QUEUED
    return ActiveRun(name, state, CONFIG.change(device=choice), device, Process(0, ""), owner)


def times(active, left, house=ONE, turns=()):
    """By name: the seconds from now on, or the place where that is not known."""
    found = starts(active, dict(turns), 1_000.0, lambda run: left.get(run.id), house)
    return {name: start.at - 1_000 if start.at is not None else f"place {start.place}" for name, start in found.items()}


def test_runs_follow_each_other_on_one_device():
    active = [run("a", device="cpu"), run("b"), run("c")]
    assert times(active, {"a": 60, "b": 30, "c": 5}) == {"b": 60, "c": 90}


def test_owners_take_turns_as_the_dispatcher_lets_them():
    active = [run("a", "Ana", device="cpu"), run("b", "Ana"), run("c", "Ben")]
    assert times(active, {"a": 60, "b": 30, "c": 5}, turns={"Ana": 3}) == {"c": 60, "b": 65}


def test_what_comes_after_a_run_without_a_forecast_has_a_place_and_no_time():
    active = [run("a", device="cpu"), run("b"), run("c"), run("d")]
    assert times(active, {"a": 60, "c": 30, "d": 1}) == {"b": 60, "c": "place 2", "d": "place 3"}


def test_devices_and_runs_at_a_time_are_counted():
    active = [
        run("a", device="cuda:0"), run("b", device="cuda:1"), run("c"), run("d"), run("e", choice="cuda:1"),
        run("f", choice="cpu"), run("g", choice="cuda"),
    ]  # fmt: skip
    left = dict.fromkeys("cdefg", 10) | {"a": 50, "b": 20}
    assert times(active, left) == {"c": 20, "d": 30, "e": 40, "f": 0, "g": 50}
    two = House(lambda device: 2)
    assert times([run("a", device="cpu"), run("b"), run("c")], {"a": 60, "b": 30}, two) == {"b": 0, "c": 30}


def test_an_owner_with_enough_runs_is_passed_by():
    active = [run("a", "Ana", device="cpu"), run("b", "Ana"), run("c", "Ben")]
    house = House(lambda device: 2, parallel=lambda owner: 1)
    assert times(active, {"a": 60, "b": 30, "c": 5}, house) == {"c": 0, "b": 60}
    together = House(lambda device: 2, parallel=lambda owner: 1, account=lambda owner: None)
    assert times(active, {"a": 60, "b": 30, "c": 5}, together) == {"c": 60, "b": 65}


def test_long_runs_give_way_after_their_slice_and_come_back():
    active = [run("a", "Ana", device="cpu"), run("b", "Ben"), run("c", "Cem")]
    house = House(lambda device: 1, slice_seconds=100)
    assert times(active, {"a": 1_000, "b": 250, "c": 10}, house) == {"b": 100, "c": 200}
    assert times(active, {"b": 250, "c": 10}, house) == {"b": 100, "c": 200}, "a slice ends whatever the run still needs"
    alone = [run("a", "Ana", device="cpu"), run("b", "Ana")]
    assert times(alone, {"a": 1_000, "b": 250}, house) == {"b": 1_000}


def test_a_hundred_runs_that_wait_are_simulated_in_a_moment():
    active = [run("a", "x", device="cpu"), *(run(f"{n}", f"{n % 7}") for n in range(100))]
    began = time.perf_counter()
    found = times(active, {"a": 9_000} | {f"{n}": 4_000 for n in range(100)}, House(lambda device: 1, slice_seconds=1_200))
    assert time.perf_counter() - began < 1.0  # 0.05 s on two idle cores; pages ask once a second
    assert len(found) == 100


def test_the_lab_reads_what_is_left_of_each_run_and_whose_day_is_over(tmp_path, limit):
    limit("minutes_a_day = 5")
    noon = datetime(2026, 11, 25, 12).timestamp()
    with closing(Store(tmp_path, clock=lambda: noon)) as store:
        first, second, third = (store.create(CONFIG.change(epochs=2), str(n), owner="Ana") for n in range(3))
        store.transition(first, State.STARTING, device="cpu")
        store.add(first, RunStarted("cpu", "CPU", 61_706, 50, 50, 2, 20, 10), to=State.RUNNING)
        store.add(first, Progress(1, 1, 2, 1, 2.0, 0.25, 9_500.0, 0.1, 0.25, 10.0, 30.0))
        store.add(second, Progress(1, 1, 2, 1, 2.0, 0.25, 9_500.0, 0.1, 0.25, 10.0, 30.0))  # half an epoch of two, and back
        forecasts = SimpleNamespace(forecast=lambda config, calibrate: SimpleNamespace(seconds_total=None, rough_seconds=70.0))
        sharing = Sharing(store, forecasts, lambda: True, lambda: noon)
        assert sharing.starts() == {second: Start(1, noon + 30), third: Start(2, noon + 60)}
        assert sharing.usage("Ana").minutes_today == pytest.approx(20 / 60)

        kept = sharing.starts()
        sharing._read_again = 0.0  # a second later nothing has moved
        assert sharing.starts() is kept
        store.stop(second)
        sharing._read_again = 0.0
        assert sharing.starts() == {third: Start(1, noon + 30)}, "a queue that has changed is counted again"

        store.add(first, Progress(1, 1, 2, 1, 2.0, 0.25, 9_500.0, 0.1, 0.25, 300.0, 30.0))
        assert Sharing(store, forecasts, lambda: True, lambda: noon).starts() == dict.fromkeys((third,), Start(0, None))


def test_a_place_and_a_time_are_words():
    noon = datetime(2026, 11, 25, 12).timestamp()
    later = [noon + 8_400, noon + 75_900, noon + 200_000]
    assert [clock_text(each, noon) for each in later] == ["14:20", "tomorrow 9:05", "2026-11-27 19:33"]
    assert start_words(Start(1, None)) == "next, after a run that has no forecast yet"
    assert start_words(Start(3, None)) == "3rd in the queue, after runs that have no forecast yet"
    assert start_words(Start(0, None)) == "when its owner has minutes again"
    with using("zh"):
        assert clock_text(noon + 75_900, noon) == "明天 9:05"
