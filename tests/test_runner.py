"""A run in its process: paused, stopped, killed and resumed, it ends like an undisturbed one."""

import psutil
import torch
from made_runs import CONFIG, STARTED, progress
from waiting import wait_for

from cnnlab.events import CheckpointSaved, EpochDone, Notice, RunFinished, RunPaused, RunResumed, RunStarted
from cnnlab.runs.records import State
from cnnlab.runs.store import Store
from cnnlab.training import checkpoints
from cnnlab.workers import runner

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


# In processes


def untimed(epochs):
    return [(e.epoch, e.step, e.train_loss, e.train_accuracy, e.test_loss, e.test_accuracy, e.learning_rate) for e in epochs]


def same_weights(lab, first, second):
    weights, expected = (checkpoints.load(lab.home / "runs" / run_id / "last.pt")["model"] for run_id in (first, second))
    return all(torch.equal(weights[name], expected[name]) for name in weights)


def test_a_run_that_was_paused_stopped_and_killed_equals_one_that_was_not(lab):
    config = CONFIG.change(
        limit=2_000, batch_size=16, epochs=3, optimizer="adam", learning_rate=0.003, schedule="cosine", random_crop=2,
        options={"activation": "relu", "dropout": 0.3, "batch_norm": True},
    )  # fmt: skip
    undisturbed = lab.start(config, token="undisturbed")
    wait_for(lambda: lab.run(undisturbed).state is State.FINISHED, 60)
    run_id = lab.start(config, token="disturbed")

    def trains():
        before = len(lab.progress(run_id, 10_000))
        wait_for(lambda: lab.run(run_id).state is State.RUNNING and len(lab.progress(run_id, 10_000)) > before + 1, 60)

    trains()
    lab.pause(run_id)
    wait_for(lambda: lab.run(run_id).state is State.PAUSED, 60)
    lab.resume(run_id)
    trains()
    store = Store(lab.home)
    psutil.Process(next(run.process.pid for run in store.active() if run.id == run_id)).kill()
    wait_for(lambda: lab.run(run_id).resumes == 1, 60)
    trains()
    lab.stop(run_id)
    wait_for(lambda: lab.run(run_id).state is State.STOPPED, 60)
    lab.resume(run_id)
    wait_for(lambda: lab.run(run_id).state is State.FINISHED, 60)

    assert untimed(lab.epochs(run_id)) == untimed(lab.epochs(undisturbed))
    assert same_weights(lab, run_id, undisturbed)
    steps = [event.step for event in lab.progress(run_id, 10_000) if event.phase == "training"]
    assert steps == sorted(set(steps))
    seconds = [event.seconds for event in lab.progress(run_id, 10_000)]
    assert seconds == sorted(seconds)
    store.close()
