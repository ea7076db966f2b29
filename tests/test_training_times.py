"""The seconds of a run: what counts as loading, computing and evaluating, and what a resumed run takes over."""

from __future__ import annotations

import inspect
from types import SimpleNamespace

import pytest
import torch
from quadrants import quadrants, settings

from cnnlab.events import EpochDone, Progress
from cnnlab.training import checkpoints, devices, engine, features, session
from cnnlab.training.engine import train
from cnnlab.training.evaluation import Evaluation
from cnnlab.training.session import Session
from cnnlab.training.sums import Times

EVALUATED = Evaluation(0.7, 0.6, torch.zeros(30, dtype=torch.uint8), torch.ones(30))


@pytest.fixture
def clock(monkeypatch):
    """A clock that stands still unless it is moved."""
    now = [1000.0]
    monkeypatch.setattr(session, "clock", SimpleNamespace(seconds=lambda: now[0]))
    return now


def moving(clock, seconds, call):
    def moved(*given, **how):
        clock[0] += seconds
        return call(*given, **how)

    return moved


def test_preparing_a_batch_is_loading_and_the_rest_is_computing(clock, monkeypatch):
    run = Session(settings(), quadrants())
    monkeypatch.setattr(type(run.preparation), "augmented", moving(clock, 3.0, type(run.preparation).augmented))
    run.model.register_forward_hook(lambda *_: clock.__setitem__(0, clock[0] + 0.5))
    run.begin_epoch()

    run.advance()
    run.advance()

    assert (run.times.load, run.times.compute, run.times.evaluation) == (6.0, 1.0, 0.0)
    monkeypatch.setattr(run.sums, "read", moving(clock, 0.25, run.sums.read))
    run.totals()
    assert run.times.compute == 1.25
    assert run.seconds == 7.25
    run.begin_epoch()
    assert run.times == Times()


def test_an_epoch_has_the_seconds_of_each_activity_and_their_sum(clock):
    run = Session(settings(), quadrants())
    run.begin_epoch()
    run.advance()
    run.times = Times(load=1.0, compute=2.0, evaluation=4.0)

    done = run.close_epoch(EVALUATED, Evaluation(0.8, 0.5, EVALUATED.predicted, EVALUATED.confidence))

    assert (done.load_seconds, done.compute_seconds, done.evaluation_seconds, done.seconds) == (1.0, 2.0, 4.0, 7.0)
    assert (done.test_loss, done.test_accuracy, done.validation_loss, done.validation_accuracy) == (0.7, 0.6, 0.8, 0.5)
    assert run.history == [done]
    assert run.evaluation is EVALUATED


def test_a_resumed_run_goes_on_with_the_seconds_of_the_one_before(clock):
    run = Session(settings(), quadrants())
    run.begin_epoch()
    run.advance()
    run.times = Times(load=1.0, compute=2.0, evaluation=4.0)
    run.close_epoch(EVALUATED)
    run.begin_epoch()
    run.times = Times(load=0.5, compute=0.25, evaluation=0.0)
    clock[0] += 90.0
    kept = run.state()
    clock[0] += 5000.0

    resumed = Session(settings(), quadrants())
    resumed.restore(kept)
    clock[0] += 10.0

    assert kept["seconds"] == 90.0
    assert resumed.seconds == 100.0
    assert resumed.times == run.times
    del kept["seconds"]  # as in early checkpoints
    resumed.restore(kept)
    assert resumed.seconds == 7.0 + 0.75


def test_an_evaluation_takes_its_own_seconds(monkeypatch):
    now = [50.0]
    monkeypatch.setattr(engine, "clock", SimpleNamespace(seconds=lambda: now[0]))
    steps = features.evaluate_in_steps

    def slow(*given, **how):
        now[0] += 2.0
        return (yield from steps(*given, **how))

    monkeypatch.setattr(features, "evaluate_in_steps", slow)

    (done,) = (event for event in train(settings(epochs=1, validation_share=0.2), quadrants()) if isinstance(event, EpochDone))

    assert done.evaluation_seconds == 4.0


def test_a_run_says_where_it_trains_and_how_long_it_took(tmp_path):
    title = devices.find("cpu").title
    emitted = list(train(settings(epochs=2), quadrants(), folder=tmp_path))
    resumed = next(train(settings(epochs=3), quadrants(), resume=checkpoints.load(tmp_path / "last.pt")))

    assert (emitted[0].device, emitted[0].device_name) == (resumed.device, resumed.device_name) == ("cpu", title)
    epochs = [event.seconds for event in emitted if isinstance(event, EpochDone)]
    assert sum(epochs) <= emitted[-1].seconds
    told = [event.seconds for event in emitted if isinstance(event, Progress)]
    assert told == sorted(told) and 0 < told[0] <= emitted[-1].seconds
    assert resumed.seconds >= sum(epochs)


def test_progress_comes_twice_a_second_and_a_checkpoint_twice_a_minute_unless_asked_otherwise():
    given = inspect.signature(train).parameters

    assert (given["progress_every"].default, given["checkpoint_every"].default) == (0.5, 30.0)
    assert [given[name].default for name in ("folder", "resume", "compiled")] == [None] * 3
    assert not given["pausing"].default()
