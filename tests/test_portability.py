"""What Windows and macOS do otherwise, each made to happen here. Nothing of it has run on a real Windows machine or Mac."""

from __future__ import annotations

import ctypes
import importlib
import multiprocessing
import os
import subprocess
import sys
import time
from multiprocessing.connection import Connection
from types import SimpleNamespace

import pytest
import torch
from quadrants import quadrants, settings

from cnnlab.compute import wire
from cnnlab.errors import CheckpointError, StoreError
from cnnlab.events import RunFinished
from cnnlab.system import background, disk, files, home, processes
from cnnlab.training import checkpoints, clock, compiling, engine, layout, process
from cnnlab.training.compiling import Compiler
from cnnlab.training.engine import train
from cnnlab.training.session import Session
from cnnlab.workers import spare
from cnnlab.workers.spare import Spare

REFUSED = PermissionError(13, "Access is denied")


@pytest.fixture
def platform(monkeypatch):
    """Pretends that this is another system."""
    return lambda name: monkeypatch.setattr(sys, "platform", name)


@pytest.fixture
def holds(monkeypatch):
    """Another program that holds files for some time: as often as given, replacing or deleting one is refused."""
    monkeypatch.setattr(disk, "HELD_SECONDS", 3.0)
    monkeypatch.setattr(disk, "_AGAIN_SECONDS", 0.001)

    def hold(monkeypatched, name, times):
        original, left = getattr(monkeypatched, name), [times]

        def refuse(*given, **more):
            if left[0]:
                left[0] -= 1
                raise REFUSED
            return original(*given, **more)

        monkeypatch.setattr(monkeypatched, name, refuse)

    return hold


# Processes


def test_a_background_process_has_a_console_without_a_window_on_windows(monkeypatch, platform, tmp_path):
    started = []
    platform("win32")
    monkeypatch.setattr(subprocess, "CREATE_NO_WINDOW", 0x08000000, raising=False)
    monkeypatch.setattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0x200, raising=False)
    monkeypatch.setattr(processes.subprocess, "Popen", lambda command, **how: started.append(how))
    processes.start_detached("some.module", [], tmp_path / "log.txt")

    assert started[0]["creationflags"] == 0x08000200
    assert started[0]["stdin"] == subprocess.DEVNULL


def test_a_background_process_is_not_forked_on_a_mac(monkeypatch, platform, tmp_path):
    started = []
    platform("darwin")
    monkeypatch.setattr(processes.subprocess, "Popen", lambda command, **how: started.append(how))
    monkeypatch.setattr(os, "fork", lambda: pytest.fail("forked"))
    processes.start_detached("some.module", [], tmp_path / "log.txt")
    processes.detach()

    assert started[0]["start_new_session"] is True


def test_a_process_on_a_mac_stays_known_when_the_clock_is_set(monkeypatch, platform):
    platform("darwin")
    boot, start = [1_000.0], [1_500.0]
    running = SimpleNamespace(status=lambda: "running", create_time=lambda: start[0])
    monkeypatch.setattr(processes.psutil, "Process", lambda pid: running)
    monkeypatch.setattr(processes.psutil, "boot_time", lambda: boot[0])
    known = processes.identity(7)

    boot[0], start[0] = 5_000.2, 5_500.0  # the clock was set, and adjusted a little
    assert processes.alive(7, known)
    start[0] += 30.0  # another process with this id
    assert not processes.alive(7, known)
    assert not processes.alive(7, "of an earlier version")


def test_threads_on_a_mac_are_never_more_than_torchs_own_choice(monkeypatch, platform):
    chosen = []
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    monkeypatch.setattr(process.torch, "get_num_threads", lambda: 4)
    monkeypatch.setattr(process.torch, "set_num_threads", chosen.append)
    for name, cores in (("darwin", 10), ("darwin", 2), ("win32", 10)):
        platform(name)
        process.prepare(cores)

    assert chosen == [4, 2, 10]


@pytest.mark.parametrize("decided", ["GOMP_SPINCOUNT", "KMP_BLOCKTIME", "OMP_WAIT_POLICY"])
def test_threads_wait_briefly_with_each_openmp_unless_the_user_has_decided(monkeypatch, decided):
    for name in ("GOMP_SPINCOUNT", "KMP_BLOCKTIME", "OMP_WAIT_POLICY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(processes, "_stolen", lambda: 0.0)
    assert set(processes.thread_wait_environment()) == {"GOMP_SPINCOUNT", "KMP_BLOCKTIME"}
    monkeypatch.setenv(decided, "1")
    assert processes.thread_wait_environment() == {}


# Files that another program holds


def test_a_small_file_is_replaced_and_read_once_the_other_program_lets_go(holds, monkeypatch, tmp_path):
    holds(home.Path, "replace", 5)
    home.write_private(tmp_path / "address.json", "new")
    holds(home.Path, "read_text", 5)

    assert disk.read(tmp_path / "address.json") == "new"


def test_a_refusal_is_final_where_open_files_can_be_replaced(holds, monkeypatch, tmp_path):
    holds(home.Path, "replace", 1)
    monkeypatch.setattr(disk, "HELD_SECONDS", 0.0)
    with pytest.raises(PermissionError):
        home.write_private(tmp_path / "address.json", "new")


def test_pages_know_the_dispatcher_though_its_file_is_being_replaced(holds, tmp_path):
    background.announce(tmp_path)
    holds(home.Path, "read_text", 5)
    assert background.running(tmp_path)


def test_a_checkpoint_is_saved_once_the_other_program_lets_go(holds, tmp_path):
    session = Session(settings(), quadrants())
    checkpoints.save_last(session.state(), tmp_path)
    holds(home.Path, "replace", 5)
    checkpoints.save_last(session.state(), tmp_path)

    assert checkpoints.load(tmp_path / checkpoints.LAST)["step"] == 0
    assert checkpoints.load(tmp_path / checkpoints.PREVIOUS)["step"] == 0


def test_a_checkpoint_that_stays_held_is_explained(holds, monkeypatch, platform, tmp_path):
    session = Session(settings(), quadrants())
    holds(home.Path, "replace", 10_000)
    monkeypatch.setattr(disk, "HELD_SECONDS", 0.01)
    platform("win32")
    with pytest.raises(CheckpointError, match=r"another program holds it .*virus scanners and cloud drives"):
        checkpoints.save(session.state(), tmp_path / checkpoints.BEST)
    assert not list(tmp_path.glob("*"))


def test_a_periodic_checkpoint_that_is_refused_comes_later_and_ends_no_run(monkeypatch, tmp_path):
    saves = []
    original = checkpoints.save_last

    def save_last(state, folder, *, best):
        saves.append(state["batch"])
        if len(saves) == 1:
            raise CheckpointError("The checkpoint last.pt cannot be written.") from REFUSED
        original(state, folder, best=best)

    monkeypatch.setattr(engine.checkpoints, "save_last", save_last)
    events = list(train(settings(epochs=2), quadrants(), folder=tmp_path, progress_every=0.0, checkpoint_every=0.0))

    assert isinstance(events[-1], RunFinished)
    assert 0 < saves[0] < saves[1]  # within the first epoch, and again later


def test_a_run_is_deleted_once_its_log_is_closed(holds, monkeypatch, tmp_path):
    folder = tmp_path / "runs" / "a1b2c3d4"
    folder.mkdir(parents=True)
    (folder / "log.txt").write_text("text")
    holds(files.shutil, "rmtree", 3)
    files.delete_run(tmp_path, "a1b2c3d4")
    assert not folder.exists()

    folder.mkdir()
    holds(files.shutil, "rmtree", 10_000)
    monkeypatch.setattr(disk, "HELD_SECONDS", 0.01)
    with pytest.raises(StoreError, match="Access is denied"):
        files.delete_run(tmp_path, "a1b2c3d4")


def test_a_home_without_sockets_has_a_helper_all_the_same(monkeypatch, tmp_path):
    original = wire.Listener

    def listener(place, family, **more):
        if family == "AF_UNIX":
            raise OSError(95, "Operation not supported")
        return original(place, family, **more)

    monkeypatch.setattr(wire, "Listener", listener)
    listening, address = wire.listen(tmp_path)
    with listening:
        assert address.place[0] == "127.0.0.1"
        wire.connect(address).close()


# Training


def test_a_night_with_the_lid_closed_counts_nothing_on_windows(monkeypatch, platform):
    ticks = [50_000_000]

    def ask(pointer):
        pointer._obj.value = ticks[0]

    platform("win32")
    monkeypatch.setattr(ctypes, "WinDLL", lambda name: SimpleNamespace(QueryUnbiasedInterruptTime=ask), raising=False)
    try:
        there = importlib.reload(clock)
        assert there.seconds() == 5.0
        ticks[0] += 10_000_000
        assert there.seconds() == 6.0
    finally:
        monkeypatch.undo()
        importlib.reload(clock)
    assert clock.seconds is time.perf_counter


def test_weights_lie_in_pytorchs_usual_order_on_apples_gpu():
    moved = []
    model = SimpleNamespace(to=lambda device, memory_format: moved.append(memory_format))
    for kind in ("mps", "cuda"):
        assert layout.arrange(model, torch.device(kind)) == []
    assert moved == [torch.contiguous_format, torch.channels_last]


@pytest.fixture
def to_compile(monkeypatch):
    """A session whose network is to be compiled; the test fails where a process is started for it."""
    monkeypatch.setattr(compiling.subprocess, "Popen", lambda *_, **__: pytest.fail("a compiling process was started"))
    return Session(settings(compile=True, epochs=2), quadrants())


def test_nothing_is_compiled_without_a_compiler_and_the_run_says_so_once(monkeypatch, to_compile, tmp_path):
    monkeypatch.setattr(compiling, "compiler", lambda: None)
    begun = Compiler(to_compile, tmp_path)

    notice = begun.poll(1e6)
    assert notice.message == "The network is not compiled: PyTorch needs a C++ compiler for it, and g++ was not found."
    assert begun.poll(1e6) is None


@pytest.mark.parametrize(("device", "reason"), [("mps", "wrong or slow"), ("cuda", "Triton"), ("cpu", "")])
def test_each_device_has_its_reason(monkeypatch, device, reason):
    monkeypatch.setattr(compiling.importlib.util, "find_spec", lambda name: None)
    monkeypatch.setattr(compiling, "compiler", lambda: "/usr/bin/g++")
    found = compiling.cannot_compile(torch.device(device))
    assert reason in found
    assert bool(found) == bool(reason)


@pytest.mark.parametrize(("tools", "found"), [(0, "/usr/bin/clang++"), (2, None)])
def test_a_mac_without_developer_tools_has_no_compiler_though_a_program_has_its_name(monkeypatch, platform, tools, found):
    platform("darwin")
    monkeypatch.setattr(compiling, "_NAMES", ("clang++",))
    monkeypatch.delenv("CXX", raising=False)
    monkeypatch.setattr(compiling.shutil, "which", lambda name: f"/usr/bin/{name}")
    monkeypatch.setattr(compiling.subprocess, "run", lambda *_, **__: SimpleNamespace(returncode=tools))
    assert compiling.compiler() == found


def test_a_network_that_failed_to_compile_is_not_tried_again_for_a_day(monkeypatch, tmp_path):
    monkeypatch.setattr(compiling, "compiler", lambda: "/usr/bin/g++")
    session = Session(settings(compile=True, epochs=2), quadrants())
    failed = SimpleNamespace(communicate=lambda: ('{"error": "no header"}', None), returncode=1)
    Compiler(session, tmp_path)._answer(failed)
    monkeypatch.setattr(compiling.subprocess, "Popen", lambda *_, **__: pytest.fail("a compiling process was started"))

    assert Compiler(session, tmp_path).poll(1e6).message.startswith("The network could not be compiled (no header)")

    now = time.time()
    monkeypatch.setattr(compiling.time, "time", lambda: now + 24 * 3600 + 60)
    assert Compiler(session, tmp_path)._known == {}


@pytest.mark.parametrize(("free", "fits"), [(3 << 30, True), (2 << 30, False)])
def test_a_network_is_compiled_beside_a_run_only_where_both_fit_on_the_gpu(monkeypatch, to_compile, tmp_path, free, fits):
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda device: (free, 80 << 30))
    monkeypatch.setattr(torch.cuda, "max_memory_reserved", lambda device: 2 << 30)
    assert compiling.fits_beside(torch.device("cuda:0")) is fits
    assert compiling.fits_beside(torch.device("cpu"))

    monkeypatch.setattr(compiling, "compiler", lambda: "/usr/bin/g++")
    monkeypatch.setattr(compiling, "fits_beside", lambda device: False)
    notice = Compiler(to_compile, tmp_path).poll(1e6)
    assert notice.message.endswith("the GPU has too little free memory to compile beside the training.")


def test_the_compiling_process_ends_when_the_run_does_on_every_system():
    program = "import os, time; from cnnlab.training import compile_ahead; compile_ahead._end_with_the_run(); time.sleep(60)"
    with subprocess.Popen([sys.executable, "-c", program], stdin=subprocess.PIPE) as compiling_process:
        compiling_process.stdin.close()
        assert compiling_process.wait(60) == 1


# The spare process


class Waiting:
    """A process that waits for a run, and the two ends of its pipe."""

    def __init__(self, target, home, reader):
        self.target, self.reader, self.alive, self.joined = target, reader, True, False

    def is_alive(self):
        return self.alive

    def join(self, _seconds=None):
        self.joined = True


@pytest.fixture
def started(monkeypatch):
    processes = []
    monkeypatch.setattr(spare.forecaster, "available", lambda: spare.ROOM)
    monkeypatch.setattr(spare.runner, "run_in_process", lambda home, run_id: processes.append(f"trains {run_id}"))
    return processes


@pytest.fixture
def prepared(tmp_path, started):
    context = multiprocessing.get_context("spawn")

    def start(target, home, reader):
        # The reader's own copy: the spare closes what it was given.
        process = Waiting(target, home, Connection(os.dup(reader.fileno())))
        started.append(process)
        return process

    made = Spare(tmp_path, context, start)
    yield made
    made.close()


def test_a_spare_process_trains_the_next_run_and_one_alone_waits(prepared, started, monkeypatch, tmp_path):
    monkeypatch.setattr(spare, "load_here", lambda names: None)
    assert prepared.take("a1b2c3d4") is None
    prepared.prepare()
    prepared.prepare()
    (process,) = started

    assert prepared.take("a1b2c3d4") is process
    spare.wait(tmp_path, process.reader)
    assert started[1:] == ["trains a1b2c3d4"]
    assert prepared.take("b1b2c3d4") is None


def test_a_spare_process_ends_with_the_dispatcher(prepared, started, monkeypatch, tmp_path):
    monkeypatch.setattr(spare, "load_here", lambda names: None)
    prepared.prepare()
    prepared.close()

    spare.wait(tmp_path, started[0].reader)
    assert started[1:] == []
    assert started[0].joined


def test_no_spare_process_waits_where_memory_is_short_and_a_dead_one_is_replaced(prepared, started, monkeypatch):
    prepared.prepare()
    started[0].alive = False
    started[0].reader.close()
    assert prepared.take("a1b2c3d4") is None  # it died
    prepared.prepare()
    assert len(started) == 2

    prepared.close()
    monkeypatch.setattr(spare.forecaster, "available", lambda: spare.ROOM - 1)
    prepared.prepare()
    assert len(started) == 2
