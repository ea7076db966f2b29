"""Validation images: kept aside by class and seed, decisive for the best epoch and for early stopping, the same after a resume."""

from collections import Counter

import pytest
import torch
from quadrants import quadrants, settings
from test_resume import disturbed, same, undisturbed, untimed

from cnnlab.config import RunConfig
from cnnlab.errors import DataError
from cnnlab.events import EpochDone, Notice, RunFinished, RunStarted, best_epoch
from cnnlab.runs.records import State
from cnnlab.system.processes import Process
from cnnlab.training import batches, checkpoints, costs
from cnnlab.training.engine import train
from cnnlab.training.session import Session

KEPT = settings(validation_share=0.2, epochs=3, horizontal_flip=True, learning_rate=0.5)


def of(kind, emitted):
    return [event for event in emitted if isinstance(event, kind)]


def rows(images):
    return [image.numpy().tobytes() for image in images]


def made(epoch, test, validation=None):
    return EpochDone(
        epoch, 10 * epoch, 1.0, 0.5, 1.0, test, 0.1, 1.0, 0.1, 0.8, 0.1, 1.0 if validation is not None else None, validation
    )


def test_validation_images_are_never_trained_on_and_none_is_lost():
    data = quadrants(train=90)
    rest, images, labels = batches.set_aside(data, 0.2, seed=3)

    assert (len(rest.train_images), len(images), len(rest.test_images)) == (72, 18, 30)
    assert sorted(rows(rest.train_images) + rows(images)) == sorted(rows(data.train_images))
    assert Counter(labels.tolist()) == {0: 6, 1: 6, 2: 6}
    session = Session(KEPT.change(seed=3), data)
    assert torch.equal(session.validation_images, images)
    assert torch.equal(session.train_images, rest.train_images)


def test_the_seed_draws_the_validation_images_and_no_share_draws_none():
    data = quadrants(train=90)
    first, again, other = (batches.set_aside(data, 0.2, seed)[1] for seed in (3, 3, 4))

    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    assert batches.set_aside(data, 0.0, 3)[0] is data


def test_the_draw_of_the_validation_images_is_unrelated_to_that_of_a_share_of_the_data():
    data = quadrants(train=90)
    pairs = [(batches.set_aside(data, 0.2, seed)[1], data.take(share=0.2, seed=seed).train_images) for seed in range(4)]

    assert all(len(set(rows(kept)) & set(rows(share))) < len(kept) / 2 for kept, share in pairs)


@pytest.mark.parametrize("limit", [None, 7, 31])
def test_the_mix_of_classes_stays_with_a_limit_too(limit):
    data = quadrants(train=90).take(limit=limit, seed=1)
    rest, _, labels = batches.set_aside(data, 0.3, 1)

    assert len(labels) == round(0.3 * len(data.train_labels))
    for part in (rest.train_labels, labels):
        counts = torch.bincount(part, minlength=3).tolist()
        assert max(counts) - min(counts) <= 2
    assert len(rest.train_labels) + len(labels) == (limit or 90)


def test_a_share_that_leaves_nothing_to_train_on_is_refused_with_a_sentence():
    with pytest.raises(DataError, match="at least 2 training images; raise data_share or limit, or set validation_share to 0"):
        next(train(KEPT, quadrants(train=1)))
    with pytest.raises(DataError, match="at least 2 training images"):
        costs.images(RunConfig.make(limit=1, validation_share=0.1))


def test_validation_images_are_neither_augmented_nor_part_of_the_statistics():
    config, data = KEPT.change(normalization="dataset"), quadrants(train=90)
    rest, images, labels = batches.set_aside(data, 0.2, config.seed)

    session = Session(config, data)
    (done,) = of(EpochDone, train(config.change(epochs=1, learning_rate=1e-9), data))

    assert session.preparation.mean == rest.statistics(1)[0] != data.statistics(1)[0]
    logits = session.model.eval()(session.preparation.test(images))
    assert done.validation_accuracy == (logits.argmax(1) == labels).sum().item() / len(labels)
    assert done.validation_loss == pytest.approx(torch.nn.functional.cross_entropy(logits, labels).item(), rel=1e-5)


def test_a_run_counts_its_validation_images_and_reports_both_accuracies(tmp_path):
    emitted = list(train(KEPT, quadrants(train=90), folder=tmp_path))

    (started,), epochs, finished = of(RunStarted, emitted), of(EpochDone, emitted), emitted[-1]
    assert (started.train_images, started.validation_images, started.test_images) == (72, 18, 30)
    best = best_epoch(epochs)
    assert best.validation_accuracy == max(done.validation_accuracy for done in epochs)
    assert (finished.best_epoch, finished.best_test_accuracy) == (best.epoch, best.test_accuracy)
    assert finished.best_validation_accuracy == best.validation_accuracy
    assert checkpoints.load(tmp_path / "best.pt")["epoch"] == best.epoch


def test_the_best_epoch_goes_by_validation_where_there_is_one_and_else_by_test():
    assert best_epoch([made(1, 0.5), made(2, 0.8), made(3, 0.8)]).epoch == 2
    assert best_epoch([made(1, 0.5, 0.7), made(2, 0.9, 0.6), made(3, 0.4, 0.7)]).epoch == 1
    assert best_epoch([]) is None


@pytest.fixture
def evaluations(monkeypatch):
    """Makes accuracies come out as a test writes them: pairs of test and validation accuracy, one for each epoch."""
    planned = {}
    close = Session.close_epoch

    def closed(session, test, validation=None):
        accuracy, kept = planned[session.epoch]
        object.__setattr__(test, "accuracy", accuracy)
        if validation is not None:
            object.__setattr__(validation, "accuracy", kept)
        return close(session, test, validation)

    monkeypatch.setattr(Session, "close_epoch", closed)
    return planned


PLAN = {1: (0.2, 0.5), 2: (0.3, 0.8), 3: (0.9, 0.7), 4: (0.4, 0.8), 5: (0.5, 0.9), 6: (0.6, 0.9)}


def test_best_pt_is_the_epoch_that_validation_chose(evaluations, tmp_path):
    evaluations.update(PLAN)
    list(train(KEPT.change(epochs=4), quadrants(train=90), folder=tmp_path))

    content = checkpoints.load(tmp_path / "best.pt")

    assert (content["epoch"], content["best_epoch"], content["best_test_accuracy"]) == (2, 2, 0.3)


def test_early_stopping_counts_epochs_without_a_better_accuracy(evaluations, tmp_path):
    evaluations.update(PLAN)
    emitted = list(train(KEPT.change(epochs=6, patience=2), quadrants(train=90), folder=tmp_path))

    assert [done.epoch for done in of(EpochDone, emitted)] == [1, 2, 3, 4]
    notice, finished = emitted[-2:]
    assert isinstance(notice, Notice) and isinstance(finished, RunFinished)
    assert notice.message == (
        "Stopped early after epoch 4 of 6: the accuracy on the validation images has not been better than 80.0 % since epoch 2, "
        "and the patience is 2."
    )
    assert (finished.stopped_early, finished.epochs, finished.best_epoch, finished.best_test_accuracy) == (True, 4, 2, 0.3)


def test_early_stopping_goes_by_the_test_images_where_there_are_no_others(evaluations):
    evaluations.update(PLAN)
    emitted = list(train(settings(epochs=6, patience=2), quadrants()))

    assert of(EpochDone, emitted)[-1].epoch == 5
    assert "the accuracy on the test images has not been better than 90.0 % since epoch 3" in emitted[-2].message
    assert not list(train(settings(epochs=5, patience=2), quadrants()))[-1].stopped_early


def test_without_patience_no_run_stops_early(evaluations):
    evaluations.update(dict.fromkeys(range(1, 7), (0.5, 0.5)))

    assert len(of(EpochDone, train(KEPT.change(epochs=6), quadrants(train=90)))) == 6


@pytest.mark.parametrize("moments", [(2,), (9, 1, 4), (8, 2)], ids=str)
def test_a_run_with_validation_and_patience_that_was_paused_ends_the_same_to_the_bit(evaluations, tmp_path, moments):
    evaluations.update(PLAN)
    config = KEPT.change(epochs=6, patience=2)
    whole = undisturbed(config, tmp_path / "whole")

    emitted = disturbed(config, tmp_path / "paused", moments)

    assert untimed(emitted) == untimed(whole)
    assert untimed(emitted[-1:], RunFinished) == untimed(whole[-1:], RunFinished)
    for name in ("last.pt", "best.pt"):
        assert same(checkpoints.load(tmp_path / "whole" / name), checkpoints.load(tmp_path / "paused" / name))


def test_a_run_that_was_killed_after_its_last_epoch_does_not_train_on(evaluations, tmp_path):
    evaluations.update(PLAN)
    config = KEPT.change(epochs=6, patience=2)
    stream = train(config, quadrants(train=90), folder=tmp_path)
    next(event for event in stream if isinstance(event, EpochDone) and event.epoch == 4)
    stream.close()

    emitted = disturbed(config, tmp_path, ())

    assert not of(EpochDone, emitted)
    assert (emitted[-1].epochs, emitted[-1].stopped_early) == (4, True)


def test_the_share_done_covers_the_validation_images(monkeypatch):
    monkeypatch.setattr("cnnlab.training.engine.evaluation_batch", lambda *_: 1)
    progress = [e for e in train(KEPT, quadrants(train=90), progress_every=0) if hasattr(e, "share_done")]

    shares = [event.share_done for event in progress]
    assert shares == sorted(shares)
    assert shares[-1] == pytest.approx(1.0)
    assert shares.count(shares[-1]) == 1
    assert len([event for event in progress if event.phase == "evaluation" and event.epoch == 1]) == 30 + 18


def test_the_record_keeps_the_test_accuracy_of_the_epoch_that_validation_chose(store):
    run_id = store.create(KEPT, "token")
    store.transition(run_id, State.STARTING, device="cpu", process=Process(1, "x"))
    store.transition(run_id, State.RUNNING)
    best = max(validation for _, validation in PLAN.values())
    for number, (test, validation) in (PLAN | {len(PLAN) + 1: (0.9, best)}).items():  # of equal epochs the first counts
        store.add(run_id, made(number, test, validation))
        epochs = store.epochs(run_id)
        run = store.run(run_id)
        assert (run.test_accuracy, run.best_test_accuracy) == (test, best_epoch(epochs).test_accuracy)
    assert run.best_test_accuracy == 0.5


def test_epochs_stored_before_there_was_validation_are_read(store):
    run_id = store.create(KEPT, "token")
    store.transition(run_id, State.STARTING, device="cpu", process=Process(1, "x"))
    store.transition(run_id, State.RUNNING)
    store.add(run_id, made(1, 0.5))
    with store.transaction(write=True) as connection:
        connection.execute("UPDATE events SET body = json_remove(body, '$.validation_loss', '$.validation_accuracy')")
    (done,) = store.epochs(run_id)
    assert (done, done.score) == (made(1, 0.5), 0.5)


def test_a_forecast_counts_the_images_of_a_validation_share():
    whole, kept = RunConfig.make(dataset="mnist"), RunConfig.make(dataset="mnist", validation_share=0.25)

    assert costs.images(whole) == (60_000, 10_000)
    assert costs.images(kept) == (45_000, 25_000)
    image = 28 * 28 + 8
    assert costs._data_bytes(kept, "cuda") == costs._data_bytes(whole, "cuda") == 70_000 * image
    assert costs._data_bytes(kept, "cpu") - costs._data_bytes(whole, "cpu") == 60_000 * image


def test_the_images_per_second_are_those_of_training_without_the_evaluation(store):
    run_id = store.create(KEPT, "token")
    store.transition(run_id, State.STARTING, device="cpu", process=Process(1, "x"))
    store.transition(run_id, State.RUNNING)
    store.add(run_id, RunStarted("cpu", "CPU", 100, 90, 30, 6, 3, 3))

    store.add(
        run_id, EpochDone(1, 10, 1.5, 0.4, 1.4, 0.5, 0.1, 10.0, load_seconds=0.5, compute_seconds=1.5, evaluation_seconds=8.0)
    )

    assert store.run(run_id).images_per_second == 90 / (0.5 + 1.5)
