"""A run's life: paused, resumed, given more epochs, deleted, killed; by whoever asks, in whatever order, all at once."""

import multiprocessing
import os
import threading
import time

import psutil
import pytest
import torch
from pressing import press
from typer.testing import CliRunner

from cnnlab import processes
from cnnlab.cli import app
from cnnlab.config import RunConfig
from cnnlab.errors import ConfigError, RunNotFound, RunStateError, StoreError
from cnnlab.events import (
    CheckpointSaved,
    EpochDone,
    Notice,
    Progress,
    RunFailed,
    RunFinished,
    RunInterrupted,
    RunPaused,
    RunResumed,
    RunStarted,
    RunStopped,
)
from cnnlab.lab import Lab
from cnnlab.runs import background, dispatcher, folders, runner
from cnnlab.runs.records import ACTIVE, MOVES, State
from cnnlab.runs.store import Store
from cnnlab.runs.watch import MOST_RESUMES, mark_interrupted, may_resume, resume_by_itself
from cnnlab.training import checkpoints

CONFIG = RunConfig.make(limit=100, batch_size=20, epochs=3, device="cpu", options={"activation": "relu"})
STARTED = RunStarted("cpu", "CPU", 10, 100, 50, 5, 3, 10)


@pytest.fixture
def store(tmp_path):
    store = Store(tmp_path)
    yield store
    store.close()


def progress(step, phase="training"):
    epoch = (step - 1) // 5 + 1
    return Progress(epoch, (step - 1) % 5 + 1, 5, step, 2.0, 0.1, 100.0, 0.1, step / 15, float(step), 1.0, phase=phase)


def done(epoch, accuracy=0.5):
    return EpochDone(epoch, 5 * epoch, 1.5, 0.4, 1.4, accuracy, 0.1, 2.0, 0.1, 1.9, 0.4)


def resumed(step, epochs_done):
    return RunResumed((step + 4) // 5, step, epochs_done, 3, "cpu", "CPU", float(step))


def running(store, token="t", **given):
    run_id = store.create(CONFIG, token, **given)
    store.move(run_id, State.STARTING, device="cpu", pid=1, pid_started="gone")
    store.add(run_id, STARTED, to=State.RUNNING)
    return run_id


def interrupted(store, token="t"):
    run_id = running(store, token)
    assert mark_interrupted(store) == 1
    return run_id


def told(store, run_id):
    """The names of all events in order, with steps and epochs."""
    connection_events = [event for _, event in store.events(run_id)]
    return [(type(event).__name__, getattr(event, "epoch", None)) for event in connection_events]


def wait_for(condition, seconds=60.0):
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until, "it did not happen in time"
        time.sleep(0.02)


# Asking


def test_a_queued_run_pauses_at_once_and_a_running_one_is_asked(store):
    queued, busy = store.create(CONFIG, "a"), running(store, "b")
    assert store.pause(queued) is State.PAUSED
    assert store.pause(busy) is store.pause(busy) is State.PAUSING


@pytest.mark.parametrize("state", [State.PAUSED, State.INTERRUPTED, State.STOPPED])
def test_a_run_at_rest_is_resumed_at_the_end_of_the_queue(store, state):
    rested, waiting = store.create(CONFIG, "a", state=state), store.create(CONFIG, "b")
    assert store.resume(rested) is store.resume(rested) is State.QUEUED
    assert [run.id for run in store.queue()] == [waiting, rested]
    assert [run.position for run in store.queue()] == [1, 2]
    assert store.run(rested).ended is None


@pytest.mark.parametrize(
    ("state", "reason"),
    [
        (State.FINISHED, "continue it for more epochs"),
        (State.FAILED, "failed before its first checkpoint"),
        (State.PAUSING, "still pausing"),
        (State.STOPPING, "still stopping"),
    ],
)
def test_why_a_run_cannot_be_resumed_is_a_sentence(store, state, reason):
    run_id = store.create(CONFIG, "a", state=state)
    with pytest.raises(RunStateError, match=reason):
        store.resume(run_id)
    assert store.run(run_id).state is state


def test_a_failed_run_with_a_checkpoint_is_resumed(store):
    run_id = running(store)
    store.add(run_id, CheckpointSaved("last", 1, 0.5, 5))
    store.add(run_id, RunFailed("error", 1, "The disk is full."), to=State.FAILED, message="The disk is full.")
    assert store.run(run_id).has_checkpoint
    assert store.resume(run_id) is State.QUEUED
    assert store.run(run_id).message == ""


@pytest.mark.parametrize("state", [State.STOPPED, State.FINISHED])
def test_a_run_gets_more_epochs(store, state):
    run_id = store.create(CONFIG, "a", state=state)
    store.extend(run_id, 4)
    assert (store.run(run_id).state, store.run(run_id).config.epochs) == (State.QUEUED, 7)


@pytest.mark.parametrize("epochs", [0, -1, 10**9, True, 1.5])
def test_a_wrong_number_of_more_epochs_is_refused_and_changes_nothing(store, epochs):
    run_id = store.create(CONFIG, "a", state=State.FINISHED)
    with pytest.raises(ConfigError, match="epochs"):
        store.extend(run_id, epochs)
    assert (store.run(run_id).state, store.run(run_id).config) == (State.FINISHED, CONFIG)


def test_names_and_notes_are_kept_as_typed(store):
    run_id = store.create(CONFIG, "a")
    text = '<b>"quoted"</b> \u202eright to left ' * 300
    store.rename(run_id, text)
    store.annotate(run_id, text)
    assert (store.run(run_id).name, store.run(run_id).note) == (text, text)


@pytest.mark.parametrize("ask", ["stop", "pause", "resume", "delete", "rename", "annotate", "extend", "move_in_queue"])
def test_another_owners_run_is_not_changed(store, ask):
    run_id = store.create(CONFIG, "a", owner="ada", note="hers")
    before = store.run(run_id)
    more = {"rename": ["x"], "annotate": ["x"], "extend": [1], "move_in_queue": [1]}.get(ask, [])
    with pytest.raises(RunStateError, match="belongs to ada"):
        getattr(store, ask)(run_id, *more, owner="grace")
    assert store.run(run_id) == before


def test_its_owner_the_command_line_and_nobodys_runs_are_not_held_up(store):
    own, shared = store.create(CONFIG, "a", owner="ada"), store.create(CONFIG, "b")
    store.rename(own, "mine", owner="ada")
    store.pause(own)
    store.pause(shared, owner="grace")
    assert [run.state for run in store.runs()] == [State.PAUSED, State.PAUSED]


# The queue


def test_ones_own_runs_are_moved_and_those_of_others_keep_their_places(store):
    first, hers, second, third = (store.create(CONFIG, str(n), owner=o) for n, o in enumerate(["ada", "grace", "ada", "ada"]))
    store.move_in_queue(third, -1, owner="ada")
    assert [run.id for run in store.active()] == [first, hers, third, second]
    store.move_in_queue(first, 100)
    assert [run.id for run in store.active()] == [third, hers, second, first]


def test_the_queue_is_shown_in_the_order_in_which_runs_start(store):
    ada = [store.create(CONFIG, f"a{n}", owner="ada") for n in range(3)]
    grace = store.create(CONFIG, "g", owner="grace")
    assert [run.id for run in store.queue()] == [ada[0], grace, ada[1], ada[2]]
    store.move(ada[0], State.STARTING)
    assert [run.id for run in store.queue()] == [grace, ada[1], ada[2]]


def _office(home, monkeypatch):
    """A dispatcher whose every device is the CPU, and the ids of the runs that it starts: their processes have ended at once."""
    background.announce(home)
    office = dispatcher.Dispatcher(home)
    monkeypatch.setattr(office, "_look", lambda: None)
    started = []
    monkeypatch.setattr(dispatcher.Dispatcher, "_start", lambda self, target, home, run_id: started.append(run_id) or Ended())
    monkeypatch.setattr(dispatcher.Dispatcher, "_resolve", lambda self, device: "cpu")
    return office, started


def test_the_dispatcher_starts_owners_in_turn_and_one_run_on_a_device(tmp_path, monkeypatch):
    office, started = _office(tmp_path, monkeypatch)
    ada = [office.store.create(CONFIG, f"a{n}", owner="ada") for n in range(3)]
    grace = [office.store.create(CONFIG, f"g{n}", owner="grace") for n in range(2)]
    for number in range(1, 6):
        office.turn()
        office.turn()
        assert len(started) == number
        office.store.move(started[-1], State.RUNNING)
        office.store.move(started[-1], State.FINISHED)
    office.close()
    assert started == [ada[0], grace[0], ada[1], grace[1], ada[2]]


def test_nothing_is_started_beside_a_run_at_a_command_line_that_has_yet_to_say_where_it_trains(tmp_path, monkeypatch):
    office, started = _office(tmp_path, monkeypatch)
    pid = os.getpid()
    alone = office.store.create(CONFIG, "alone", "", State.STARTING, pid=pid, pid_started=processes.identity(pid))
    waits = office.store.create(CONFIG, "waits")

    office.turn()
    assert started == []
    office.store.move(alone, State.RUNNING)
    office.store.move(alone, State.FINISHED)
    office.turn()
    assert started == [waits]
    office.close()


def test_a_runner_that_dies_before_it_has_taken_its_run_over_is_noticed(tmp_path, monkeypatch):
    background.announce(tmp_path)
    monkeypatch.setattr(dispatcher.Dispatcher, "_start", lambda self, *given: Ended())
    monkeypatch.setattr(dispatcher.Dispatcher, "_resolve", lambda self, device: "cpu")
    office = dispatcher.Dispatcher(tmp_path)
    run_id = office.store.create(CONFIG, "a")
    office.turn()
    assert office.store.run(run_id).state is State.STARTING
    office._look()
    assert office.store.run(run_id).state is State.INTERRUPTED
    office.close()


class Ended:
    """A process that has come to its end."""

    def is_alive(self):
        return False

    def join(self, seconds=None):
        return None

    def terminate(self):
        return None


# Everybody at once


def test_buttons_pressed_in_many_threads_and_processes_make_no_move_outside_the_table(tmp_path):
    store = Store(tmp_path)
    runs = [store.create(CONFIG, str(number)) for number in range(3)]
    with store._transaction(write=True) as connection:  # SQLite itself writes down every move
        connection.execute("CREATE TABLE moves (run TEXT, before TEXT, after TEXT)")
        connection.execute(
            "CREATE TRIGGER moved AFTER UPDATE OF state ON runs BEGIN INSERT INTO moves VALUES (new.id, old.state, new.state); END"
        )
    store.close()
    context = multiprocessing.get_context("spawn")
    pressing = [context.Process(target=press, args=(tmp_path, seed, 60)) for seed in range(2)]
    pressing += [threading.Thread(target=press, args=(tmp_path, seed, 60)) for seed in range(10, 14)]
    for one in pressing:
        one.start()
    for one in pressing:
        one.join()
    assert [one.exitcode for one in pressing[:2]] == [0, 0]

    with store._transaction() as connection:
        moves = [tuple(row) for row in connection.execute("SELECT * FROM moves ORDER BY rowid")]
    assert len(moves) >= 20  # how many of the 360 were allowed is chance: 49 and more were seen
    assert all(State(after) in MOVES[State(before)] for _, before, after in moves)
    for run_id in runs:  # and none was made from a state that was no longer true
        of_run = [(before, after) for run, before, after in moves if run == run_id]
        assert [after for _, after in of_run][:-1] == [before for before, _ in of_run][1:]
        run = store.run(run_id)
        assert (run.ended is None) is (run.state in ACTIVE)
    store.close()


# Going back to a checkpoint


def test_what_was_told_after_the_checkpoint_is_told_anew_and_the_rest_stays(store):
    run_id = running(store)
    for event in (progress(3), progress(5), progress(5, "evaluation"), done(1), CheckpointSaved("last", 1, 0.5, 5), progress(7)):
        store.add(run_id, event)
    store.add(run_id, CheckpointSaved("last", 2, 0.5, 7))
    store.add(run_id, progress(9))
    assert mark_interrupted(store) == 1
    store.resume(run_id)
    store.move(run_id, State.STARTING)

    store.add(run_id, resumed(7, 1), to=State.RUNNING, history=[done(1)])
    store.add(run_id, progress(8))

    assert [event.step for event in store.progress(run_id)] == [3, 5, 5, 7, 8]
    kinds = [type(event) for _, event in store.events(run_id)]
    assert kinds == [RunStarted, EpochDone, CheckpointSaved, CheckpointSaved, RunInterrupted, RunResumed]
    assert [seq for seq, _ in store.events(run_id)] == [1, 5, 6, 8, 9, 10]


@pytest.mark.parametrize("judged", [0, 1])
def test_at_the_last_batch_of_an_epoch_the_evaluation_is_later_or_earlier(store, judged):
    run_id = running(store)
    for event in (progress(5), progress(5, "evaluation"), done(1), Notice("stuck-at-chance", 1, "x")):
        store.add(run_id, event)
    store.add(run_id, resumed(5, judged), history=[done(1)][:judged])
    assert [event.phase for event in store.progress(run_id)] == ["training", "evaluation"][: 1 + judged]
    assert len(store.epochs(run_id)) == judged
    assert store.run(run_id).epochs_done == judged


def test_epochs_that_the_record_lost_are_put_in(store):
    run_id = running(store)
    store.add(run_id, done(1, 0.7))
    store.add(run_id, resumed(15, 3), history=[done(1, 0.7), done(2, 0.6), done(3, 0.5)])
    assert [event.epoch for event in store.epochs(run_id)] == [1, 2, 3]
    run = store.run(run_id)
    assert (run.epochs_done, run.test_accuracy, run.best_test_accuracy, run.has_checkpoint) == (3, 0.5, 0.7, True)


def test_a_run_that_starts_over_has_nothing_twice(store):
    run_id = running(store)
    for event in (progress(3), progress(5), done(1)):
        store.add(run_id, event)
    mark_interrupted(store)
    store.resume(run_id)
    store.move(run_id, State.STARTING)
    store.add(run_id, STARTED, to=State.RUNNING)
    assert [type(event) for _, event in store.events(run_id)] == [RunInterrupted, RunStarted]
    assert store.progress(run_id) == store.epochs(run_id) == ()
    run = store.run(run_id)
    assert (run.epochs_done, run.test_accuracy, run.best_test_accuracy) == (0, None, None)


def test_a_process_that_lost_its_run_tells_nothing_more(store):
    run_id = running(store)
    mark_interrupted(store)
    store.resume(run_id)
    store.move(run_id, State.STARTING, pid=2, pid_started="another")
    for late in (progress(3), RunFinished(1, 1.0, 1.0, 1.0, 1, 1.0)):
        with pytest.raises(RunStateError, match="no longer belongs to process 1"):
            store.add(run_id, late, process=(1, "gone"))
    assert store.progress(run_id) == ()


# Interrupted


def test_a_run_is_resumed_by_itself_three_times_and_then_waits_for_a_person(store):
    run_id = running(store)
    for number in range(1, MOST_RESUMES + 1):
        assert mark_interrupted(store) == 1
        assert may_resume(store) == (run_id,)
        resume_by_itself(store, run_id)
        assert (store.run(run_id).state, store.run(run_id).resumes) == (State.QUEUED, number)
        store.move(run_id, State.STARTING, pid=1, pid_started="gone")
    mark_interrupted(store)
    assert may_resume(store) == ()
    resume_by_itself(store, run_id)
    assert store.run(run_id).state is State.INTERRUPTED
    store.resume(run_id)
    assert store.run(run_id).resumes == 0


@pytest.mark.parametrize("asked", ["pause", "stop"])
def test_what_was_asked_to_end_is_interrupted_and_not_resumed(store, asked):
    run_id = running(store)
    getattr(store, asked)(run_id)
    assert mark_interrupted(store) == 1
    assert store.run(run_id).state is State.INTERRUPTED
    assert may_resume(store) == ()


def test_resuming_by_itself_is_a_setting(store, monkeypatch):
    run_id = interrupted(store)
    for off in ("off", "0", "No"):
        monkeypatch.setenv("CNNLAB_AUTO_RESUME", off)
        assert may_resume(store) == ()
    monkeypatch.setenv("CNNLAB_AUTO_RESUME", "on")
    assert may_resume(store) == (run_id,)


def test_a_run_that_is_resumed_by_itself_goes_to_the_head_of_the_queue(store):
    run_id, waiting = interrupted(store), store.create(CONFIG, "w")
    resume_by_itself(store, run_id)
    assert [run.id for run in store.active()] == [run_id, waiting]


def test_a_clock_that_jumps_back_gives_no_negative_times(tmp_path):
    now = [10_000.0]
    store = Store(tmp_path, clock=lambda: now[0])
    run_id = running(store)
    store.add(run_id, progress(3))
    now[0] = 50.0
    store.add(run_id, progress(4))
    store.add(run_id, RunFinished(1, 9.0, 1.0, 1.0, 1, 1.0), to=State.FINISHED)
    run = store.run(run_id)
    store.close()
    assert run.ended >= run.started >= run.created
    assert run.seconds == 9.0


# Deleting


def test_a_run_is_deleted_with_its_files_and_nothing_else(tmp_path):
    lab = Lab(tmp_path)
    store = Store(tmp_path)
    gone, kept = running(store, "a"), running(store, "b")
    for run_id in (gone, kept):
        store.stop(run_id)
        store.add(run_id, RunStopped(0, 0.0), to=State.STOPPED)
        (tmp_path / "runs" / run_id).mkdir(parents=True)
        (tmp_path / "runs" / run_id / "last.pt").write_bytes(b"x" * 1_000)
    assert lab.disk_bytes(gone) == 1_000
    lab.delete(gone)
    assert [run.id for run in store.runs()] == [kept]
    assert [folder.name for folder in (tmp_path / "runs").iterdir()] == [kept]
    with pytest.raises(RunNotFound):
        lab.delete(gone)
    lab.close()
    store.close()


@pytest.mark.parametrize("run_id", ["..", "../other", "", ".", "/", "00000000"])
def test_an_id_from_outside_never_becomes_a_path(tmp_path, run_id):
    lab = Lab(tmp_path / "home")
    (tmp_path / "home" / "runs").mkdir(exist_ok=True)
    (tmp_path / "home" / "runs" / "file").write_text("kept")
    for ask in (lab.delete, lab.disk_bytes):
        with pytest.raises(RunNotFound):
            ask(run_id)
    assert (tmp_path / "home" / "runs" / "file").exists()
    lab.close()


def test_a_run_that_may_still_train_is_not_deleted(store):
    run_id = running(store)
    with pytest.raises(RunStateError, match="stop it first"):
        store.delete(run_id)


def test_a_folder_that_is_a_link_loses_the_link_only(tmp_path):
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "file").write_text("kept")
    (tmp_path / "runs").mkdir()
    (tmp_path / "runs" / "0123abcd").symlink_to(tmp_path / "elsewhere")
    folders.delete(tmp_path, "0123abcd")
    assert (tmp_path / "elsewhere" / "file").exists()
    assert not (tmp_path / "runs" / "0123abcd").exists()


def test_files_that_cannot_be_deleted_are_named(tmp_path):
    (tmp_path / "runs").mkdir()
    (tmp_path / "runs" / "0123abcd").write_text("no folder")
    with pytest.raises(StoreError, match="files of it are left"):
        folders.delete(tmp_path, "0123abcd")


# The command line


def said(*words, home, answer=""):
    result = CliRunner().invoke(app, [*words, "--home", str(home)], input=answer)
    return result.exit_code, result.output.strip()


def test_the_command_line_pauses_resumes_stops_and_deletes(tmp_path, monkeypatch):
    monkeypatch.setattr(background, "ensure", lambda home: None)
    store = Store(tmp_path)
    run_id = store.create(CONFIG, "a", owner="ada")
    assert said("pause", run_id, home=tmp_path) == (0, f"Run {run_id} is paused.")
    assert said("resume", run_id, home=tmp_path) == (0, f"Run {run_id} is queued, number 1 in the queue.")
    assert said("stop", run_id, home=tmp_path) == (0, f"Run {run_id} is stopped.")
    assert said("extend", run_id, "2", home=tmp_path) == (0, f"Run {run_id} is queued, number 1 in the queue.")
    assert store.run(run_id).config.epochs == 5
    code, output = said("delete", run_id, "--yes", home=tmp_path)
    assert (code, "stop it first" in output) == (2, True)
    store.stop(run_id)
    assert said("delete", run_id, home=tmp_path, answer="n\n")[0] == 1
    code, output = said("delete", run_id, home=tmp_path, answer="y\n")
    assert (code, "0.0 MB" in output, store.runs()) == (0, True, ())
    store.close()


# The runner


def test_a_run_pauses_in_the_middle_and_goes_on_from_there(store):
    run_id = store.create(CONFIG, "t")

    def pause_at_first_epoch(event):
        if isinstance(event, EpochDone):
            store.pause(run_id)

    assert runner.execute(store, run_id, pause_at_first_epoch) is State.PAUSED
    assert store.run(run_id).has_checkpoint
    store.resume(run_id)
    assert runner.execute(store, run_id) is State.FINISHED
    kinds = [type(event) for _, event in store.events(run_id) if not isinstance(event, CheckpointSaved | Notice)]
    assert kinds == [RunStarted, EpochDone, RunPaused, RunResumed, EpochDone, EpochDone, RunFinished]


def test_a_pause_before_the_first_event_pauses_without_a_checkpoint(store):
    run_id = store.create(CONFIG, "t")

    def train(config, folder):
        store.pause(run_id)
        yield STARTED
        raise AssertionError("nobody should ask for more")

    assert runner.execute(store, run_id, train=train) is State.PAUSED
    assert [type(event) for _, event in store.events(run_id)] == [RunPaused]
    store.resume(run_id)
    assert runner.execute(store, run_id) is State.FINISHED


def test_a_stop_that_comes_while_it_pauses_wins(store):
    run_id = store.create(CONFIG, "t")

    def train(config, folder):
        yield STARTED
        store.pause(run_id)
        yield progress(3)
        store.stop(run_id)
        yield RunPaused(0, 3, 3.0)

    assert runner.execute(store, run_id, train=train) is State.STOPPED


def test_a_damaged_last_checkpoint_is_said_and_the_run_goes_on_from_the_one_before(store):
    run_id = store.create(CONFIG, "t")
    runner.execute(store, run_id, lambda event: store.pause(run_id) if isinstance(event, EpochDone) and event.epoch == 2 else None)
    folder = store.home / "runs" / run_id
    (folder / "last.pt").write_bytes((folder / "last.pt").read_bytes()[:5_000])
    store.resume(run_id)
    assert runner.execute(store, run_id) is State.FINISHED
    assert [event.epoch for event in store.epochs(run_id)] == [1, 2, 3]
    assert any(isinstance(event, Notice) and event.kind == "older-checkpoint" for _, event in store.events(run_id))


# All of it, in processes


def untimed(epochs):
    return [(e.epoch, e.step, e.train_loss, e.train_accuracy, e.test_loss, e.test_accuracy, e.learning_rate) for e in epochs]


def same_weights(lab, first, second):
    one, other = (checkpoints.load(lab.home / "runs" / run_id / "last.pt")["model"] for run_id in (first, second))
    return all(torch.equal(one[name], other[name]) for name in one)


def test_a_run_that_was_paused_stopped_and_killed_equals_one_that_was_not(lab):
    config = CONFIG.change(
        limit=2_000, batch_size=16, epochs=3, optimizer="adam", learning_rate=0.003, schedule="cosine", random_crop=2,
        options={"activation": "relu", "dropout": 0.3, "batch_norm": True},
    )  # fmt: skip
    undisturbed = lab.start(config, token="undisturbed")
    wait_for(lambda: lab.run(undisturbed).state is State.FINISHED)
    run_id = lab.start(config, token="disturbed")

    def trains():
        before = len(lab.progress(run_id, 10_000))
        wait_for(lambda: lab.run(run_id).state is State.RUNNING and len(lab.progress(run_id, 10_000)) > before + 1)

    trains()
    lab.pause(run_id)
    wait_for(lambda: lab.run(run_id).state is State.PAUSED)
    lab.resume(run_id)
    trains()
    store = Store(lab.home)
    psutil.Process(next(run.pid for run in store.active() if run.id == run_id)).kill()
    wait_for(lambda: lab.run(run_id).resumes == 1)
    trains()
    lab.stop(run_id)
    wait_for(lambda: lab.run(run_id).state is State.STOPPED)
    lab.resume(run_id)
    wait_for(lambda: lab.run(run_id).state is State.FINISHED)

    assert untimed(lab.epochs(run_id)) == untimed(lab.epochs(undisturbed))
    assert same_weights(lab, run_id, undisturbed)
    steps = [event.step for event in lab.progress(run_id, 10_000) if event.phase == "training"]
    assert steps == sorted(set(steps))
    seconds = [event.seconds for event in lab.progress(run_id, 10_000)]
    assert seconds == sorted(seconds)
    store.close()
