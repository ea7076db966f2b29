"""A run whose process died: it goes back to its checkpoint, and is resumed automatically three times at most."""

import sqlite3
import time
from functools import partial

import pytest
from made_runs import CONFIG, STARTED, done, interrupted, progress, resumed, running

from cnnlab.errors import RunStateError, StoreError
from cnnlab.events import CheckpointSaved, EpochDone, Notice, RunFinished, RunInterrupted, RunResumed, RunStarted
from cnnlab.lab import Lab
from cnnlab.runs.records import IN_PROCESS, State
from cnnlab.runs.store import Store
from cnnlab.runs.store_lifecycle import MOST_AUTO_RESUMES
from cnnlab.system import background
from cnnlab.system.processes import Process, current
from cnnlab.workers import watch
from cnnlab.workers.watch import auto_resumable, check_processes, interrupt_lost_runs

# Going back to a checkpoint


def test_what_was_told_after_the_checkpoint_is_told_anew_and_the_rest_stays(store):
    run_id = running(store)
    for event in (progress(3), progress(5), progress(5, "evaluation"), done(1), CheckpointSaved("last", 1, 0.5, 5), progress(7)):
        store.add(run_id, event)
    store.add(run_id, CheckpointSaved("last", 2, 0.5, 7))
    store.add(run_id, progress(9))
    assert interrupt_lost_runs(store) == 1
    store.resume(run_id)
    store.transition(run_id, State.STARTING)

    store.add(run_id, resumed(7, 1), to=State.RUNNING, history=[done(1)])
    store.add(run_id, progress(8))

    assert [event.step for event in store.progress(run_id)] == [3, 5, 5, 7, 8]
    kinds = [type(event) for _, event in store.events(run_id)]
    assert kinds == [RunStarted, EpochDone, CheckpointSaved, CheckpointSaved, RunInterrupted, RunResumed]
    assert [seq for seq, _ in store.events(run_id)] == [1, 5, 6, 8, 9, 10]


@pytest.mark.parametrize("evaluated", [0, 1])
def test_at_the_last_batch_of_an_epoch_the_evaluation_is_later_or_earlier(store, evaluated):
    run_id = running(store)
    for event in (progress(5), progress(5, "evaluation"), done(1), Notice("stuck-at-chance", 1, "x")):
        store.add(run_id, event)
    store.add(run_id, resumed(5, evaluated), history=[done(1)][:evaluated])
    assert [event.phase for event in store.progress(run_id)] == ["training", "evaluation"][: 1 + evaluated]
    assert len(store.epochs(run_id)) == evaluated
    assert store.run(run_id).epochs_done == evaluated


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
    interrupt_lost_runs(store)
    store.resume(run_id)
    store.transition(run_id, State.STARTING)
    store.add(run_id, STARTED, to=State.RUNNING)
    assert [type(event) for _, event in store.events(run_id)] == [RunInterrupted, RunStarted]
    assert store.progress(run_id) == store.epochs(run_id) == ()
    run = store.run(run_id)
    assert (run.epochs_done, run.test_accuracy, run.best_test_accuracy) == (0, None, None)


def test_a_process_that_lost_its_run_tells_nothing_more(store):
    run_id = running(store)
    interrupt_lost_runs(store)
    store.resume(run_id)
    store.transition(run_id, State.STARTING, process=Process(2, "another"))
    for late in (progress(3), RunFinished(1, 1.0, 1.0, 1.0, 1, 1.0)):
        with pytest.raises(RunStateError, match="no longer belongs to process 1"):
            store.add(run_id, late, process=Process(1, "gone"))
    assert store.progress(run_id) == ()


# Interrupted


def test_a_run_is_resumed_by_itself_three_times_and_then_waits_for_a_person(store):
    run_id = running(store)
    for number in range(1, MOST_AUTO_RESUMES + 1):
        assert interrupt_lost_runs(store) == 1
        assert auto_resumable(store) == (run_id,)
        store.auto_resume(run_id)
        assert (store.run(run_id).state, store.run(run_id).resumes) == (State.QUEUED, number)
        store.transition(run_id, State.STARTING, process=Process(1, "gone"))
    interrupt_lost_runs(store)
    assert auto_resumable(store) == ()
    store.auto_resume(run_id)
    assert store.run(run_id).state is State.INTERRUPTED
    store.resume(run_id)
    assert store.run(run_id).resumes == 0


@pytest.mark.parametrize("state", sorted(IN_PROCESS))
def test_a_lost_process_is_noticed_in_each_state_that_has_one(store, monkeypatch, state):
    monkeypatch.setattr(background, "running", lambda home: True)
    run_id = store.create(CONFIG, "t", state=state, process=Process(1, "gone"))

    assert check_processes(store, {state}).changed
    assert store.run(run_id).state is State.INTERRUPTED


@pytest.mark.parametrize("asked", ["pause", "stop"])
def test_what_was_asked_to_end_is_interrupted_and_not_resumed(store, asked):
    run_id = running(store)
    getattr(store, asked)(run_id)
    assert interrupt_lost_runs(store) == 1
    assert store.run(run_id).state is State.INTERRUPTED
    assert auto_resumable(store) == ()


def test_a_look_at_the_processes_holds_for_a_while_unless_the_states_change(store, monkeypatch):
    asked, clock = [], [100.0]
    found = watch.Check(changed=True, lost=frozenset({"a"}))
    monkeypatch.setattr(watch, "check_processes", lambda store, states: asked.append(set(states)) or found)
    monkeypatch.setattr(watch.time, "monotonic", lambda: clock[0])
    looks = watch.Looks(store, 1.0)

    assert looks.check({State.RUNNING}) == found
    assert looks.check({State.RUNNING, State.FINISHED}) == watch.Check(lost=frozenset({"a"}))  # what ended is nothing to look at
    looks.check({State.RUNNING, State.QUEUED})  # one that waits needs a dispatcher at once
    clock[0] += 1.0
    looks.check({State.RUNNING, State.QUEUED})
    assert asked == [{State.RUNNING}, {State.RUNNING, State.QUEUED}, {State.RUNNING, State.QUEUED}]
    always = watch.Looks(store, 0.0)
    assert [always.check({State.RUNNING}) for _ in range(2)] == [found, found]


def test_resuming_by_itself_is_a_setting(store, monkeypatch):
    run_id = interrupted(store)
    for off in ("off", "0", "No"):
        monkeypatch.setenv("CNNLAB_AUTO_RESUME", off)
        assert auto_resumable(store) == ()
    monkeypatch.setenv("CNNLAB_AUTO_RESUME", "on")
    assert auto_resumable(store) == (run_id,)


def test_a_run_that_is_resumed_by_itself_goes_to_the_head_of_the_queue(store):
    run_id, waiting = interrupted(store), store.create(CONFIG, "w")
    store.auto_resume(run_id)
    assert [run.id for run in store.active()] == [run_id, waiting]


def test_a_dead_run_is_shown_as_interrupted_while_another_program_locks_the_record(tmp_path, monkeypatch):
    monkeypatch.setattr(background, "ensure", lambda home: None)
    lab, store = Lab(tmp_path), Store(tmp_path)
    run_id, healthy = running(store), store.create(CONFIG, "h", state=State.STARTING, process=current())
    recorded = store.summaries().version
    other = sqlite3.connect(store.path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    begun = time.monotonic()

    run, listed, short = lab.run(run_id), lab.runs(), lab.summaries()

    assert time.monotonic() - begun < 3, "reading waits for no write"
    assert run.state is State.INTERRUPTED
    assert "killed" in run.message
    assert "cannot be written" in run.message
    assert {each.id: each.state for each in listed} == {run_id: State.INTERRUPTED, healthy: State.STARTING}
    assert {each.id: each.state for each in short.runs} == {run_id: State.INTERRUPTED, healthy: State.STARTING}
    assert short.version != recorded  # pages compare it
    monkeypatch.setattr("cnnlab.lab.interrupt_lost_runs", partial(interrupt_lost_runs, busy_seconds=0.1))
    for change in (lab.resume, lab.delete):
        with pytest.raises(StoreError, match="locked by another program"):
            change(run_id)

    other.execute("ROLLBACK")
    assert store.run(run_id).state is State.RUNNING
    assert lab.run(run_id).message == watch.MESSAGE
    assert store.run(run_id).state is State.INTERRUPTED
    other.close()
    lab.close()
    store.close()
