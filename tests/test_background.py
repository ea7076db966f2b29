"""The background process as others see it: when it is started again, why it does not run, why the queue waits, and its end."""

from __future__ import annotations

import os
from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest

from cnnlab.errors import ComputeError, InstallationError
from cnnlab.system import background, home, processes, room
from cnnlab.system.processes import Process


@pytest.fixture
def left(monkeypatch):
    """Sets how many bytes are free on the disk."""
    return lambda count: monkeypatch.setattr(room, "free", lambda folder: count)


@pytest.fixture
def starts(tmp_path, monkeypatch):
    """What starts the dispatcher, with its arguments; a clock to be set, and no dispatcher that announces itself."""
    started, clock = [], [1_000.0]
    monkeypatch.setattr(processes, "start_detached", lambda *given: started.append(given))
    monkeypatch.setattr(processes, "thread_wait_environment", lambda: {"GOMP_SPINCOUNT": "5"})
    monkeypatch.setattr(background, "time", SimpleNamespace(monotonic=lambda: clock[0]))
    monkeypatch.setattr(background, "_starts", {})
    monkeypatch.setattr(background, "_before", {})
    return SimpleNamespace(started=started, clock=clock, home=tmp_path)


def announced(home_folder: Path, pid: int, started: str) -> None:
    home.write_private(home_folder / "private" / "dispatcher.json", f'{{"pid": {pid}, "pid_started": "{started}"}}')


def test_the_dispatcher_is_started_with_its_home_log_and_environment(starts):
    (starts.home / "dispatcher-error.txt").write_text("an old error")
    background.ensure(starts.home)

    environment = {"OPENBLAS_NUM_THREADS": "1", "GOMP_SPINCOUNT": "5"}
    assert starts.started == [
        ("cnnlab.workers.dispatcher", ["--home", str(starts.home)], starts.home / "dispatcher.log", environment)
    ]
    assert not (starts.home / "dispatcher-error.txt").exists()


def test_a_dispatcher_that_runs_is_not_started_again(starts):
    background.announce(starts.home)
    background.ensure(starts.home)
    assert starts.started == []


def test_a_start_has_ten_seconds_before_the_next_and_the_fourth_says_where_to_look(starts):
    counts = []
    for seconds in (0, 9.9, 0.2, 9.9, 0.2):
        starts.clock[0] += seconds
        background.ensure(starts.home)
        counts.append(len(starts.started))
    starts.clock[0] += 10.1
    with pytest.raises(ComputeError, match=r"^The background process did not start: its file dispatcher\.log in the lab's folder"):
        background.ensure(starts.home)
    background.ensure(starts.home)  # and then from the beginning

    assert counts == [1, 1, 2, 2, 3]
    assert len(starts.started) == 4


def test_on_a_full_disk_nothing_can_start_and_that_is_no_error(starts, left):
    left(0)
    for _ in range(background.ATTEMPTS + 1):
        background.ensure(starts.home)
        starts.clock[0] += 11.0
    assert len(starts.started) == background.ATTEMPTS


def test_one_that_had_come_up_and_ended_is_started_again_after_a_second_as_often_as_that_happens(starts):
    for number in range(5):
        background.ensure(starts.home)
        announced(starts.home, 1, f"ended {number}")
        starts.clock[0] += 0.9
        background.ensure(starts.home)
        assert len(starts.started) == number + 1
        starts.clock[0] += 0.2


def test_the_error_of_another_start_is_not_raised_and_that_of_this_one_is_once(starts):
    background.write_startup_error(starts.home, InstallationError("An old one."))
    background.ensure(starts.home)
    background.write_startup_error(starts.home, InstallationError("torch is missing."))

    with pytest.raises(InstallationError, match=r"^torch is missing\.$"):
        background.ensure(starts.home)
    background.ensure(starts.home)
    assert len(starts.started) == 2


@pytest.mark.parametrize("content", [None, "", "[]", "{}", '{"pid": "x", "pid_started": ""}', '{"pid": 5}'])
def test_a_dispatcher_that_has_not_announced_itself_is_nobody(tmp_path, content):
    if content is not None:
        home.write_private(tmp_path / "private" / "dispatcher.json", content)
    assert background.known(tmp_path) == Process(0, "")
    assert not background.running(tmp_path)


def test_announcing_names_this_process_and_clears_errors_and_reasons_of_before(tmp_path):
    background.write_startup_error(tmp_path, InstallationError("x"))
    background.write_waiting(tmp_path, "y")
    background.announce(tmp_path)

    assert background.known(tmp_path) == processes.current()
    assert background.running(tmp_path)
    assert not background.error_file(tmp_path).exists()
    assert background.waiting(tmp_path) == ""


def test_why_the_queue_waits_is_what_the_dispatcher_says_while_it_runs_and_a_full_disk_first(tmp_path, left):
    left(10**9)
    background.announce(tmp_path)
    background.write_waiting(tmp_path, "The record is locked.")
    assert background.waiting(tmp_path) == "The record is locked."
    left(5_000_000)
    assert background.waiting(tmp_path).startswith("The disk of the lab is full (5 MB free)")
    left(10**9)
    announced(tmp_path, os.getpid(), "an earlier process")
    assert background.waiting(tmp_path) == ""
    background.announce(tmp_path)
    background.write_waiting(tmp_path, "The record is locked.")
    background.write_waiting(tmp_path, "")
    assert background.waiting(tmp_path) == ""


def test_shutting_down_ends_the_dispatcher_and_its_children_and_nobody_else(tmp_path, monkeypatch):
    ended = []
    monkeypatch.setattr(processes, "end", ended.append)
    background.shut_down(tmp_path)
    announced(tmp_path, os.getpid(), "an earlier process")
    background.shut_down(tmp_path)
    assert ended == []

    def children(self, recursive=False):
        return ["child", "grandchild"] if recursive else ["child"]

    monkeypatch.setattr(psutil.Process, "children", children)
    background.announce(tmp_path)
    background.shut_down(tmp_path)
    assert ended == [[psutil.Process(), "child", "grandchild"]]
