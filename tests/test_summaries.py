"""The table of all runs: one query, columns that triggers keep up to date, a small curve for each run."""

from __future__ import annotations

import sqlite3

import pytest

from cnnlab.config import RunConfig
from cnnlab.config_words import settings
from cnnlab.errors import ConfigError, RunStateError
from cnnlab.events import EpochDone, RunResumed, RunStarted
from cnnlab.runs import summaries
from cnnlab.runs.migrating import migrate
from cnnlab.runs.migrations import MIGRATIONS
from cnnlab.runs.records import State
from cnnlab.runs.store import Store
from cnnlab.system.home import store_file

CONFIG = RunConfig.make(architecture="lenet", dataset="sample", epochs=100)
CURVE_POINTS = 20  # the most that the triggers of the record keep of a run's curve


def epoch(number, test_loss=1.4):
    return EpochDone(number, number, 1.5, 0.4, test_loss, number / 1000, 0.1, 2.0, 0.1, 1.5, 0.4)


def trained(store, epochs, token="t"):
    run_id = store.create(CONFIG, token, name="mine")
    store.transition(run_id, State.STARTING, device="cpu")
    store.transition(run_id, State.RUNNING)
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

    assert [run.id for run in store.summaries(limit=2).runs] == ids[:2:-1]


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

    assert len(curve) <= CURVE_POINTS
    assert len(curve) >= min(epochs, CURVE_POINTS // 2)
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
    before = MIGRATIONS[: [name for name, _ in MIGRATIONS].index("summaries")]
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
    assert 10 <= len(found.curve) <= CURVE_POINTS
    assert (found.curve[0], found.curve[-1]) == (0.001, 0.1)


def test_nothing_is_read_again_until_something_changes(store):
    run_id = trained(store, 1)
    known = store.summaries()

    assert store.summaries(known=known) is known

    for change in (
        lambda: store.add(run_id, epoch(2)),
        lambda: store.transition(run_id, State.FINISHED),
        lambda: store.rename(run_id, "another"),
        lambda: store.create(CONFIG, "second"),
        lambda: store.delete(run_id),
    ):
        change()
        fresh = store.summaries(known=known)
        assert fresh is not known
        assert fresh.version > known.version
        known = fresh


def resumed(step, epochs_done):
    return RunResumed(epochs_done + 1, step, epochs_done, 100, "cpu", "CPU", 4.0)


@pytest.mark.parametrize("kept", [0, 1, 3, 30])
def test_a_run_that_goes_back_to_an_older_checkpoint_has_the_curve_and_figures_of_that_moment(store, kept):
    run_id = trained(store, 40)
    version = store.summaries().version

    store.add(run_id, resumed(kept, kept), history=tuple(map(epoch, range(1, kept + 1))))

    found, run = store.summaries(), store.run(run_id)
    summary = found.runs[0]
    assert found.version > version
    assert summary.epochs_done == run.epochs_done == kept
    assert summary.test_accuracy == run.test_accuracy == (kept / 1000 if kept else None)
    assert summary.best_test_accuracy == summary.test_accuracy
    assert (run.train_loss is None) == (kept == 0)
    assert summary.curve[-1:] == ((kept / 1000,) if kept else ())
    assert len(summary.curve) <= CURVE_POINTS
    store.add(run_id, epoch(kept + 1))
    assert store.summaries().runs[0].curve[-1] == (kept + 1) / 1000


def test_a_run_that_starts_anew_has_no_curve(store):
    run_id = trained(store, 3)

    store.add(run_id, RunStarted("cpu", "CPU", 61_706, 50, 50, 1, 100, 10))

    assert store.summaries().runs[0].curve == ()


def test_curves_that_were_left_stale_before_are_made_anew(tmp_path):
    before = MIGRATIONS[: [name for name, _ in MIGRATIONS].index("curve-follows-epochs")]
    connection = sqlite3.connect(store_file(tmp_path), isolation_level=None)
    migrate(connection, before)
    connection.close()
    connection = sqlite3.connect(store_file(tmp_path), isolation_level=None)
    connection.execute(
        "INSERT INTO runs (id, token, name, state, config, created, epochs_done, curve)"
        " VALUES ('0a', 't', 'old', 'paused', ?, 1, 2, '[0.1,0.2,0.3]')",
        (CONFIG.to_json(),),
    )
    connection.executemany(
        "INSERT INTO events VALUES ('0a', :n, :kind, :n, 1, json_object('test_accuracy', :n / 10.0))",
        [{"n": 1, "kind": "epoch_done"}, {"n": 2, "kind": "epoch_done"}, {"n": 3, "kind": "run_resumed"}],
    )
    connection.execute("UPDATE runs SET curve = '[0.1,0.2,0.3]'")
    connection.close()

    store = Store(tmp_path)
    found = store.summaries().runs[0]
    store.close()

    assert found.curve == (0.1, 0.2)


def test_what_is_read_after_changes_is_what_a_fresh_look_would_read(store):
    ids = [trained(store, 1, str(number)) for number in range(6)]
    known = store.summaries(limit=5)  # the oldest is not among them
    changes = (
        lambda: store.add(ids[3], epoch(2)),
        lambda: store.rename(ids[0], "not among the newest five"),
        lambda: store.create(CONFIG, "new"),
        lambda: (store.create(CONFIG, "newer"), store.rename(ids[5], "another"), store.create(CONFIG, "newest")),
        lambda: store.transition(ids[5], State.FINISHED),
        lambda: store.delete(ids[5]),
        lambda: store.extend(store.create(CONFIG, "more", state=State.STOPPED), 7),
        lambda: store.create(CONFIG, "last"),
    )

    for change in changes:
        change()
        known = store.summaries(limit=5, known=known)
        assert known == store.summaries(limit=5)


def test_of_many_runs_only_those_that_changed_are_read_again(store, monkeypatch):
    run_id = [store.create(CONFIG, str(number)) for number in range(50)][20]
    known = store.summaries()
    read = []
    real = summaries._read
    monkeypatch.setattr(summaries, "_read", lambda rows: read.append(len(rows)) or real(rows))

    store.rename(run_id, "another")
    found = store.summaries(known=known)

    assert read == [1]
    assert found.runs[29].name == "another"
    assert len(found.runs) == 50


def test_tags_are_kept_once_each_and_shown_in_the_table(store):
    run_id, other = (store.create(CONFIG, token, owner="Ana") for token in "ab")
    known = store.summaries()

    store.tag(run_id, add=["  final   run ", "sweep", "sweep"], owner="Ana")
    store.tag(run_id, add=["a, b"], remove=["sweep"], owner="Ana")

    assert store.run(run_id).tags == ("final run", "a b")
    assert store.summaries(known=known).runs[1].tags == ("final run", "a b")
    assert store.summaries().tags == ("a b", "final run")
    assert store.run(other).tags == ()


def test_only_the_owner_tags_a_run_and_not_without_end(store):
    run_id = store.create(CONFIG, "a", owner="Ana")

    with pytest.raises(RunStateError, match="belongs to Ana"):
        store.tag(run_id, add=["x"], owner="Ben")
    with pytest.raises(ConfigError, match="at most 40 characters, not 41"):
        store.tag(run_id, add=["x" * 41])
    with pytest.raises(ConfigError, match="at most 20 tags, not 21"):
        store.tag(run_id, add=[str(number) for number in range(21)])
    assert store.run(run_id).tags == ()


def test_a_summary_has_all_settings(store):
    store.create(CONFIG, "a")

    assert dict(store.summaries().runs[0].settings) == settings(CONFIG)


@pytest.mark.parametrize(
    ("column", "value", "reason"),
    [
        *((name, b"x", f"{name} is b'x'") for name, kinds in summaries._KINDS.items() if kinds == {str} and name != "config"),
        *((name, "text", f"{name} is 'text'") for name, kinds in summaries._KINDS.items() if str not in kinds),
        *((name, None, f"{name} is nothing") for name in ("architecture", "dataset", "epochs")),
        ("state", "flying", "state is 'flying'"),
        ("dataset", "letters", "dataset is 'letters'"),
        ("epochs_done", 1.5, "epochs_done is 1.5"),
        ("tags", "[1]", "its tags are not words"),
        ("curve", '["a"]', "its curve has values that are not numbers"),
    ],
)
def test_a_row_with_a_value_of_another_kind_is_left_out_with_the_reason(store, column, value, reason):
    spoilt, _ = store.create(CONFIG, "a", "spoilt"), store.create(CONFIG, "b", "good")
    with store.transaction(write=True) as connection:
        connection.execute(f"UPDATE runs SET {column} = ? WHERE id = ?", (value, spoilt))  # noqa: S608 - names from the module

    found = store.summaries()

    assert [run.name for run in found.runs] == ["good"]
    assert len(found.unreadable) == 1
    assert f"({reason})" in found.unreadable[0]


def test_a_damaged_row_is_read_again_until_it_is_mended(store):
    run_id = store.create(CONFIG, "a", "mine")
    with store.transaction(write=True) as connection:
        connection.execute("UPDATE runs SET tags = '[1]'")
    known = store.summaries()
    assert known.unreadable
    store.rename(store.create(CONFIG, "b"), "other")

    again = store.summaries(known=known)
    assert [run.name for run in again.runs] == ["other"]
    assert again.unreadable
    with store.transaction(write=True) as connection:
        connection.execute("UPDATE runs SET tags = '[]'")
    assert [run.name for run in store.summaries(known=again).runs] == ["other", "mine"]
    assert store.summaries().runs[1].id == run_id


def test_a_row_that_is_damaged_later_is_left_out_from_then_on(store):
    runs = [store.create(CONFIG, token, token) for token in "ab"]
    known = store.summaries()
    with store.transaction(write=True) as connection:
        connection.execute("UPDATE runs SET tags = '[1]' WHERE id = ?", (runs[0],))

    found = store.summaries(known=known)

    assert ([run.name for run in found.runs], len(found.unreadable)) == (["b"], 1)
