"""The table of all runs: one query, columns that follow the record, a small curve for each."""

from __future__ import annotations

import sqlite3

import pytest

from cnnlab.config import RunConfig
from cnnlab.events import EpochDone
from cnnlab.home import store_file
from cnnlab.runs import summaries
from cnnlab.runs.migrations import MIGRATIONS, migrate
from cnnlab.runs.records import State
from cnnlab.runs.store import Store

CONFIG = RunConfig.make(architecture="lenet", dataset="sample", epochs=100)


@pytest.fixture
def store(tmp_path):
    store = Store(tmp_path)
    yield store
    store.close()


def epoch(number, test_loss=1.4):
    return EpochDone(number, number, 1.5, 0.4, test_loss, number / 1000, 0.1, 2.0, 0.1, 1.5, 0.4)


def trained(store, epochs, token="t"):
    run_id = store.create(CONFIG, token, name="mine")
    store.move(run_id, State.STARTING, device="cpu")
    store.move(run_id, State.RUNNING)
    for number in range(1, epochs + 1):
        store.add(run_id, epoch(number))
    return run_id


def test_a_summary_says_what_the_run_says(store):
    run_id = trained(store, 3)

    summary, run = store.summaries().runs[0], store.run(run_id)

    shared = set(summary._fields) & set(dir(run))
    assert {"id", "name", "state", "owner", "epochs_done", "best_test_accuracy", "seconds", "created"} <= shared
    assert {name: getattr(summary, name) for name in shared} == {name: getattr(run, name) for name in shared}
    assert (summary.architecture, summary.dataset, summary.epochs) == ("lenet", "sample", 100)
    assert summary.active


def test_the_newest_stand_first_and_no_more_than_asked_for(store):
    ids = [store.create(CONFIG, str(number)) for number in range(5)]

    assert [each.id for each in store.summaries(limit=2).runs] == ids[:2:-1]


def test_a_run_without_an_epoch_has_an_empty_curve(store):
    store.create(CONFIG, "t")

    assert store.summaries().runs[0].curve == ()


def test_a_short_curve_has_every_epoch(store):
    trained(store, 4)

    assert store.summaries().runs[0].curve == (0.001, 0.002, 0.003, 0.004)


@pytest.mark.parametrize("epochs", [19, 20, 21, 39, 100])
def test_a_long_curve_is_thinned_and_keeps_its_ends(store, epochs):
    trained(store, epochs)

    curve = store.summaries().runs[0].curve

    assert len(curve) <= summaries.POINTS
    assert len(curve) >= min(epochs, summaries.POINTS // 2)
    assert (curve[0], curve[-1]) == (0.001, epochs / 1000)
    assert list(curve) == sorted(curve)


def test_an_epoch_whose_loss_is_no_number_leaves_a_gap(store):
    run_id = trained(store, 2)
    store.add(run_id, epoch(3, test_loss=float("nan")))
    store.add(run_id, epoch(4))

    assert store.summaries().runs[0].curve == (0.001, 0.002, 0.004)


def test_ten_thousand_characters_and_a_strange_owner_come_back_as_typed(store):
    name = "<b>“'\u202e" * 1_000
    store.create(CONFIG, "t", name=name, owner="O'Brien; DROP TABLE runs")

    assert (store.summaries().runs[0].name, store.summaries().runs[0].owner) == (name, "O'Brien; DROP TABLE runs")


def test_a_record_from_before_gets_its_columns_and_curves(tmp_path):
    before = tuple(step for step in MIGRATIONS if step[0] != "summaries")
    connection = sqlite3.connect(store_file(tmp_path), isolation_level=None)
    migrate(connection, before)
    connection.execute(
        "INSERT INTO runs (id, token, name, state, config, created, epochs_done) VALUES ('0a', 't', 'old', 'finished', ?, 1, 100)",
        (CONFIG.to_json(),),
    )
    connection.executemany(
        "INSERT INTO events VALUES ('0a', :n, 'epoch_done', :n, 1, json_object('test_accuracy', :n / 1000.0))",
        [{"n": number} for number in range(1, 101)],
    )
    connection.close()

    store = Store(tmp_path)
    found = store.summaries().runs[0]
    store.close()

    assert (found.architecture, found.dataset, found.epochs) == ("lenet", "sample", 100)
    assert 10 <= len(found.curve) <= summaries.POINTS
    assert (found.curve[0], found.curve[-1]) == (0.001, 0.1)


def test_nothing_is_read_again_until_something_changes(store):
    run_id = trained(store, 1)
    known = store.summaries()

    assert store.summaries(known=known) is known

    for change in (
        lambda: store.add(run_id, epoch(2)),
        lambda: store.move(run_id, State.FINISHED),
        lambda: store.rename(run_id, "another"),
        lambda: store.create(CONFIG, "second"),
        lambda: store.delete(run_id),
    ):
        change()
        fresh = store.summaries(known=known)
        assert fresh is not known
        assert fresh.version > known.version
        known = fresh
