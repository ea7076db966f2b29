"""Damaged records and checkpoints: a clear message, and undamaged data is kept."""

from __future__ import annotations

import random
import sqlite3
from pathlib import Path

import pytest
from filled_home import CONFIG, content, read_all, sentence

from cnnlab.errors import CheckpointError, CNNLabError, RunStateError, StoreError
from cnnlab.events import EpochDone
from cnnlab.forecasts.limits import Limits
from cnnlab.lab import Lab
from cnnlab.runs.records import State
from cnnlab.runs.store import Store
from cnnlab.system import background
from cnnlab.workers import runner
from cnnlab.workers.watch import interrupt_lost_runs

# The record of runs


@pytest.mark.parametrize("share", [0.001, 0.01, 0.1, 0.3, 0.5, 0.7, 0.9, 0.99, 0.9999])
def test_a_record_that_was_cut_off_is_refused_and_left_as_it_is(filled, share):
    cut = content(filled)[: max(1, int(share * len(content(filled))))]
    (filled / "lab.sqlite").write_bytes(cut)
    with pytest.raises(StoreError, match=r"lab\.sqlite|is damaged|another program") as caught:
        read_all(filled)
    sentence(caught.value)
    assert content(filled) == cut


@pytest.mark.parametrize("seed", range(12))
def test_a_record_with_damaged_bytes_is_read_or_refused_with_a_sentence(filled, seed):
    damaged = bytearray(content(filled))
    chance = random.Random(seed)  # noqa: S311 - no secret
    for _ in range(1 + 40 * (seed % 3)):
        damaged[chance.randrange(len(damaged))] ^= 1 << chance.randrange(8)
    (filled / "lab.sqlite").write_bytes(damaged)
    try:
        read_all(filled)
    except CNNLabError as error:
        sentence(error)


def spoil(home: Path, column: str, value: object, number: int = 2) -> str:
    """Overwrites one value of a run without triggers, as a faulty disk does, and returns the run's id."""
    connection = sqlite3.connect(home / "lab.sqlite")
    triggers = connection.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'").fetchall()
    for name, _ in triggers:
        connection.execute(f"DROP TRIGGER {name}")
    connection.execute(f"UPDATE runs SET {column} = ? WHERE number = ?", (value, number))  # noqa: S608 - names from this file
    for _, sql in triggers:
        connection.execute(sql)
    run_id = connection.execute("SELECT id FROM runs WHERE number = ?", (number,)).fetchone()[0]
    connection.commit()
    connection.close()
    return run_id


def row(home: Path, number: int = 2) -> tuple[object, ...]:
    """One run's row, as stored."""
    connection = sqlite3.connect(home / "lab.sqlite")
    connection.text_factory = bytes
    stored = connection.execute("SELECT * FROM runs WHERE number = ?", (number,)).fetchone()
    connection.close()
    return stored


DAMAGED_ROWS = [
    ("state", "flying"),
    ("config", "{"),
    ("config", b"\xff\x00"),
    ("best_test_accuracy", "high"),
    ("created", "yesterday"),
]


@pytest.mark.parametrize(("column", "value"), DAMAGED_ROWS)
def test_one_damaged_row_hides_no_other_run_and_is_named_once(filled, column, value):
    run_id = spoil(filled, column, value)
    before = row(filled)
    store = Store(filled)

    runs, table = store.runs(), store.summaries()
    for readable, messages in ((runs, runs.unreadable), (table.runs, table.unreadable)):
        assert [run.name for run in readable] == ["run 4", "run 3", "run 2", "run 0"]
        assert len(messages) == 1
        assert f"Run '{run_id}' is left out" in sentence(RuntimeError(messages[0]))
        assert "restore a backup" in messages[0]
    with pytest.raises(StoreError, match=f"run '{run_id}' cannot be read") as caught:
        store.run(run_id)
    sentence(caught.value)
    store.close()
    assert row(filled) == before


@pytest.mark.parametrize(
    ("column", "value"),
    [("curve", "[1,"), ("curve", "]"), ("curve", "1"), ("curve", '["a"]'), ("curve", "[1],[2]"), ("architecture", "lenet-9"),
     ("architecture", None), ("epochs", "many")],
)  # fmt: skip
def test_a_row_whose_place_in_the_table_is_damaged_is_left_out_of_the_table_only(filled, column, value):
    run_id = spoil(filled, column, value)
    store = Store(filled)

    table = store.summaries()

    assert [run.name for run in table.runs] == ["run 4", "run 3", "run 2", "run 0"]
    assert run_id in table.unreadable[0]
    assert store.run(run_id).name == "run 1"
    store.close()


def test_settings_that_are_json_but_no_settings_are_seen_when_the_run_is_read(filled):
    run_id = spoil(filled, "config", '{"architecture": "lenet-9"}')
    store = Store(filled)

    assert len(store.runs()) == 4
    assert "lenet-9" in store.runs().unreadable[0]
    with pytest.raises(StoreError, match="lenet-9"):
        store.run(run_id)
    store.close()


def test_a_damaged_letter_of_a_name_is_shown_as_one(filled):
    connection = sqlite3.connect(filled / "lab.sqlite")
    connection.execute("UPDATE runs SET name = CAST(? AS TEXT) WHERE number = 2", (b"run\xff 1",))
    connection.commit()
    connection.close()
    store = Store(filled)

    assert [run.name for run in store.runs()][3] == store.summaries().runs[3].name == "run\ufffd 1"
    assert not store.runs().unreadable
    store.close()


@pytest.mark.parametrize("state", ["queued", "running", "interrupted"])
def test_nobody_touches_a_damaged_row_and_the_queue_goes_on_without_it(filled, state):
    store = Store(filled)
    waiting = store.create(CONFIG, "waits", "waits")
    connection = sqlite3.connect(filled / "lab.sqlite")
    connection.execute(
        "UPDATE runs SET state = ?, ended = NULL, resumable = 1, pid = 1, pid_started = 'gone' WHERE number = 2", (state,)
    )
    connection.commit()
    connection.close()
    run_id = spoil(filled, "config", "{")
    before = row(filled)

    assert [run.id for run in store.queue()] == [waiting]
    assert waiting in {run.id for run in store.active()}
    assert run_id not in {run.id for run in store.active()}
    assert run_id not in store.auto_resumable()
    interrupt_lost_runs(store)
    for action in (store.stop, store.pause, store.resume):
        with pytest.raises(StoreError):
            action(run_id)
    with pytest.raises(StoreError):
        store.rename(run_id, "another")
    store.close()
    assert row(filled) == before


def test_an_event_that_cannot_be_read_is_a_sentence(filled):
    connection = sqlite3.connect(filled / "lab.sqlite")
    connection.execute("UPDATE events SET body = '{\"epoch\": ' WHERE kind = 'epoch_done'")
    connection.commit()
    connection.close()
    with pytest.raises(StoreError, match="damaged: an event of kind 'epoch_done' cannot be read"):
        read_all(filled)


@pytest.mark.parametrize("table", ["runs", "events"])
def test_a_table_that_is_missing_is_a_sentence(filled, table):
    connection = sqlite3.connect(filled / "lab.sqlite")
    connection.execute(f"DROP TABLE {table}")
    connection.commit()
    connection.close()
    with pytest.raises(StoreError, match=f"no such table: {table}"):
        read_all(filled)


def test_another_programs_database_is_refused_and_left_as_it_is(tmp_path):
    connection = sqlite3.connect(tmp_path / "lab.sqlite")
    connection.execute("CREATE TABLE letters (text)")
    connection.execute("INSERT INTO letters VALUES ('Dear Ada')")
    connection.commit()
    connection.close()
    before = content(tmp_path)
    with pytest.raises(StoreError, match=r"another program's database .*'letters'"):
        Store(tmp_path)
    assert content(tmp_path) == before


# Checkpoints


@pytest.fixture(scope="module")
def saved(tmp_path_factory) -> bytes:
    """A small checkpoint, as bytes."""
    import torch

    from cnnlab.training import checkpoints

    path = tmp_path_factory.mktemp("checkpoint") / checkpoints.LAST
    whole = dict.fromkeys(checkpoints._KEYS) | {"format": checkpoints.FORMAT, "epoch": 3, "history": [{"epoch": 3}]}
    checkpoints.save(whole | {"model": {"w": torch.arange(500.0)}}, path)
    return path.read_bytes()


def test_a_checkpoint_torn_at_any_byte_is_refused(saved, tmp_path):
    import torch

    from cnnlab.training import checkpoints

    path = tmp_path / checkpoints.LAST
    for length in (0, 1, *range(7, len(saved), max(1, len(saved) // 40)), len(saved) - 1):
        path.write_bytes(saved[:length])
        with pytest.raises(CheckpointError, match="damaged"):
            checkpoints.load(path)
        path.write_bytes(saved[:length].ljust(len(saved), b"\0"))  # a power cut: the file has its length but not its content
        try:
            kept = checkpoints.load(path)
        except CheckpointError:
            continue
        assert length > 0.99 * len(saved), "only the archive's last few bytes, many of them zero, do not affect the content"
        assert torch.equal(kept["model"]["w"], torch.arange(500.0))


def test_a_checkpoint_with_a_damaged_byte_is_refused_or_says_the_same(saved, tmp_path):
    import torch

    from cnnlab.training import checkpoints

    path = tmp_path / checkpoints.LAST
    chance, refused = random.Random(1), 0  # noqa: S311 - no secret
    for place in range(0, len(saved), max(1, len(saved) // 150)):
        damaged = bytearray(saved)
        damaged[place] ^= 1 << chance.randrange(8)
        path.write_bytes(damaged)
        try:
            kept = checkpoints.load(path)
        except CheckpointError as error:
            refused += 1
            sentence(error)
        else:  # padding between the archive's parts
            assert torch.equal(kept["model"]["w"], torch.arange(500.0))
            assert kept["epoch"] == 3
    assert refused > 50


# A run whose checkpoints are all damaged


def test_a_run_without_a_checkpoint_that_can_be_read_says_so_and_starts_over(store, monkeypatch):
    from cnnlab.training import checkpoints

    monkeypatch.setattr(background, "ensure", lambda home: None)
    run_id, lab = store.create(CONFIG.change(epochs=2), "t"), Lab(store.home)
    runner.execute(store, run_id, lambda event: store.pause(run_id) if isinstance(event, EpochDone) else None)
    for path in (store.home / "runs" / run_id).glob("*.pt"):
        path.write_bytes(path.read_bytes()[:500])
    store.resume(run_id)

    assert runner.execute(store, run_id) is State.FAILED
    run = store.run(run_id)
    assert "last.pt is damaged" in run.message
    assert not run.has_checkpoint, "so no page offers to go on from one"
    with pytest.raises(RunStateError, match="start it over"):
        lab.resume(run_id)

    monkeypatch.setattr(lab._admission, "further", lambda run, config: Limits())
    lab.start_over(run_id)
    assert runner.execute(store, run_id) is State.FINISHED
    assert [event.epoch for event in store.epochs(run_id)] == [1, 2]
    assert checkpoints.load(store.home / "runs" / run_id / "last.pt")["epoch"] == 2
    lab.close()


def test_a_run_with_a_checkpoint_is_not_started_over(store):
    run_id = store.create(CONFIG, "t", state=State.FAILED)
    with store.transaction(write=True) as connection:
        connection.execute("UPDATE runs SET has_checkpoint = 1")
    dropped = []
    with pytest.raises(RunStateError, match="resume it instead"):
        store.start_over(run_id, first=lambda: dropped.append(True))
    assert not dropped
    assert store.run(run_id).state is State.FAILED
