"""A run in its process, with made trainings: what is stored after each event, how it ends, and what the engine is given."""

from __future__ import annotations

import errno
import os
import sys
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace

import pytest
from made_runs import CONFIG, STARTED, done, progress, resumed

from cnnlab import events
from cnnlab.errors import CheckpointError, DataError, RunStateError, StoreError
from cnnlab.events import DAMAGED, CheckpointSaved, EpochDone, Notice, RunFailed, RunFinished, RunPaused, RunStopped
from cnnlab.runs.records import State
from cnnlab.runs.store import Store
from cnnlab.system import processes
from cnnlab.system.home import compiled_folder
from cnnlab.system.processes import Process
from cnnlab.workers import runner

FINISHED = RunFinished(3, 20.5, 0.4, 0.5, 1, 0.5)


def trained(*emitted):
    def train(config, folder):
        for each in emitted:
            if isinstance(each, BaseException):
                raise each
            yield each() if callable(each) else each

    return train


def stored(store, run_id, kind):
    return [event for _, event in store.events(run_id) if isinstance(event, kind)]


# Beginning


def test_a_waiting_run_is_taken_over_and_belongs_to_this_process(store):
    run_id, seen = store.create(CONFIG, "t"), []

    def train(config, folder):
        seen.extend((each.state, each.process) for each in store.active())
        yield STARTED
        seen.append(store.run(run_id).state)
        yield FINISHED

    assert runner.execute(store, run_id, train=train) is State.FINISHED
    assert seen == [(State.STARTING, processes.current()), State.RUNNING]


def test_a_run_that_the_dispatcher_started_is_adopted(store):
    run_id = store.create(CONFIG, "t")
    store.transition(run_id, State.STARTING, device="cuda:1", process=Process(1, "the dispatcher"))

    def train(config, folder):
        assert store.active()[0].process == processes.current()
        yield STARTED
        yield FINISHED

    assert runner.execute(store, run_id, train=train) is State.FINISHED


@pytest.mark.parametrize(("chosen", "given"), [("cuda:1", "cuda:1"), ("", "auto")])
def test_the_engine_gets_the_device_that_was_chosen_and_a_folder_of_its_own(store, chosen, given):
    run_id, seen = store.create(CONFIG.change(device="auto"), "t"), []
    store.transition(run_id, State.STARTING, device=chosen, process=Process(1, "the dispatcher"))

    def train(config, folder):
        seen.append((config.device, config.change(device="auto") == CONFIG.change(device="auto"), folder, folder.is_dir()))
        yield STARTED
        yield FINISHED

    runner.execute(store, run_id, train=train)

    assert seen == [(given, True, store.home / "runs" / run_id, True)]
    assert store.run(run_id).device == "cpu"  # as the training reports it


def rested(store):
    """A run that has done two epochs in 12 seconds and was queued again."""
    run_id = store.create(CONFIG, "t")
    emitted = [STARTED, progress(3), done(1), done(2), lambda: store.pause(run_id) and progress(12), RunPaused(2, 12, 12.5)]
    assert runner.execute(store, run_id, train=trained(*emitted)) is State.PAUSED
    store.resume(run_id)
    store.transition(run_id, State.STARTING, process=Process(1, "the dispatcher"))
    return run_id


@pytest.mark.parametrize(
    ("ask", "state", "last"), [("pause", State.PAUSED, RunPaused(2, 0, 12.5)), ("stop", State.STOPPED, RunStopped(2, 12.5))]
)
def test_a_run_that_is_asked_to_end_before_it_begins_stays_at_its_checkpoint(store, ask, state, last):
    run_id, received = rested(store), []
    getattr(store, ask)(run_id)

    assert runner.execute(store, run_id, received.append, train=trained(AssertionError("it must not begin"))) is state

    assert received == [last]
    assert store.events(run_id)[-1][1] == last


@pytest.mark.parametrize("first", [STARTED, resumed(10, 2)], ids=["started", "resumed"])
def test_a_pause_that_is_asked_for_while_the_training_loads_comes_first(store, first):
    run_id, received = rested(store), []
    later = AssertionError("it must not train")

    assert (
        runner.execute(store, run_id, received.append, train=trained(lambda: store.pause(run_id) and first, later)) is State.PAUSED
    )
    assert [type(event) for event in received] == [RunPaused]


# What is stored


def test_a_stop_keeps_the_epochs_and_seconds_that_were_done(store):
    run_id, received = store.create(CONFIG, "t"), []
    emitted = [STARTED, progress(3), progress(7), done(1), lambda: store.stop(run_id) and CheckpointSaved("last", 1, 0.5, 8)]

    assert runner.execute(store, run_id, received.append, train=trained(*emitted)) is State.STOPPED

    assert received[-1] == RunStopped(1, 7.0)
    assert [type(event) for event in received[-2:]] == [CheckpointSaved, RunStopped]
    assert (store.run(run_id).seconds, store.run(run_id).epochs_done) == (7.0, 1)


@pytest.mark.parametrize(
    ("emitted", "epochs", "seconds"),
    [
        ([resumed(7, 1), progress(9)], 2, 9.0),
        ([resumed(7, 1), done(3)], 3, 7.0),
        ([STARTED], 0, 0.0),
        ([resumed(7, 1), RunPaused(2, 8, 8.5)], 2, 8.5),
    ],
    ids=["progress", "epoch", "started over", "paused"],
)
def test_what_was_done_follows_each_event(store, emitted, epochs, seconds):
    run_id = rested(store)
    execution = runner._Execution(store, run_id, None, None)
    record = execution._adopt()
    execution.epochs_done, execution.seconds = record.epochs_done, record.seconds

    for event in emitted:
        execution._follow_progress(event)

    assert (execution.epochs_done, execution.seconds) == (epochs, seconds)


def test_the_step_follows_progress_epochs_and_a_checkpoint(store):
    execution = runner._Execution(store, rested(store), None, None)
    steps = []
    for event in (progress(3), done(2), RunPaused(2, 99, 1.0), resumed(7, 1), STARTED):
        execution._follow_progress(event)
        steps.append(execution.step)

    assert steps == [3, 10, 10, 7, 0]


def test_a_failure_of_the_engine_keeps_its_kind_and_message(store):
    run_id = store.create(CONFIG, "t")
    failed = RunFailed("out-of-memory", 2, "The memory is too small.")

    assert runner.execute(store, run_id, train=trained(STARTED, failed)) is State.FAILED
    assert stored(store, run_id, RunFailed) == [failed]
    assert (store.run(run_id).message, store.run(run_id).device) == (failed.message, "cpu")


@pytest.mark.parametrize(("seconds", "state"), [(9.0, State.FINISHED), (10.0, State.STOPPED)])
def test_a_run_is_stopped_as_soon_as_it_has_trained_for_the_time_allowed(store, tmp_path, monkeypatch, seconds, state):
    (tmp_path / "limits.toml").write_text("max_seconds = 10")
    monkeypatch.setenv("CNNLAB_LIMITS", str(tmp_path / "limits.toml"))
    run_id, received = store.create(CONFIG, "t"), []
    emitted = [STARTED, done(1), progress(int(seconds)), done(2), RunFinished(3, 9.5, 0.4, 0.5, 1, 0.5)]

    assert runner.execute(store, run_id, received.append, train=trained(*emitted)) is state
    if state is State.STOPPED:
        notice = "It has trained for 10 seconds, the most that this lab allows: it is stopped, and its checkpoints are kept."
        assert received[-2:] == [Notice("time-limit", 1, notice), RunStopped(1, 10.0)]
        assert stored(store, run_id, Notice) == [received[-2]]


# Ending by an error


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (DataError("The file is cut short."), "The file is cut short."),
        (RuntimeError(), "Training failed with an unexpected RuntimeError (no reason given); its file log.txt has more."),
        (ValueError("x" * 300), f"Training failed with an unexpected ValueError ({'x' * 200}); its file log.txt has more."),
        (
            OSError(errno.EACCES, "denied"),
            "Training failed with an unexpected PermissionError ([Errno 13] denied); its file log.txt has more.",
        ),
    ],
    ids=["in words", "without a reason", "long", "of the system"],
)
def test_an_error_is_the_runs_message(store, capsys, error, message):
    run_id, received = store.create(CONFIG, "t"), []

    assert runner.execute(store, run_id, received.append, train=trained(STARTED, done(1), done(2), error)) is State.FAILED

    assert received[-1] == RunFailed("error", 2, message)
    assert stored(store, run_id, RunFailed) == [received[-1]]
    assert store.run(run_id).message == message
    log = store.home / "runs" / run_id / "log.txt"
    assert log.exists() is not isinstance(error, DataError)
    assert capsys.readouterr().err == ""


def test_a_message_with_folders_of_this_machine_is_whole_in_the_log_alone(store, capsys, tmp_path):
    data = tmp_path / "images"
    run_id = store.create(CONFIG, "t", data=data)
    files = f"{store.home}/x.bin and {data}/y.bin"

    runner.execute(store, run_id, train=trained(DataError(f"Damaged: {files}.")))

    assert store.run(run_id).message == "Damaged: x.bin in the lab's folder and y.bin in the data folder."
    assert capsys.readouterr().err == f"Damaged: {files}.\n"


def test_a_training_that_just_ends_has_failed(store):
    run_id = store.create(CONFIG, "t")

    assert runner.execute(store, run_id, train=trained(STARTED)) is State.FAILED
    assert "RuntimeError (the training ended without a final event)" in store.run(run_id).message


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (CheckpointError("No room for last.pt.", temporary=True), "It goes on when there is room: No room for last.pt."),
        (
            OSError(errno.ENOSPC, "full"),
            "It goes on when there is room: the disk of the lab is full. Delete runs that are no longer needed, or other files.",
        ),
    ],
    ids=["checkpoint", "system"],
)
def test_a_full_disk_puts_the_run_back(store, error, message):
    run_id = store.create(CONFIG, "t")

    assert runner.execute(store, run_id, train=trained(STARTED, error)) is State.QUEUED
    assert store.run(run_id).message == message


@pytest.mark.parametrize("error", [StoreError("It is damaged."), RunStateError("It belongs to another process.")])
def test_a_record_that_is_lost_ends_the_process_and_leaves_the_run(store, error):
    run_id = store.create(CONFIG, "t")
    with pytest.raises(type(error)):
        runner.execute(store, run_id, train=trained(STARTED, error))
    assert store.run(run_id).state is State.RUNNING


def test_a_process_that_has_lost_its_run_ends_and_changes_it_no_more(store):
    run_id = store.create(CONFIG, "t")

    def train(config, folder):
        yield STARTED
        store.interrupt(store.active()[0], "It was taken for dead.")
        yield done(1)

    with pytest.raises(RunStateError, match="no longer belongs to process"):
        runner.execute(store, run_id, train=train)
    assert (store.run(run_id).state, store.run(run_id).epochs_done) == (State.INTERRUPTED, 0)


def test_without_torch_a_run_fails_with_the_cure(store, monkeypatch):
    monkeypatch.setitem(sys.modules, "cnnlab.training.engine", None)
    run_id = store.create(CONFIG, "t")

    assert runner.execute(store, run_id) is State.FAILED
    message = store.run(run_id).message
    assert message.startswith("Training needs torch, which could not be loaded (")
    assert message.endswith("): pip install -r requirements.txt.")


def test_a_keyboard_interrupt_before_the_first_event_stops_too(store):
    run_id, received = store.create(CONFIG, "t"), []

    assert runner.execute(store, run_id, received.append, train=trained(KeyboardInterrupt())) is State.STOPPED
    assert received == [RunStopped(0, 0.0)]


# The real engine's arguments


@pytest.fixture
def engine(monkeypatch):
    """The engine and the checkpoints replaced; `given` holds what they were given."""
    from cnnlab.training import checkpoints, devices, process

    engine = SimpleNamespace(given={}, latest=None, bounded=[], emitted=[STARTED, FINISHED])

    def train(config, data, **given):
        engine.given = given | {"config": config, "images": len(data.train_labels)}
        yield from engine.emitted

    def load_latest(folder):
        if isinstance(engine.latest, Exception):
            raise engine.latest
        return engine.latest

    @contextmanager
    def bounded_memory():
        engine.bounded.append(True)
        yield

    monkeypatch.setattr("cnnlab.training.engine.train", train)
    monkeypatch.setattr(checkpoints, "load_latest", load_latest)
    monkeypatch.setattr(process, "bounded_memory", bounded_memory)
    monkeypatch.setattr(devices, "resolve", lambda device: device)
    return engine


def test_the_engine_is_given_the_data_the_folder_and_how_often_to_report(store, engine):
    run_id = store.create(CONFIG.change(limit=40), "t")
    execution = runner._Execution(store, run_id, None, None)

    assert execution.run() is State.FINISHED

    given = engine.given
    assert (given["folder"], given["images"], given["resume"]) == (store.home / "runs" / run_id, 40, None)
    assert (given["progress_every"], given["compiled"]) == (0.4, compiled_folder(store.home))
    assert execution.history == []
    answers = []
    for state in (State.RUNNING, State.PAUSING, State.STOPPING):
        execution.state = state
        answers.append(given["pausing"]())
    assert answers == [False, True, False]


@pytest.mark.parametrize(("device", "bounded"), [("cpu", [True]), ("cuda:0", [])])
def test_the_memory_of_a_training_on_the_processor_is_bounded(store, engine, device, bounded):
    runner.execute(store, store.create(CONFIG.change(device=device), "t"))

    assert engine.bounded == bounded


@pytest.mark.parametrize(("name", "last", "notices"), [("last.pt", True, 0), ("last.previous.pt", True, 1), ("best.pt", False, 0)])
def test_a_run_goes_on_from_its_checkpoint_and_names_a_damaged_one(store, engine, name, last, notices):
    run_id = rested(store)
    folder = store.home / "runs" / run_id
    if last:
        (folder / "last.pt").write_bytes(b"damaged")
    history = [vars_of(done(1)), vars_of(done(2, 0.75))]
    engine.latest = (folder / name, {"history": history})
    engine.emitted = [resumed(1_234, 2), progress(1_240), FINISHED]

    assert runner.execute(store, run_id) is State.FINISHED

    assert engine.given["resume"] == {"history": history}
    assert store.run(run_id).best_test_accuracy == 0.75
    expected = (
        "The last checkpoint is damaged: the run goes on from the one before, after batch 1,234, and repeats the batches since."
    )
    assert stored(store, run_id, Notice) == [Notice("older-checkpoint", 247, expected)] * notices


def vars_of(event: EpochDone) -> dict[str, object]:
    return {name: value for name, value in events.to_dict(event).items() if name != "event"}


def test_checkpoints_of_which_none_can_be_read_are_a_failure_of_their_own(store, engine):
    run_id = rested(store)
    engine.latest = CheckpointError("No checkpoint can be read.")

    assert runner.execute(store, run_id) is State.FAILED
    assert stored(store, run_id, RunFailed) == [RunFailed(DAMAGED, 2, "No checkpoint can be read.")]


# The process


@pytest.fixture
def process(monkeypatch, tmp_path):
    """`run_in_process` in this process, with what it calls written down."""
    calls = []

    def dup2(file, stream):
        calls.append((str(Path(f"/proc/self/fd/{file}").readlink()), stream))

    monkeypatch.setattr(runner, "os", SimpleNamespace(**vars(os) | {"dup2": dup2}))  # pytest's own streams stay
    monkeypatch.setattr(processes, "die_first", lambda score: calls.append(("dies first", score)))
    monkeypatch.setattr(runner, "Store", lambda home: opened(Store(home)))

    def opened(store):
        close = store.close
        monkeypatch.setattr(store, "close", lambda: calls.append("closed") or close())
        return store

    return calls


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="Linux names open files")
def test_the_process_writes_to_its_log_trains_and_closes_the_record(process, tmp_path, monkeypatch):
    monkeypatch.setattr(runner, "execute", lambda store, run_id, in_turn: process.append((store.home, run_id)))

    runner.run_in_process(tmp_path, "0000000a")

    log = tmp_path / "runs" / "0000000a" / "log.txt"
    assert process == [(str(log), 1), (str(log), 2), ("dies first", 500), (tmp_path, "0000000a"), "closed"]
    assert log.stat().st_mode & 0o777 == 0o600


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="Linux names open files")
def test_a_process_that_cannot_train_ends_with_an_error_in_its_log(process, tmp_path, capsys):
    with pytest.raises(SystemExit) as ended:
        runner.run_in_process(tmp_path, "0000000a")

    assert ended.value.code == 1
    assert "There is no run '0000000a'" in capsys.readouterr().err
    assert process[-1] == "closed"


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="Linux names open files")
def test_a_run_without_a_place_for_its_log_trains_all_the_same(process, tmp_path, monkeypatch):
    (tmp_path / "runs").write_text("in the way")
    monkeypatch.setattr(runner, "execute", lambda store, run_id, in_turn: process.append(run_id))

    runner.run_in_process(tmp_path, "0000000a")

    assert process[:2] == [("/dev/null", 1), ("/dev/null", 2)]
    assert process[-2:] == ["0000000a", "closed"]


def test_share_limit_and_seed_of_a_run_choose_its_images(store, monkeypatch):
    taken = []

    class Data:
        def take(self, *chosen):
            taken.append(chosen)
            raise DataError("That is all.")

    monkeypatch.setattr("cnnlab.datasets.loading.load", lambda *_: Data())
    run_id = store.create(CONFIG.change(data_share=0.5, limit=70, seed=9), "a")

    runner.execute(store, run_id)

    assert taken == [(0.5, 70, 9)]
