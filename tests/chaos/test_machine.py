"""What a machine can do to a lab, in full: a full disk, a record that another program holds, a crowd. Minutes each: --slow."""

import asyncio
import resource
import sqlite3
import statistics
import subprocess
import sys
import time
from collections import Counter
from contextlib import closing

import psutil
import pytest

from benchmarks.fetcher import Fetcher
from benchmarks.serving import serving
from benchmarks.visitor import run as in_a_loop
from benchmarks.visitor import visiting
from cnnlab.config import RunConfig
from cnnlab.lab import Lab
from cnnlab.runs.records import State
from cnnlab.system import background, room

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="mounts, limits and /proc as Linux has them")

TINY = RunConfig.make(limit=200, batch_size=20, epochs=2, device="cpu", options={"activation": "relu"})
ENDED = {State.FINISHED, State.FAILED, State.STOPPED}


@pytest.fixture(autouse=True)
def _slow(request):
    if not request.config.getoption("--slow"):
        pytest.skip(
            "minutes; tests/test_journal.py, test_disks.py, test_compute.py and test_process.py have the small forms: --slow"
        )


def until(condition, seconds):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, f"not within {seconds} s"
        time.sleep(0.2)


def note(text):
    print(text, flush=True)  # noqa: T201 - for docs/RESULTS.md, with -s


# A full disk


@pytest.fixture
def small_disk(tmp_path):
    disk = tmp_path / "disk"
    disk.mkdir()
    try:
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=30m", "tmpfs", str(disk)], check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("needs the right to mount")
    yield disk
    subprocess.run(["umount", "-l", str(disk)], check=True)


def fill(disk):
    """Writes to the last byte, as another program would."""
    with (disk / "other").open("ab", buffering=0) as file:
        for size in (1 << 16, 1 << 12, 1):
            while True:
                try:
                    file.write(b"x" * size)
                except OSError:
                    break


@pytest.mark.parametrize("killed", [False, True], ids=["processes live", "processes die"])
def test_no_queued_run_fails_on_a_full_disk_and_users_can_make_room(small_disk, killed):
    lab = Lab(small_disk / "home")
    try:
        runs = [lab.start(TINY.change(epochs=60, seed=number), token=str(number)) for number in range(12)]
        until(lambda: lab.run(runs[0]).state is State.FINISHED and lab.run(runs[1]).epochs_done >= 2, 300)
        reserve = lab.home / "private" / "reserve"
        assert reserve.exists()
        for _ in range(20):  # the training goes on writing meanwhile
            fill(small_disk)
            time.sleep(0.5)
        if killed:
            background.shut_down(lab.home)
            lab.close()
            lab = Lab(small_disk / "home")
            fill(small_disk)
        states = Counter(run.state for run in lab.runs())
        note(f"full: {dict(states)}, {room.free(small_disk)} bytes free, reserve {'kept' if reserve.exists() else 'used'}")
        assert states[State.FAILED] == 0
        assert len(lab.runs()) == len(lab.summaries().runs) == 12
        assert "disk of the lab is full" in lab.queue_waits()
        time.sleep(10)  # as many would have failed in turn
        assert not [run for run in lab.runs() if run.state is State.FAILED]

        lab.delete(runs[0])  # also where the other program has taken the reserve: the run's files make the room
        assert {run.id for run in lab.runs()} == set(runs[1:])
        lab.stop(runs[-1])
        assert lab.run(runs[-1]).state is State.STOPPED

        (small_disk / "other").unlink()
        lab.resume(runs[-1])

        def all_ended():
            lab.ready()
            return all(run.state in ENDED for run in lab.runs())

        until(all_ended, 900)
        note(f"room again: {dict(Counter(run.state for run in lab.runs()))}")
        assert {run.state for run in lab.runs()} == {State.FINISHED}
        for run in lab.runs():
            assert [done.epoch for done in lab.epochs(run.id)] == list(range(1, 61))
    finally:
        lab.shut_down()


# A record that another program holds


@pytest.mark.parametrize("seconds", [15, 180])
def test_a_record_that_is_held_delays_runs_and_ends_none(tmp_path, seconds):
    lab = Lab(tmp_path / "home")
    try:
        long = lab.start(TINY.change(limit=2_000, batch_size=10, epochs=40), token="long")
        until(lambda: lab.run(long).epochs_done >= 1, 120)
        following = lab.start(TINY, token="next")
        with closing(sqlite3.connect(lab.home / "lab.sqlite", isolation_level=None)) as other:
            other.execute("BEGIN EXCLUSIVE")
            before = lab.run(long).epochs_done
            checkpoint = (lab.home / "runs" / long / "last.pt").stat().st_mtime_ns
            time.sleep(seconds)
            trained_on = (lab.home / "runs" / long / "last.pt").stat().st_mtime_ns > checkpoint
            assert {run.state for run in lab.runs()} <= {State.RUNNING, State.QUEUED}
            other.execute("ROLLBACK")
        until(lambda: all(lab.run(each).state in ENDED for each in (long, following)), 900)
        runs = [lab.run(each) for each in (long, following)]
        note(
            f"{seconds} s: epoch {before} before, trained meanwhile: {trained_on}, then {[(r.state, r.epochs_done) for r in runs]}"
        )
        assert trained_on
        assert [run.state for run in runs] == [State.FINISHED, State.FINISHED]
        assert [run.resumes for run in runs] == [0, 0]
        assert [done.epoch for done in lab.epochs(long)] == list(range(1, 41))
        steps = [event.step for event in lab.progress(long, 100_000) if event.phase == "training"]
        assert steps == sorted(set(steps))
    finally:
        lab.shut_down()


# A crowd


async def open_design(address, number, connections=0):
    """Seconds until Design is drawn for a network that nobody has asked for, and the errors on it; or why there was no answer."""
    extra = [Fetcher(address) for _ in range(connections)]
    began = time.perf_counter()
    try:
        for fetcher in extra:  # a browser's other connections, kept open
            status, _, _ = await fetcher.get("_stcore/health")
            assert status == 200
        async with visiting(address, "", f"architecture=lenet&classes={11 + number}") as tab:
            await tab.load()
            await asyncio.sleep(5 if connections else 0)
            return time.perf_counter() - began, tuple(tab.alerts)
    except Exception as error:
        return None, (f"{type(error).__name__} {error}",)
    finally:
        for fetcher in extra:
            fetcher.close()


def crowd(address, count, connections=0):
    async def all_at_once():
        return await asyncio.gather(*(open_design(address, number, connections) for number in range(count)))

    results = in_a_loop(all_at_once())
    times = sorted(seconds for seconds, _ in results if seconds is not None)
    alerts = Counter(alert for _, alerts in results for alert in alerts)
    note(
        f"{count} visitors: {len(times)} answered, median {statistics.median(times):.1f} s, "
        f"last {times[-1]:.1f} s, messages {dict(alerts)}"
    )
    return times, alerts


def test_two_hundred_visitors_who_open_design_at_once_are_all_answered(tmp_path, monkeypatch):
    monkeypatch.setattr("benchmarks.visitor.PATIENCE", 300.0)
    with serving(tmp_path / "home") as server:
        crowd(server.address, 1)  # the helper has started
        times, alerts = crowd(server.address, 200)
        helper = max(psutil.Process(background.known(server.home).pid).children(), key=lambda child: child.create_time())
        note(f"the helper holds {helper.num_fds()} files, the server {server.process.num_fds()}")
        again, _ = crowd(server.address, 1)
    assert len(times) == 200
    assert not alerts
    assert again[0] < 10


def test_clients_beyond_the_common_limit_of_descriptors_are_answered(tmp_path, monkeypatch):
    monkeypatch.setattr("benchmarks.visitor.PATIENCE", 300.0)
    before = resource.getrlimit(resource.RLIMIT_NOFILE)

    async def visit(address):
        return await asyncio.gather(*(open_design(address, 0, 6) for _ in range(160)))

    resource.setrlimit(resource.RLIMIT_NOFILE, (1_024, before[1]))  # the server inherits it
    try:
        with serving(tmp_path / "home") as server:
            resource.setrlimit(resource.RLIMIT_NOFILE, before)
            limit, _ = resource.prlimit(server.process.pid, resource.RLIMIT_NOFILE)
            results = in_a_loop(visit(server.address))
            answered = sum(seconds is not None for seconds, _ in results)
            log = next(tmp_path.glob("server-*.log")).read_text()
            note(f"limit {limit}: {answered} of 160 answered, {log.count('Too many open files')} times too many open files")
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)
    assert answered == 160
    assert "Too many open files" not in log
