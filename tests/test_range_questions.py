"""Range tests in processes of their own: one at a time, followed line by line, ended on request, and forgotten after a while."""

from __future__ import annotations

import io
import json
import os
import threading
from types import SimpleNamespace

import pytest
from waiting import wait_for

from cnnlab.compute import child, range_process, range_tests, typed
from cnnlab.compute.rate_finder import RateFinder
from cnnlab.config import RunConfig
from cnnlab.errors import ComputeError, DataError
from cnnlab.values import RangeTest, RangeTestState

CONFIG = RunConfig.make(device="cpu")
CURVE = RangeTest((0.1, 0.2), (2.0, 1.0), 100, 0.02)


class Process:
    """A process that prints `lines`, and then waits until `may_end`."""

    def __init__(self, lines, returned=0, may_end=None):
        self.stdin, self.killed, self.returned = io.StringIO(), False, returned
        self.stdin.close = lambda: None
        self._lines, self._may_end = lines, may_end or threading.Event()
        if may_end is None:
            self._may_end.set()

    @property
    def stdout(self):
        yield from (json.dumps(line) + "\n" for line in self._lines)
        self._may_end.wait(10)

    def kill(self):
        self.killed, self.returned = True, -9
        self._may_end.set()

    def wait(self):
        return self.returned

    def __enter__(self):
        return self

    def __exit__(self, *error):
        return None


def line(curve=CURVE):
    return json.loads(typed.write(curve))


@pytest.fixture
def processes(monkeypatch):
    """The processes to be started, in order; `started` has the commands."""
    waiting, started = [], []

    def popen(command, **_):
        started.append(command[1:])
        return waiting.pop(0)

    monkeypatch.setattr(range_tests.subprocess, "Popen", popen)
    monkeypatch.setattr(range_tests, "_tests", range_tests.OrderedDict())
    return SimpleNamespace(waiting=waiting, started=started)


def ended(home, config=CONFIG):
    wait_for(lambda: range_tests.range_test(home, config).state != "running")
    return range_tests.range_test(home, config)


def test_nothing_runs_until_it_is_asked_for(tmp_path, processes):
    assert range_tests.range_test(tmp_path, CONFIG) == RangeTestState("none")
    assert processes.started == []


def test_a_test_is_followed_step_by_step_and_its_result_is_remembered(tmp_path, processes):
    may_end = threading.Event()
    process = Process([line(RangeTest((0.1,), (2.0,), 100, None)), line()], may_end=may_end)
    processes.waiting.append(process)

    assert range_tests.range_test(tmp_path, CONFIG, start=True).state == "running"
    wait_for(lambda: range_tests.range_test(tmp_path, CONFIG).result == CURVE)
    assert range_tests.range_test(tmp_path, CONFIG, start=True).state == "running"  # the same one
    may_end.set()

    assert ended(tmp_path) == RangeTestState("done", CURVE)
    assert range_tests.range_test(tmp_path, CONFIG.change(learning_rate=3.0), start=True) == RangeTestState("done", CURVE)
    assert processes.started == [["-m", "cnnlab.compute.range_process"]]
    question = json.loads(process.stdin.getvalue())
    assert (question["config"], question["home"], question["data"]) == (CONFIG.model_dump(mode="json"), str(tmp_path), None)


@pytest.mark.parametrize(
    ("lines", "returned", "problem"),
    [
        ([{"error": "The data set is gone."}], 0, "The data set is gone."),
        ([line()], 1, range_tests.NO_RESULT),  # its time was over
        ([], 0, range_tests.NO_RESULT),
        ([line(), {"rates": 5}], 0, range_tests.NO_RESULT),
    ],
)
def test_a_test_that_fails_says_why_and_can_be_tried_again(tmp_path, processes, lines, returned, problem):
    processes.waiting += [Process(lines, returned), Process([line()])]

    range_tests.range_test(tmp_path, CONFIG, start=True)
    assert ended(tmp_path) == RangeTestState("failed", problem=problem)

    range_tests.range_test(tmp_path, CONFIG, start=True)
    assert ended(tmp_path).state == "done"


def test_a_test_that_is_cancelled_ends_its_process(tmp_path, processes):
    process = Process([line()], may_end=threading.Event())
    processes.waiting.append(process)
    range_tests.range_test(tmp_path, CONFIG, start=True)
    wait_for(lambda: range_tests.range_test(tmp_path, CONFIG).result == CURVE)

    assert range_tests.range_test(tmp_path, CONFIG, cancel=True) == RangeTestState("none")

    assert process.killed
    assert range_tests.range_test(tmp_path, CONFIG, cancel=True) == RangeTestState("none")


def test_a_test_waits_for_the_one_before_and_is_not_begun_once_cancelled(tmp_path, processes):
    may_end, other, third = threading.Event(), CONFIG.change(seed=1), CONFIG.change(seed=2)
    processes.waiting += [Process([line()], may_end=may_end), Process([line()])]
    range_tests.range_test(tmp_path, CONFIG, start=True)
    wait_for(lambda: processes.started)

    for config in (other, third):
        range_tests.range_test(tmp_path, config, start=True)
    range_tests.range_test(tmp_path, other, cancel=True)
    assert len(processes.started) == 1
    may_end.set()

    assert ended(tmp_path, third).state == "done"
    assert len(processes.started) == 2


def test_only_the_last_results_are_remembered(tmp_path, processes, monkeypatch):
    monkeypatch.setattr(range_tests, "REMEMBERED", 2)
    processes.waiting += [Process([line()]) for _ in range(4)]

    for seed in range(4):
        range_tests.range_test(tmp_path, CONFIG.change(seed=seed), start=True)
        ended(tmp_path, CONFIG.change(seed=seed))

    states = [range_tests.range_test(tmp_path, CONFIG.change(seed=seed)).state for seed in range(4)]
    assert states == ["none", "none", "done", "done"]


def answered(monkeypatch, capsys, tests):
    """What the process prints when its training is `tests`."""
    ends, taken = [], []
    data = SimpleNamespace(take=lambda *part: taken.append(part) or "part")
    monkeypatch.setattr("cnnlab.training.process.prepare", lambda cores: None)
    monkeypatch.setattr("cnnlab.system.processes.die_first", lambda score: None)
    monkeypatch.setattr("cnnlab.datasets.loading.load", lambda name, places: data)
    monkeypatch.setattr("cnnlab.training.range_test.range_test", tests)
    monkeypatch.setattr(child.threading, "Timer", lambda *given: SimpleNamespace(start=lambda: ends.append(given)))
    question = {"config": CONFIG.change(data_share=0.5, seed=3).model_dump(mode="json"), "home": "home", "data": None}
    monkeypatch.setattr("sys.stdin", io.StringIO(json.dumps(question)))
    range_process.main()
    assert ends == [(60.0, os._exit, (1,))]
    assert taken == [(0.5, None, 3)]
    return [json.loads(text) for text in capsys.readouterr().out.splitlines()]


def test_the_process_prints_each_curve_of_the_images_that_a_run_would_take(monkeypatch, capsys):
    printed = answered(monkeypatch, capsys, lambda config, data: iter([CURVE, CURVE]) if data == "part" else None)

    assert [typed.read(RangeTest, each) for each in printed] == [CURVE, CURVE]


def test_the_process_prints_the_sentence_of_an_error(monkeypatch, capsys):
    def refuses(config, data):
        raise ComputeError("A step takes too long.")
        yield

    assert answered(monkeypatch, capsys, refuses) == [{"error": "A step takes too long."}]


class Helper:
    def __init__(self, state, refusal=None):
        self.asked, self._state, self._refusal = [], state, refusal

    def ask(self, question, /, **arguments):
        if question == "check_run" and self._refusal:
            raise self._refusal
        self.asked.append((question, arguments.get("start", False), arguments.get("cancel", False)))
        return RangeTestState(self._state)


@pytest.mark.parametrize(("state", "asked"), [("none", 3), ("failed", 3), ("running", 1), ("done", 1)])
def test_what_runs_or_is_known_is_not_started_again(state, asked):
    helper = Helper(state)

    RateFinder(helper, None).test(CONFIG)

    assert helper.asked == [("range_test", False, False), ("check_run", False, False), ("range_test", True, False)][:asked]


def test_settings_that_could_not_be_trained_are_refused_before_a_process_starts():
    helper = Helper("none", DataError("MNIST is not on this machine."))

    with pytest.raises(DataError):
        RateFinder(helper, None).test(CONFIG)

    assert helper.asked == [("range_test", False, False)]


def test_a_test_can_be_looked_at_and_cancelled():
    helper = Helper("running")

    RateFinder(helper, None).state(CONFIG)
    RateFinder(helper, None).cancel(CONFIG)

    assert helper.asked == [("range_test", False, False), ("range_test", False, True)]
