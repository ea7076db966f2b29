"""The record of runs."""

import json
import re
import sqlite3
import threading
import time
from itertools import pairwise
from pathlib import Path

import psutil
import pytest

from cnnlab import events
from cnnlab.config import RunConfig
from cnnlab.errors import RunNotFound, RunStateError, StoreError
from cnnlab.events import CheckpointSaved, EpochDone, Progress, RunFinished, RunStarted
from cnnlab.lab import Lab
from cnnlab.runs.migrating import migrate
from cnnlab.runs.migrations import MIGRATIONS
from cnnlab.runs.records import State
from cnnlab.runs.store import Store
from cnnlab.runs.store_connection import MOST_IDLE
from cnnlab.system import home
from cnnlab.system.processes import Process

CONFIG = RunConfig.make(epochs=2)


def epoch(number, test_accuracy=0.5):
    return EpochDone(number, number * 10, 1.5, 0.4, 1.4, test_accuracy, 0.1, 2.0, 0.1, 1.5, 0.4)


def progress(batch):
    return Progress(1, batch, 100_000, batch, 2.0, 0.1, 1000.0, 0.1, 0.5, 1.0, 1.0)


def running(store, token="t"):
    run_id = store.create(CONFIG, token)
    store.transition(run_id, State.STARTING, device="cpu", process=Process(1, "x"))
    store.transition(run_id, State.RUNNING)
    return run_id


def test_a_new_run_is_queued_and_keeps_its_configuration(store):
    run = store.run(store.create(CONFIG, "token", "first"))
    assert (run.state, run.name, run.config, run.epochs_done, run.started) == (State.QUEUED, "first", CONFIG, 0, None)


def test_the_same_token_twice_is_one_run(store):
    assert store.create(CONFIG, "token") == store.create(CONFIG.change(epochs=9), "token")
    assert len(store.runs()) == 1


def test_runs_are_listed_newest_first_and_no_more_than_asked_for(store):
    ids = [store.create(CONFIG, str(number)) for number in range(5)]
    assert [run.id for run in store.runs(limit=3)] == ids[:1:-1]


@pytest.mark.parametrize("run_id", ["00000000", "", "../../etc/passwd", "' OR 1=1 --", "x" * 10_000, "\0"])
def test_an_unknown_id_is_a_sentence(store, run_id):
    store.create(CONFIG, "token")
    with pytest.raises(RunNotFound, match="There is no run"):
        store.run(run_id)


def test_the_form_of_a_runs_id_stands_in_one_file():
    root = Path(home.__file__).parents[2]
    files = [path for folder in ("cnnlab", "pages") for path in (root / folder).rglob("*.py")]
    homes = [path.name for path in files if re.search(r"f\]\{8\}|token_hex\(4\)", path.read_text(encoding="utf-8"))]
    assert homes == ["home.py"]
    assert home.is_run_id(home.new_run_id())
    assert not any(map(home.is_run_id, ["", "0123ABCD", "0123abc", "0123abcde", "0123abcd\n", "../../ab"]))


def test_events_keep_the_names_under_which_they_are_stored():
    assert list(events._KINDS) == [
        *("run_started", "progress", "epoch_done", "notice", "checkpoint_saved", "run_finished", "run_failed", "run_stopped"),
        *("run_paused", "run_resumed", "run_interrupted"),
    ]


# Written out, so that a change of the table is a change here too.
MOVES = {
    "queued": "starting stopped paused",
    "starting": "queued running pausing stopping failed interrupted",
    "running": "queued pausing stopping finished failed interrupted",
    "pausing": "paused stopping finished failed interrupted",
    "stopping": "stopped finished failed interrupted",
    "paused": "queued stopped",
    "interrupted": "queued stopped",
    "stopped": "queued",
    "failed": "queued",
    "finished": "queued",
}


@pytest.mark.parametrize("state", State)
@pytest.mark.parametrize("to", State)
def test_only_the_moves_in_the_table_happen(store, state, to):
    run_id = store.create(CONFIG, "token", state=state)
    if to in MOVES[state].split():
        store.transition(run_id, to)
        assert store.run(run_id).state is to
    else:
        with pytest.raises(RunStateError, match=f"{state} and cannot become {to}"):
            store.transition(run_id, to)
        assert store.run(run_id).state is state


def test_a_queued_run_stops_at_once_and_a_running_one_is_asked(store):
    queued, busy = store.create(CONFIG, "a"), running(store, "b")
    assert store.stop(queued) is State.STOPPED
    assert store.stop(busy) is State.STOPPING
    assert store.run(queued).ended is not None


def test_two_browsers_that_press_stop_at_once_stop_once(store):
    run_id = running(store)
    answers, gate = [], threading.Barrier(8)

    def press():
        gate.wait()
        answers.append(store.stop(run_id))

    threads = [threading.Thread(target=press) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == [State.STOPPING] * 8


def test_one_of_many_claims_wins(store):
    run_id = store.create(CONFIG, "token")
    won, gate = [], threading.Barrier(8)

    def claim(number):
        gate.wait()
        try:
            store.transition(run_id, State.STARTING, process=Process(number, "x"))
        except RunStateError:
            return
        won.append(number)

    threads = [threading.Thread(target=claim, args=(number,)) for number in range(1, 9)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(won) == 1
    assert store.active()[0].process.pid == won[0]


def test_an_ended_run_cannot_be_adopted(store):
    run_id = store.create(CONFIG, "token")
    store.stop(run_id)
    with pytest.raises(RunStateError, match="no process can take it over"):
        store.adopt(run_id, Process(1, "x"))


def test_events_come_back_in_order_as_they_were(store):
    run_id = running(store)
    emitted = [RunStarted("cpu", "CPU", 7, 10, 5, 2, 2, 10), epoch(1), CheckpointSaved("best", 1, 0.5), epoch(2)]
    for event in emitted:
        store.add(run_id, event)
        store.add(run_id, progress(1))
    assert [event for _, event in store.events(run_id)] == emitted
    assert store.epochs(run_id) == (emitted[1], emitted[3])
    second = store.events(run_id)[1][0]
    assert [event for _, event in store.events(run_id, after=second)] == emitted[2:]


def test_the_runs_own_row_follows_its_events(store):
    run_id = running(store)
    store.add(run_id, RunStarted("cpu", "CPU", 61_706, 10, 5, 2, 2, 10))
    store.add(run_id, epoch(1, test_accuracy=0.75))
    store.add(run_id, epoch(2, test_accuracy=0.5))
    state = store.add(run_id, RunFinished(2, 4.0, 0.4, 0.5, 1, 0.75), to=State.FINISHED)
    run = store.run(run_id)
    assert state is run.state is State.FINISHED
    assert (run.parameters, run.epochs_done, run.train_loss, run.test_accuracy, run.best_test_accuracy) == (
        61_706,
        2,
        1.5,
        0.5,
        0.75,
    )
    assert run.seconds == 4.0  # as its process measured


def test_images_a_second_are_those_of_training_without_its_evaluation(store):
    run_id = running(store)
    store.add(run_id, RunStarted("cpu", "CPU", 7, 300, 50, 5, 2, 10))
    store.add(
        run_id, EpochDone(1, 5, 1.5, 0.4, 1.4, 0.5, 0.1, seconds=4.0, load_seconds=0.5, compute_seconds=1.5, evaluation_seconds=2.0)
    )
    assert store.run(run_id).images_per_second == 150.0  # 300 images in 0.5 + 1.5 s


def test_a_record_whose_log_is_lost_keeps_the_runs_that_have_ended(tmp_path):
    store = Store(tmp_path)
    run_id = running(store)
    store.add(run_id, RunStarted("cpu", "CPU", 7, 10, 5, 2, 2, 10))
    store.add(run_id, RunFinished(2, 4.0, 0.4, 0.5, 1, 0.75), to=State.FINISHED)
    copy = tmp_path / "copy"
    copy.mkdir()
    (copy / "lab.sqlite").write_bytes((tmp_path / "lab.sqlite").read_bytes())  # without lab.sqlite-wal, while the lab is open
    store.close()
    kept = Store(copy)
    assert [(run.id, run.state) for run in kept.runs()] == [(run_id, State.FINISHED)]
    kept.close()


def test_folders_of_runs_that_the_record_does_not_have_are_named(tmp_path):
    lab = Lab(tmp_path)
    known = lab._store.create(CONFIG, "t")
    for name in (known, "0123abcd", "notes", "0123ABCD"):
        (tmp_path / "runs" / name).mkdir(parents=True)
    (tmp_path / "runs" / "89abcdef").write_text("no folder")
    assert lab.without_record().startswith("1 run has a folder with weights but no entry in the record of runs (0123abcd)")
    (tmp_path / "runs" / "0123abcd").rmdir()
    assert lab.without_record() == ""
    lab.close()


def test_an_event_with_a_forbidden_move_leaves_nothing(store):
    run_id = store.create(CONFIG, "token")
    with pytest.raises(RunStateError):
        store.add(run_id, epoch(1), to=State.FINISHED)
    assert store.epochs(run_id) == ()
    assert store.run(run_id).epochs_done == 0


def test_an_interrupted_run_ended_when_it_was_last_heard_of(tmp_path):
    now = [100.0]
    store = Store(tmp_path, clock=lambda: now[0])
    run_id = running(store)
    now[0] = 130.0
    store.add(run_id, progress(1))
    now[0] = 9_000.0
    store.transition(run_id, State.INTERRUPTED, message="gone")
    run = store.run(run_id)
    store.close()
    assert (run.ended, run.seconds, run.message) == (130.0, 1.0, "gone")  # seconds measured by its process


@pytest.mark.parametrize("kept", [0, 1, 2, 3, 99, 100, 101, 250])
@pytest.mark.parametrize("points", [2, 3, 100])
def test_progress_is_spread_evenly_and_ends_with_the_last(store, kept, points):
    run_id = running(store)
    for batch in range(1, kept + 1):
        store.add(run_id, progress(batch))
    batches = [event.batch for event in store.progress(run_id, points)]
    assert len(batches) <= points
    assert batches == sorted(set(batches))
    if kept:
        assert (batches[0], batches[-1]) == (1, kept)
    if kept <= points:
        assert len(batches) == kept
    assert len({after - before for before, after in pairwise(batches[:-1])}) <= 1


def test_a_long_run_is_read_quickly(store):
    run_id = running(store)
    body = json.dumps(dict.fromkeys(Progress.__dataclass_fields__, 0.5))
    connection = sqlite3.connect(store.path)
    rows = [(run_id, seq, "progress", seq, 0.0, body) for seq in range(1, 200_001)]  # a day of training
    connection.executemany("INSERT INTO events (run_id, seq, kind, number, time, body) VALUES (?, ?, ?, ?, ?, ?)", rows)
    connection.commit()
    connection.close()
    store.add(run_id, epoch(1))
    began = time.perf_counter()
    assert 250 <= len(store.progress(run_id, 500)) <= 500
    assert len(store.events(run_id)) == 1
    assert time.perf_counter() - began < 0.5  # takes 10 ms; reading all rows takes seconds


def test_a_store_is_shared_between_threads(store):
    run_id = running(store)

    def write():
        for batch in range(25):
            store.add(run_id, progress(batch))

    threads = [threading.Thread(target=write) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(store.progress(run_id, 500)) == 100


def test_many_readers_at_once_leave_few_files_open(store):
    gate = threading.Barrier(40)

    def read():
        with store.transaction():
            gate.wait()

    threads = [threading.Thread(target=read) for _ in range(40)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    files = [file.path for file in psutil.Process().open_files()]
    assert files.count(f"{store.path}-wal") <= MOST_IDLE
    assert files.count(f"{store.path}") <= 40  # SQLite keeps these until the last connection closes, and uses them again


def test_two_stores_that_open_an_empty_home_at_once_both_work(tmp_path):
    stores, gate = [], threading.Barrier(6)

    def open_it():
        gate.wait()
        stores.append(Store(tmp_path))

    threads = [threading.Thread(target=open_it) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({store.create(CONFIG, "one") for store in stores}) == 1
    for store in stores:
        store.close()


def test_a_damaged_file_is_a_sentence(tmp_path):
    (tmp_path / "lab.sqlite").write_bytes(b"this is no database" * 100)
    with pytest.raises(StoreError, match=r"lab\.sqlite.*cannot be read or written"):
        Store(tmp_path)


def test_a_home_that_cannot_be_made_is_a_sentence(tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(StoreError, match="choose another home folder"):
        Store(tmp_path / "file" / "home")


def test_a_newer_store_is_refused(tmp_path):
    Store(tmp_path).close()
    connection = sqlite3.connect(tmp_path / "lab.sqlite")
    connection.execute("INSERT INTO migrations VALUES ('from-the-future', '')")
    connection.commit()
    connection.close()
    with pytest.raises(StoreError, match="newer CNN Lab"):
        Store(tmp_path)


def test_a_migration_that_fails_leaves_nothing_and_is_tried_again(tmp_path):
    connection = sqlite3.connect(tmp_path / "x.sqlite", isolation_level=None)
    broken = (*MIGRATIONS, ("second", ("CREATE TABLE extra (a)", "CREATE TABLE extra (a)")))
    with pytest.raises(sqlite3.OperationalError):
        migrate(connection, broken)
    assert connection.execute("SELECT name FROM sqlite_master WHERE name = 'extra'").fetchall() == []
    migrate(connection, (*MIGRATIONS, ("second", ("CREATE TABLE extra (a)",))))
    assert [name for (name,) in connection.execute("SELECT name FROM migrations ORDER BY rowid")] == [
        *(name for name, _ in MIGRATIONS),
        "second",
    ]
    connection.close()
