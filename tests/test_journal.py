"""A record that another program holds, or a disk that is full, delays a run and does not end it."""

import sqlite3
import threading
from contextlib import closing, contextmanager

import pytest
from made_runs import CONFIG, STARTED, done, progress, running
from waiting import wait_for

from cnnlab.errors import CheckpointError, StoreError
from cnnlab.events import CheckpointSaved, EpochDone, Progress, RunFinished, RunInterrupted, RunPaused, RunStarted
from cnnlab.lab import Lab
from cnnlab.runs import store_connection
from cnnlab.runs.records import State
from cnnlab.runs.store import Store
from cnnlab.system import background, room
from cnnlab.system.processes import Process
from cnnlab.workers import dispatcher, journal, runner
from cnnlab.workers.placing import Placing

FINISHED = RunFinished(3, 2.0, 0.4, 0.5, 1, 0.5)


@pytest.fixture(autouse=True)
def _quick(monkeypatch):
    """Attempts follow each other quickly, so that a test takes a second and not minutes."""
    monkeypatch.setattr(journal, "RETRY_SECONDS", 0.05)
    monkeypatch.setattr(journal, "FIRST_SECONDS", 0.05)
    monkeypatch.setattr(journal, "BRIEF_SECONDS", 0.02)
    monkeypatch.setattr(journal, "BUSY_SECONDS", 0.05)
    monkeypatch.setattr(
        store_connection.Connections.transaction.__wrapped__,
        "__kwdefaults__",
        {"write": False, "urgent": False, "busy_seconds": 0.05},
    )


@contextmanager
def held_by_another_program(home):
    with closing(sqlite3.connect(home / "lab.sqlite", isolation_level=None, check_same_thread=False)) as other:
        other.execute("BEGIN EXCLUSIVE")
        yield other
        if other.in_transaction:
            other.execute("ROLLBACK")


def test_a_run_trains_on_while_another_program_holds_the_record_and_what_it_did_is_stored_in_order_and_once(store):
    run_id = store.create(CONFIG, "t")
    emitted = [STARTED, progress(3), progress(5), done(1), CheckpointSaved("last", 1, 0.5, 5), progress(7), done(2), FINISHED]
    trained = []

    def train(config, folder):
        yield emitted[0]
        with held_by_another_program(store.home) as other:
            for event in emitted[1:-1]:
                yield event
                trained.append(event)
            threading.Timer(0.3, other.execute, ["ROLLBACK"]).start()
            yield emitted[-1]

    assert runner.execute(store, run_id, train=train) is State.FINISHED
    assert trained == emitted[1:-1], "training never stood still"
    assert [event for _, event in store.events(run_id)] == [event for event in emitted if not isinstance(event, Progress)]
    assert list(store.progress(run_id)) == [event for event in emitted if isinstance(event, Progress)]
    assert store.run(run_id).epochs_done == 2


def test_a_run_that_begins_while_the_record_is_held_begins_and_pauses_as_asked(store):
    run_id = store.create(CONFIG, "t")

    def train(config, folder):
        with held_by_another_program(store.home):
            yield STARTED
            yield progress(3)
        store.pause(run_id)
        while True:
            yield progress(4)
            if store.run(run_id).state is State.PAUSING and execution.state is State.PAUSING:
                break
        yield RunPaused(0, 4, 4.0)

    execution = runner._Execution(store, run_id, None, train)
    assert execution.run() is State.PAUSED
    assert [type(event) for _, event in store.events(run_id)] == [RunStarted, RunPaused]


def test_a_record_that_stays_locked_ends_the_process_and_not_the_run(store, monkeypatch):
    monkeypatch.setattr(journal, "PATIENCE_SECONDS", 0.2)
    run_id = store.create(CONFIG, "t")

    def train(config, folder):
        yield STARTED
        with held_by_another_program(store.home):
            yield FINISHED

    with pytest.raises(StoreError, match="locked by another program"):
        runner.execute(store, run_id, train=train)
    assert store.run(run_id).state is State.RUNNING  # its process ends now; the watch interrupts the run and the lab resumes it


def test_a_run_without_room_for_its_checkpoint_waits_at_the_head_of_the_queue_and_says_why(store):
    run_id, later = store.create(CONFIG, "a"), store.create(CONFIG, "b")

    def train(config, folder):
        yield STARTED
        yield done(1)
        raise CheckpointError("The checkpoint last.pt cannot be written: the disk is full.", temporary=True)

    assert runner.execute(store, run_id, train=train) is State.QUEUED
    run = store.run(run_id)
    assert "goes on when there is room" in run.message
    assert [each.id for each in store.queue()] == [run_id, later]
    assert [type(event) for _, event in store.events(run_id)] == [RunStarted, EpochDone, RunInterrupted]
    assert run.resumes == 0


@pytest.mark.parametrize(("asked", "becomes"), [("pause", State.PAUSED), ("stop", State.STOPPED)])
def test_a_run_that_was_asked_to_end_does_not_go_back_to_the_queue(store, asked, becomes):
    run_id = running(store)
    getattr(store, asked)(run_id)
    assert store.put_back(run_id, Process(1, "gone"), "no room") is becomes


def _office(home, monkeypatch):
    background.announce(home)
    monkeypatch.setattr(dispatcher.Dispatcher, "_check_processes", lambda self: None)
    monkeypatch.setattr(Placing, "candidates", lambda self, device: ("cpu",))
    started = []
    monkeypatch.setattr(dispatcher.Dispatcher, "_start", lambda self, target, home, run_id: started.append(run_id) or Ended())
    return dispatcher.Dispatcher(home), started


class Ended:
    """A process that has ended."""

    def is_alive(self):
        return False

    def join(self, seconds=None):
        return None


def test_on_a_full_disk_the_queue_waits_says_why_and_starts_once_there_is_room(tmp_path, monkeypatch):
    left = [room.LEAST_FREE - 1]
    monkeypatch.setattr(room, "free", lambda folder: left[0])
    office, started = _office(tmp_path, monkeypatch)
    run_id = office.store.create(CONFIG, "t")
    for _ in range(3):
        assert office.turn()
    assert started == []
    assert "disk of the lab is full (8 MB free)" in background.waiting(tmp_path)
    left[0] = room.LEAST_FREE
    office.turn()
    assert started == [run_id]
    assert background.waiting(tmp_path) == ""
    office.close()


def test_a_run_that_was_put_back_does_not_start_again_until_more_is_free(tmp_path, monkeypatch):
    left = [100_000_000]  # enough for most runs, but not for this one
    monkeypatch.setattr(room, "free", lambda folder: left[0])
    office, started = _office(tmp_path, monkeypatch)
    run_id = office.store.create(CONFIG, "t")
    office.turn()
    office.store.put_back(run_id, office.me, "no room")
    for _ in range(3):
        office.turn()
    assert started == [run_id]
    left[0] += room.LEAST_FREE
    office.turn()
    assert started == [run_id, run_id]
    assert office.store.run(run_id).message == ""
    office.close()


def test_the_dispatcher_waits_for_a_record_that_is_held_and_pages_say_so(tmp_path, monkeypatch):
    monkeypatch.setattr(dispatcher, "WAIT_SECONDS", 0.05)
    office, started = _office(tmp_path, monkeypatch)
    run_id = office.store.create(CONFIG, "t")
    with held_by_another_program(tmp_path):
        assert office.turn()
        assert "locked by another program" in background.waiting(tmp_path)
        assert started == []
    wait_for(lambda: office.turn() and started == [run_id])
    assert background.waiting(tmp_path) == ""
    office.close()


def test_pages_read_a_record_that_is_held_though_they_cannot_write_that_a_process_is_gone(tmp_path, monkeypatch):
    monkeypatch.setattr(background, "ensure", lambda home: None)
    lab, store = Lab(tmp_path), Store(tmp_path)
    lost = running(store)
    with held_by_another_program(tmp_path):
        assert [run.state for run in lab.runs()] == [lab.run(lost).state] == [State.INTERRUPTED]  # as it is, not as it is recorded
        assert [run.id for run in lab.summaries().runs] == [lost]
        with pytest.raises(StoreError, match="locked by another program: try again"):
            lab.stop(lost)
    assert lab.run(lost).state is State.INTERRUPTED
    lab.close()
    store.close()
