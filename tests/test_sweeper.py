"""A sweep's process: no trial is lost or made twice, whenever it dies; hopeless runs, budgets, and what users do meanwhile."""

from __future__ import annotations

import random
from collections import Counter
from typing import Any

import pytest
from sweep_fakes import BASE, BATCH, Laboratory

from cnnlab.errors import ConfigError, LimitError, RunStateError, StoreError, SweepNotFound
from cnnlab.runs.records import State
from cnnlab.runs.sweep_store import SweepStore
from cnnlab.system.home import sweep_folder
from cnnlab.workers.study import FILE, Study, warm_up
from cnnlab.workers.sweep import Sweeper


@pytest.fixture
def made(store):
    """Makes a laboratory with one sweep; its connections are closed afterwards."""
    laboratories = []

    def make(**settings) -> Laboratory:
        laboratories.append(Laboratory(store, **settings))
        return laboratories[-1]

    yield make
    for each in laboratories:
        each.end_process()


def test_a_sweep_trains_its_number_of_runs_two_at_a_time(made, store):
    laboratory = made()

    laboratory.work()
    sweep = laboratory.sweep

    assert (sweep.state, sweep.message, sweep.ended is None) == ("finished", "", False)
    assert laboratory.states == ["finished"] * 6
    assert laboratory.most == 2
    assert [run.id for run in reversed(store.runs())] == list(sweep.run_ids)
    for run, trial in zip(reversed(store.runs()), sweep.trials, strict=True):
        assert (run.owner, run.tags) == ("Ana", (sweep.tag,))
        assert (run.config.learning_rate, run.config.batch_size) == tuple(trial.values.values())
        assert trial.accuracy == max(done.validation_accuracy for done in store.epochs(run.id))
    assert sweep.best.accuracy == max(trial.accuracy for trial in sweep.trials)


@pytest.mark.parametrize(("dies", "faults"), [(True, 30), (False, 15)], ids=["kills", "full disk"])
def test_faults_at_any_moment_lose_no_trial_and_train_none_twice(made, store, monkeypatch, dies, faults):
    """The process dies, or its disk is full, before or after any call that writes to record or study, or while values are drawn."""
    runs = 12 if dies else 6
    laboratory, chance = made(runs=runs, prune=True, method="tpe"), random.Random(4)  # noqa: S311
    left = [0]  # calls until the fault
    fault: Any = KeyboardInterrupt if dies else StoreError("The disk is full.", temporary=True)

    def deadly(owner, name):
        call = getattr(owner, name)

        def wrapped(*arguments, **named):
            left[0] -= 1
            if left[0] == 0:
                raise fault
            result = call(*arguments, **named)
            left[0] -= 1
            if left[0] == 0:
                raise fault
            return result

        monkeypatch.setattr(owner, name, wrapped)

    for owner, names in (
        (SweepStore, ("add_trial", "change_trial", "prune", "end", "report")),
        (Study, ("ask", "report", "finish", "prune", "fail")),
        (type(laboratory.queueing), ("start",)),
        (type(store), ("tag",)),
    ):
        for name in names:
            deadly(owner, name)
    monkeypatch.setattr("cnnlab.workers.study._suggest", _deadly_suggestion(left, fault))
    met = 0
    for _ in range(600):
        left[0] = left[0] if left[0] > 0 or met >= faults else chance.randint(1, 12)
        try:
            if not laboratory.turn():
                break
        except (KeyboardInterrupt, StoreError):
            met += 1
            if dies:
                laboratory.end_process()
        laboratory.train()
    sweep = laboratory.sweep

    assert (met, sweep.state, len(sweep.trials)) == (faults, "finished", runs)
    assert sweep.count("finished", "pruned") == runs
    assert len(set(sweep.run_ids)) == len(store.runs()) == runs
    assert max(Counter(tuple(trial.values.values()) for trial in sweep.trials).values()) == 1
    assert all(run.tags == (sweep.tag,) for run in store.runs())
    assert laboratory.most <= 2
    study = Study(sweep_folder(store.home, sweep.id), sweep.config)
    assert study.unfinished() == {}
    study.close()


def _deadly_suggestion(left, fault):
    from cnnlab.workers import study

    suggest = study._suggest

    def wrapped(trial, dimension):
        suggest(trial, dimension)
        left[0] -= 1
        if left[0] == 0:
            raise fault

    return wrapped


@pytest.mark.parametrize("method", ["grid", "tpe"])
def test_a_grid_tries_each_combination_once_and_chance_repeats_none(made, method):
    values = {"setting": "learning_rate", "values": [0.1, 0.2]}
    laboratory = made(dimensions=[values, BATCH], method=method, runs=100, base=BASE.change(epochs=1))

    laboratory.work()

    tried = [tuple(trial.values.values()) for trial in laboratory.sweep.trials]
    assert sorted(tried) == [(rate, batch) for rate in (0.1, 0.2) for batch in (16, 32, 64)]


def test_a_hopeless_run_is_stopped_early_and_both_records_say_why(made, store):
    laboratory = made(prune=True, runs=12)

    laboratory.work()
    pruned = [trial for trial in laboratory.sweep.trials if trial.state == "pruned"]

    assert laboratory.sweep.state == "finished"
    assert pruned
    assert all(trial.number > 4 for trial in pruned)  # four finish first
    for trial in pruned:
        run = store.run(trial.run_id)
        assert warm_up(run.config) <= run.epochs_done < run.config.epochs
        assert (run.state, run.message) == (State.STOPPED, trial.message)
        assert f"Stopped by the sweep after epoch {trial.epochs_done}: its best validation accuracy" in trial.message


def test_a_sigmoid_that_starts_flat_is_not_stopped_before_half_of_its_epochs(made):
    assert [warm_up(BASE.change(epochs=epochs)) for epochs in (1, 3, 10, 20)] == [1, 1, 4, 7]
    sigmoid = BASE.change(epochs=10, options={"activation": "sigmoid"})
    assert warm_up(sigmoid) == 5
    flat = made(
        base=sigmoid, prune=True, runs=6, accuracy=lambda config, epoch: 0.1 if epoch < 5 else 0.1 + config.learning_rate / 2
    )

    flat.work()

    assert all(trial.epochs_done >= 5 for trial in flat.sweep.trials)


def test_a_sweep_ends_with_its_minutes_and_goes_on_when_resumed(made):
    laboratory = made(minutes=1, runs=200, at_a_time=4, seconds=4.0)
    for _ in range(6):
        laboratory.turn()
        laboratory.train()
    laboratory.now += 3_600  # the machine slept
    laboratory.turn()
    assert laboratory.sweep.state == "running"

    laboratory.work()
    sweep = laboratory.sweep
    done = sweep.count("finished")

    assert (sweep.state, sweep.message) == ("finished", f"Its time of 60 seconds was over after {done} of 200 runs.")
    assert sweep.count("stopped") == 2  # waited for the device
    assert 60 <= sweep.seconds < 100

    laboratory.end_process()
    laboratory.sweeps.resume(laboratory.id, owner="Ana")
    assert laboratory.sweep.seconds == 0
    laboratory.turn()
    assert laboratory.sweep.count("stopped") == 0
    assert laboratory.sweep.count("waiting") == 2


@pytest.mark.parametrize("now", [False, True])
def test_stopping_takes_back_what_waits_and_resuming_goes_on_with_it(made, store, now):
    laboratory = made(at_a_time=3)
    for _ in range(4):
        laboratory.turn()
        laboratory.train()
    assert laboratory.states == ["training", "training", "waiting"]

    with pytest.raises(RunStateError, match="belongs to Ana"):
        laboratory.sweeps.stop(laboratory.id, owner="Ben")
    laboratory.sweeps.stop(laboratory.id, owner="Ana", now=now)
    laboratory.work()

    assert (laboratory.sweep.state, laboratory.sweep.ended is None) == ("stopped", False)
    assert laboratory.states == ["stopped"] * 3 if now else ["finished", "finished", "stopped"]
    assert store.active() == ()

    laboratory.end_process()
    laboratory.sweeps.resume(laboratory.id)
    laboratory.work()

    assert laboratory.states == ["finished"] * 6
    assert len(store.runs()) == 6
    with pytest.raises(RunStateError, match="has tried all of its 6 runs"):
        laboratory.sweeps.resume(laboratory.id)


def test_refused_settings_are_a_failed_trial_and_a_limit_on_runs_is_waited_for(made):
    laboratory = made(runs=4)
    asked = []

    def refuse(config):
        asked.append(config)
        if len(asked) == 1:
            raise ConfigError("This run needs 9 GB, more than the 8 GB that are free.", "batch_size")
        if len(asked) == 2:
            raise LimitError("You have 1 run waiting or training.", temporary=True)

    laboratory.queueing.refuse = refuse
    laboratory.turn()
    laboratory.turn()
    assert laboratory.sweep.message == "You have 1 run waiting or training."
    laboratory.work()

    assert laboratory.states == ["failed", "finished", "finished", "finished"]
    assert laboratory.sweep.trials[0].message == "This run needs 9 GB, more than the 8 GB that are free."
    assert (laboratory.sweep.state, laboratory.sweep.message) == ("finished", "")


def test_a_sweep_of_which_every_run_is_refused_has_failed(made):
    laboratory = made(runs=3)

    def refuse(config):
        raise ConfigError("Too large.")

    laboratory.queueing.refuse = refuse
    laboratory.work()

    assert (laboratory.sweep.state, laboratory.sweep.message) == ("failed", "None of its runs finished. The last one: Too large.")


def test_runs_that_a_user_stops_pauses_or_deletes_are_failed_trials(made, store):
    laboratory = made(runs=5, at_a_time=4)
    for _ in range(4):
        laboratory.turn()
    first, second, third, _ = laboratory.sweep.run_ids

    store.stop(first)
    store.pause(second)
    store.stop(third)
    store.delete(third)
    laboratory.work()

    assert laboratory.states == ["failed", "failed", "failed", "finished", "finished"]
    messages = [trial.message for trial in laboratory.sweep.trials[:3]]
    assert messages == ["Its run was stopped by a user.", "Its run was paused by a user.", "Its run was deleted."]


def test_a_damaged_study_is_one_sentence(made, store):
    laboratory = made()
    laboratory.turn()
    laboratory.end_process()
    (sweep_folder(store.home, laboratory.id) / FILE).write_bytes(b"not a database" * 100)

    with pytest.raises(Exception, match=r"study.sqlite in its folder, cannot be read or written .*start another sweep") as caught:
        laboratory.turn()
    assert not caught.value.temporary


def test_a_sweep_is_made_once_for_a_token_and_deleted_after_its_end(made, store):
    laboratory = made(runs=1, base=BASE.change(epochs=1))
    assert laboratory.sweeps.create(laboratory.config, "token", "again") == laboratory.id

    with pytest.raises(RunStateError, match="has not ended"):
        laboratory.sweeps.delete(laboratory.id)
    laboratory.work()
    laboratory.sweeps.delete(laboratory.id)

    assert laboratory.sweeps.sweeps() == ()
    assert len(store.runs()) == 1
    with pytest.raises(SweepNotFound):
        Sweeper(store, laboratory.queueing, laboratory.id, study=Study)
