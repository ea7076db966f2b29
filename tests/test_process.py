"""Processor and memory settings of a training process."""

import os
import platform
import subprocess
import sys
from types import SimpleNamespace

import pytest
import torch

from cnnlab.system import processes
from cnnlab.training import process

FAULTS = """
import resource, torch
from cnnlab.training import process
{prepare}
def batch():
    made = [torch.ones(10 << 20)]  # 40 MB, more than glibc keeps by default
    return sum(each[0].item() for each in made)
for _ in range(5):
    batch()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(10):
    batch()
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


BOUNDED = """
import torch
from cnnlab.system import memory
from cnnlab.training import process
known = memory.memory()
memory.memory = lambda: memory.Memory(known.total, 200 << 20)
with process.bounded_memory():
    torch.ones(25 << 20)  # 100 MB
    try:
        torch.ones(75 << 20)  # 300 MB
    except RuntimeError as error:
        print("DefaultCPUAllocator" in str(error))
    print(process.lift_bound() >> 20, process.lift_bound())
    torch.ones(75 << 20)
with process.bounded_memory():
    pass
torch.ones(75 << 20)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="Linux alone bounds it")
def test_a_process_that_trains_cannot_take_more_memory_than_there_is():
    done = subprocess.run([sys.executable, "-c", BOUNDED], check=True, capture_output=True, text=True).stdout.split()

    assert done[::2] == ["True", "None"]
    assert 200 < int(done[1]) < 2_000  # torch's own few hundred, and what was available


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="glibc's own habit")
def test_memory_is_kept_from_batch_to_batch():
    def faults(prepare: str) -> int:
        command = [sys.executable, "-c", FAULTS.format(prepare=prepare)]
        return int(subprocess.run(command, check=True, capture_output=True, text=True).stdout)

    # The fewer of two: beside other programs some batches find a new place.
    kept, returned = min(faults("assert process.keep_freed_memory()") for _ in range(2)), faults("")
    assert kept <= 4 * 10_240  # pages of 4 KiB that 40 MB have
    assert returned >= 10 * 10_240


def test_threads_are_as_many_as_given_unless_somebody_has_decided(monkeypatch):
    before = torch.get_num_threads()
    try:
        monkeypatch.setenv("OMP_NUM_THREADS", "1")
        torch.set_num_threads(1)
        process.prepare(2)
        assert torch.get_num_threads() == 1
        monkeypatch.delenv("OMP_NUM_THREADS")
        process.prepare(2)
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)


def test_cores_are_those_that_we_may_use():
    assert 1 <= processes.cores() <= (os.cpu_count() or 1)


HOME = """
import os, sys
os.umask(0o022)  # the usual one
from cnnlab.__main__ import app
"""


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has permissions of another kind")
def test_a_home_can_be_read_by_its_owner_alone(tmp_path):
    home = tmp_path / "new" / "home"
    command = [sys.executable, "-c", HOME, "runs", "--home", str(home)]
    subprocess.run(command, check=True, capture_output=True, timeout=60)
    made = [home, *home.rglob("*")]
    assert len(made) > 1
    assert [path for path in made if path.stat().st_mode & 0o077] == []


FILES = """
import resource
from cnnlab.system import processes
resource.setrlimit(resource.RLIMIT_NOFILE, {before})
print(processes.allow_many_files())
print(resource.getrlimit(resource.RLIMIT_NOFILE)[0])
"""


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such limit")
@pytest.mark.parametrize(
    ("before", "after", "sentence"), [((1_024, 8_000), 8_000, ""), ((512, 1_024), 1_024, "about 146 browsers")]
)
def test_a_server_may_open_as_many_files_as_its_user_may_and_says_where_these_are_few(before, after, sentence):
    code = FILES.format(before=before)
    message, limit = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout.splitlines()
    assert int(limit) == after
    assert (sentence in message) if sentence else not message


def times(steal: float):
    return lambda: SimpleNamespace(user=90.0, system=10.0 - steal, steal=steal)


def test_where_the_host_takes_processors_away_threads_wait_as_openmp_has_it(monkeypatch):
    for name in ("GOMP_SPINCOUNT", "KMP_BLOCKTIME", "OMP_WAIT_POLICY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(processes.psutil, "cpu_times", times(0.5))
    assert "GOMP_SPINCOUNT" in processes.thread_wait_environment()
    monkeypatch.setattr(processes.psutil, "cpu_times", times(2.0))
    assert processes.thread_wait_environment() == {}
    monkeypatch.setattr(processes.psutil, "cpu_times", lambda: SimpleNamespace(user=9.0, system=1.0))  # not reported
    assert processes.thread_wait_environment()["GOMP_SPINCOUNT"] == "10000"
