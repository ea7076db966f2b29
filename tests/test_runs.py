"""Runner and dispatcher: what happens to a run when users intervene and processes die."""

import os
import re
import subprocess
import sys
import time

import psutil
import pytest
import torch
from waiting import wait_for

from cnnlab.config import RunConfig
from cnnlab.datasets.loading import load
from cnnlab.datasets.places import Places
from cnnlab.errors import CNNLabError, ComputeError, DataError, InstallationError, RunStateError
from cnnlab.events import EpochDone, Progress, RunFailed, RunFinished, RunStarted, RunStopped
from cnnlab.lab import Lab
from cnnlab.runs.records import State
from cnnlab.runs.store import Store
from cnnlab.system import background, processes
from cnnlab.system.processes import Process
from cnnlab.workers import dispatcher, runner
from cnnlab.workers.watch import interrupt_lost_runs

TINY = RunConfig.make(limit=100, batch_size=20, epochs=1, device="cpu", options={"activation": "relu"})
LONG = TINY.change(limit=None, batch_size=8, epochs=1_000)
LARGE_STEPS = TINY.change(limit=200, batch_size=200)  # 83 million multiply-accumulates: it does not train beside another run

STARTED = RunStarted("cpu", "CPU", 10, 10, 5, 2, 1, 10)
PROGRESS = Progress(1, 1, 2, 1, 2.0, 0.1, 100.0, 0.1, 0.5, 1.0, 1.0)
EPOCH = EpochDone(1, 2, 1.5, 0.4, 1.4, 0.5, 0.1, 2.0, 0.1, 1.5, 0.4)
FINISHED = RunFinished(1, 2.0, 0.4, 0.5, 1, 0.5)


def engine(*emitted):
    """A training that only emits these events."""

    def train(config, folder):
        yield from emitted

    return train


def ended(lab, run_id):
    wait_for(lambda: not lab.run(run_id).active)
    return lab.run(run_id)


# The runner, with an engine made for each test


def test_a_run_goes_from_queued_to_finished_and_keeps_its_events(store):
    run_id = store.create(TINY, "t")
    received = []
    emitted = [STARTED, PROGRESS, EPOCH, FINISHED]
    assert runner.execute(store, run_id, received.append, train=engine(*emitted)) is State.FINISHED
    assert received == emitted
    assert store.progress(run_id) == (PROGRESS,)
    assert store.run(run_id).device == "cpu"


def test_a_stop_closes_the_engine_and_keeps_what_was_done(store):
    run_id = store.create(TINY, "t")
    closed = []

    def train(config, folder):
        try:
            yield STARTED
            yield EPOCH
            store.stop(run_id)
            while True:
                yield PROGRESS
        finally:
            closed.append(True)

    assert runner.execute(store, run_id, train=train) is State.STOPPED
    assert closed == [True]
    last = store.events(run_id)[-1][1]
    assert isinstance(last, RunStopped)
    assert last.epoch == 1


def test_a_stop_before_the_first_event_stops(store):
    run_id = store.create(TINY, "t")

    def train(config, folder):
        store.stop(run_id)
        yield STARTED
        raise AssertionError("nobody should ask for more")

    assert runner.execute(store, run_id, train=train) is State.STOPPED


def test_ctrl_c_stops_the_run(store):
    run_id = store.create(TINY, "t")

    def train(config, folder):
        yield STARTED
        raise KeyboardInterrupt

    assert runner.execute(store, run_id, train=train) is State.STOPPED


def test_a_failure_that_the_engine_tells_of_is_the_runs_message(store):
    run_id = store.create(TINY, "t")
    failed = RunFailed("not-finite", 1, "The loss is not a number: try a smaller learning rate.")
    assert runner.execute(store, run_id, train=engine(STARTED, failed)) is State.FAILED
    assert store.run(run_id).message == failed.message


def test_an_error_for_people_is_shown_as_it_is(store):
    def train(config, folder):
        raise DataError("The file is cut short.")

    run_id = store.create(TINY, "t")
    assert runner.execute(store, run_id, train=train) is State.FAILED
    assert store.run(run_id).message == "The file is cut short."


def test_an_unexpected_error_is_one_sentence_and_its_traceback_is_in_the_log(store):
    def train(config, folder):
        yield STARTED
        raise RuntimeError("first line\nsecond line")

    run_id = store.create(TINY, "t")
    assert runner.execute(store, run_id, train=train) is State.FAILED
    message = store.run(run_id).message
    assert "unexpected RuntimeError (first line)" in message
    assert "second line" not in message
    assert "Traceback" in (store.home / "runs" / run_id / "log.txt").read_text()


def test_a_run_that_has_ended_is_not_run_again(store):
    run_id = store.create(TINY, "t")
    store.stop(run_id)
    with pytest.raises(RunStateError):
        runner.execute(store, run_id, train=engine(STARTED))


def test_the_engine_gets_the_whole_data_set_and_trains_on_its_share(store):
    run_id = store.create(TINY.change(data_share=0.5, limit=1_000, options={"activation": "relu"}), "t")
    assert runner.execute(store, run_id) is State.FINISHED
    started = store.events(run_id)[0][1]
    assert (started.train_images, started.test_images) == (1_000, 1_000)


def test_share_limit_and_seed_choose_the_images_that_a_run_trains_on(store, monkeypatch):
    given = []

    def train(config, data, **_):
        given.append(data)
        yield from (STARTED, FINISHED)

    monkeypatch.setattr("cnnlab.training.engine.train", train)
    run_id = store.create(TINY.change(data_share=0.5, limit=50, seed=3), "t")
    assert runner.execute(store, run_id) is State.FINISHED
    expected = load("sample", Places(store.home, None)).take(0.5, 50, 3)
    assert torch.equal(given[0].train_images, expected.train_images)
    assert torch.equal(given[0].test_images, expected.test_images)


# Processes


def test_a_process_is_known_by_its_start_and_not_by_its_number_alone():
    pid = os.getpid()
    assert processes.alive(pid, processes.identity(pid))
    assert not processes.alive(pid, "another start")
    assert not processes.alive(None, None)


def test_a_zombie_counts_as_gone():
    child = os.fork()
    if child == 0:
        os._exit(0)
    wait_for(lambda: psutil.Process(child).status() == psutil.STATUS_ZOMBIE)
    assert processes.identity(child) == ""
    os.waitpid(child, 0)


def test_runs_whose_process_is_gone_are_interrupted_and_others_are_not(store):
    me = os.getpid()
    lost, alive, queued = (store.create(TINY, token) for token in "abc")
    store.transition(lost, State.STARTING, process=Process(me, "an earlier process"))
    store.transition(alive, State.STARTING, process=processes.current())
    assert interrupt_lost_runs(store) == 1
    assert [store.run(run_id).state for run_id in (lost, alive, queued)] == [State.INTERRUPTED, State.STARTING, State.QUEUED]
    assert "killed" in store.run(lost).message


def test_a_missing_torch_is_a_sentence_with_what_to_do():
    with pytest.raises(CNNLabError, match=r"nosuchpackage is not installed: run pip install -r requirements\.txt"):
        dispatcher.load(["nosuchpackage"])


def test_a_torch_that_does_not_load_names_the_remedy(tmp_path, monkeypatch):
    (tmp_path / "broken_torch.py").write_text("raise RuntimeError('operator torchvision::nms does not exist')")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(CNNLabError, match=r"operator torchvision::nms does not exist.*install both from one index"):
        dispatcher.load(["broken_torch"])


@pytest.mark.skipif(not dispatcher.FORKS, reason="a spawned child loads its own")
def test_a_compiler_for_gpus_is_not_loaded_where_there_is_none_and_can_still_be():
    code = (
        "import sys, importlib.util as u; had = bool(u.find_spec('triton')); from cnnlab.workers import dispatcher as d\n"
        "d.load(d.FOR_HELPER); d.load(d.FOR_RUNNERS); import torch\n"
        "assert 'torch._dynamo' in sys.modules\n"
        "assert torch.cuda.is_available() or 'triton' not in sys.modules, 'loaded'\n"
        "if had: import triton"
    )

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=False)

    assert done.returncode == 0, done.stderr


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux lets a process choose")
def test_a_process_can_ask_to_go_first_when_memory_runs_out():
    code = "from cnnlab.system import processes; processes.die_first(500); print(open('/proc/self/oom_score_adj').read())"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip() == "500"


SHORT_OF_MEMORY = """
import sys
from cnnlab.system import memory
from cnnlab.workers import dispatcher
actual = memory.memory()
memory.memory = lambda: memory.Memory(actual.total, 300 << 20)
dispatcher.main(["--home", sys.argv[1], "--idle", "2"])
"""


@pytest.mark.skipif(sys.platform != "linux", reason="Linux alone bounds a run's memory; elsewhere the system swaps")
def test_a_run_that_wants_more_memory_than_there_is_fails_with_the_figures_and_the_next_one_trains(store):
    greedy = TINY.change(architecture="alexnet", options={}, image_size=224, batch_size=2_000, limit=None)
    runs = [store.create(greedy, "greedy"), store.create(TINY, "next")]

    subprocess.run([sys.executable, "-c", SHORT_OF_MEMORY, str(store.home)], check=True, stdout=subprocess.DEVNULL)

    wait_for(lambda: not any(store.run(run_id).active for run_id in runs))
    failed, finished = (store.run(run_id) for run_id in runs)
    assert (failed.state, finished.state) == (State.FAILED, State.FINISHED)
    assert re.search(r"too small for batches of 2000 images: .* smaller than 224 px .* it could use [\d.]+ [MG]B", failed.message)


@pytest.mark.parametrize("left", ["", '{"pid": 12', '{"pid": null, "pid_started": "x"}', "[]"])
def test_an_announcement_that_a_power_cut_has_torn_is_none(tmp_path, left):
    background.announce(tmp_path)
    assert background.running(tmp_path)
    background._file(tmp_path).write_text(left)
    assert not background.running(tmp_path)


def test_why_the_background_process_could_not_start_reaches_who_asked(tmp_path, monkeypatch):
    def fail(module, arguments, log, environment):
        background.write_startup_error(tmp_path, InstallationError("torch and torchvision do not fit together."))

    monkeypatch.setattr(processes, "start_detached", fail)
    background.ensure(tmp_path)
    with pytest.raises(InstallationError, match="do not fit together"):
        background.ensure(tmp_path)


def test_a_background_process_that_never_shows_up_is_reported(tmp_path, monkeypatch):
    monkeypatch.setattr(processes, "start_detached", lambda *arguments: None)
    monkeypatch.setattr(background, "STARTUP_SECONDS", 0.0)
    for _ in range(background.ATTEMPTS):
        background.ensure(tmp_path)
    with pytest.raises(ComputeError, match=r"did not start: its file dispatcher\.log in the lab's folder says why"):
        background.ensure(tmp_path)


def test_a_background_process_that_was_killed_after_it_came_up_is_started_again_at_once(tmp_path, monkeypatch):
    started = []
    monkeypatch.setattr(processes, "start_detached", lambda *arguments: started.append(arguments))
    monkeypatch.setattr(background, "RESTART_SECONDS", 0.0)
    for attempt in range(2 * background.ATTEMPTS):
        background.ensure(tmp_path)
        (tmp_path / "private").mkdir(exist_ok=True)
        (tmp_path / "private" / "dispatcher.json").write_text(f'{{"pid": 1, "pid_started": "killed {attempt}"}}')
    assert len(started) == 2 * background.ATTEMPTS


@pytest.mark.parametrize(("idle_seconds", "queued", "stays"), [(0.0, False, False), (60.0, False, True), (0.0, True, True)])
def test_the_dispatcher_leaves_when_nobody_needs_it(tmp_path, monkeypatch, idle_seconds, queued, stays):
    monkeypatch.setattr(dispatcher.Dispatcher, "_check_processes", lambda self: None)
    monkeypatch.setattr(dispatcher.Dispatcher, "_start_runs", lambda self, active: None)
    background.announce(tmp_path)
    office = dispatcher.Dispatcher(tmp_path, idle_seconds=idle_seconds)
    if queued:
        office.store.create(TINY, "t")
    assert office.turn() is stays
    office.close()


def test_the_dispatcher_leaves_when_its_home_is_deleted(tmp_path, monkeypatch):
    monkeypatch.setattr(dispatcher.Dispatcher, "_check_processes", lambda self: None)
    background.announce(tmp_path)
    office = dispatcher.Dispatcher(tmp_path)
    assert office.turn()
    (tmp_path / "private" / "dispatcher.json").unlink()
    assert not office.turn()
    office.close()


# In processes


def test_a_run_on_the_sample_finishes(lab):
    run = ended(lab, lab.start(TINY, token="finishes"))
    assert (run.state, run.epochs_done, run.device) == (State.FINISHED, 1, "cpu")
    assert lab.progress(run.id)[-1].share_done > 0
    assert (lab.home / "runs" / run.id / "last.pt").exists()


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has permissions of another kind")
def test_what_background_processes_write_can_be_read_by_its_owner_alone(lab):
    run_id = lab.start(TINY, token="private")
    assert ended(lab, run_id).state is State.FINISHED
    written = list((lab.home / "runs" / run_id).rglob("*"))
    assert len(written) >= 3  # the log and two checkpoints
    assert [path for path in written if path.stat().st_mode & 0o077] == []


def test_the_same_form_sent_twice_is_one_run(lab):
    first, second = lab.start(TINY, token="twice"), lab.start(TINY, token="twice")
    assert first == second
    assert ended(lab, first).state is State.FINISHED


def test_a_running_run_stops_within_seconds_and_the_next_in_the_queue_starts(lab):
    first, second = lab.start(LONG, token="long"), lab.start(LARGE_STEPS, token="waits")
    wait_for(lambda: lab.run(first).state is State.RUNNING)
    assert lab.run(second).state is State.QUEUED  # one run at a time on a device
    lab.stop(first)
    lab.stop(first)
    assert ended(lab, first).state is State.STOPPED
    assert ended(lab, second).state is State.FINISHED


def test_a_queued_run_stops_at_once(lab):
    first, second = lab.start(LONG, token="runs"), lab.start(LARGE_STEPS, token="queued")
    lab.stop(second)
    assert lab.run(second).state is State.STOPPED
    lab.stop(first)
    ended(lab, first)
    assert lab.events(second) == ()


def test_a_runner_that_is_killed_is_interrupted_within_five_seconds_and_takes_nobody_with_it(lab):
    run_id = lab.start(LONG, token="killed")
    wait_for(lambda: lab.run(run_id).state is State.RUNNING)
    store = Store(lab.home)
    (run,) = store.active()
    store.close()
    psutil.Process(run.process.pid).kill()
    wait_for(lambda: lab.run(run_id).state is State.INTERRUPTED, seconds=5)
    wait_for(lambda: lab.run(run_id).state is State.RUNNING)  # resumed automatically
    assert lab.run(run_id).resumes == 1
    lab.stop(run_id)
    assert ended(lab, lab.start(TINY, token="after the kill")).state is State.FINISHED


def test_a_dispatcher_that_is_killed_leaves_training_alone_and_another_takes_over(tmp_path):
    lab = Lab(tmp_path)
    try:
        survivor = lab.start(LONG, token="survives")
        wait_for(lambda: lab.run(survivor).state is State.RUNNING)
        pid, _ = background.known(lab.home)
        psutil.Process(pid).kill()
        wait_for(lambda: not background.running(lab.home))
        waiting = lab.start(TINY, token="for the next one")
        wait_for(lambda: background.running(lab.home))
        assert lab.run(survivor).state is State.RUNNING
        lab.stop(survivor)
        assert ended(lab, survivor).state is State.STOPPED
        assert ended(lab, waiting).state is State.FINISHED
    finally:
        lab.shut_down()


def test_a_second_dispatcher_leaves_at_once(lab):
    lab.device_states()  # asks the helper, so there is a dispatcher
    before = background.known(lab.home)
    processes.start_detached("cnnlab.workers.dispatcher", ["--home", str(lab.home)], lab.home / "second.log")
    time.sleep(dispatcher.LOCK_SECONDS + 1.0)
    assert background.known(lab.home) == before
    assert processes.alive(*before)
    assert len([p for p in psutil.process_iter(["cmdline"]) if str(lab.home) in " ".join(p.info["cmdline"] or [])]) <= 3
