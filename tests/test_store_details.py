"""The record's connections, errors and rows: what is kept open, what is locked, what each error says, what a list leaves out."""

from __future__ import annotations

import errno
import logging
import sqlite3
from inspect import signature

import pytest
from made_runs import CONFIG, progress, running

from cnnlab.errors import RunNotFound, StoreError
from cnnlab.events import CheckpointSaved
from cnnlab.runs import records, store_lifecycle, store_rows, summaries
from cnnlab.runs.fairness import in_turn
from cnnlab.runs.migrating import check, migrate
from cnnlab.runs.migrations import MIGRATIONS
from cnnlab.runs.records import ActiveRun, Runs, State
from cnnlab.runs.store import Store
from cnnlab.runs.store_connection import MOST_IDLE
from cnnlab.system import disk, room
from cnnlab.system.processes import Process

# Connections


def pragma(connection, name):
    return connection.execute(f"PRAGMA {name}").fetchone()[0]


def test_a_connection_loses_nothing_in_a_power_cut_and_waits_as_long_as_asked(store):
    with store.transaction(busy_seconds=0.25) as connection:
        found = {name: pragma(connection, name) for name in ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")}
    assert found == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "busy_timeout": 250}
    with store.transaction() as connection:
        assert pragma(connection, "busy_timeout") == 10_000


@pytest.mark.parametrize(("write", "others_write"), [(True, False), (False, True)])
def test_others_write_while_one_reads_and_not_while_one_writes(store, write, others_write):
    other = sqlite3.connect(store.path, isolation_level=None, timeout=0)
    with store.transaction(write=write) as connection:
        connection.execute("SELECT 1 FROM runs").fetchall()
        try:
            other.execute("BEGIN IMMEDIATE")
            wrote = True
        except sqlite3.OperationalError:
            wrote = False
    other.close()
    assert wrote is others_write


def test_a_transaction_that_fails_changes_nothing_and_gives_its_connection_back(store):
    run_id = store.create(CONFIG, "t", "before")
    idle = store._connections._idle
    with pytest.raises(ZeroDivisionError), store.transaction(write=True) as connection:
        connection.execute("UPDATE runs SET name = 'after'")
        raise ZeroDivisionError
    assert store.run(run_id).name == "before"
    assert idle == [connection]
    assert not connection.in_transaction


def test_eight_connections_are_kept_open_and_closing_closes_them(store):
    connections = store._connections
    opened = [connections._open() for _ in range(10)]
    connections.close()
    for connection in opened:
        connections._keep_or_close(connection)
    assert connections._idle == opened[:8]
    assert MOST_IDLE == 8

    connections.close()
    assert connections._idle == []
    for connection in opened:
        with pytest.raises(sqlite3.ProgrammingError, match="closed"):
            connection.execute("SELECT 1")


def test_only_what_ends_or_stops_a_run_may_use_the_reserve(store, monkeypatch):
    urgent = []
    monkeypatch.setattr(room, "make_room", urgent.append)
    run_id = running(store)
    assert urgent == [store.home] * 2  # its transitions
    urgent.clear()
    for change in (
        lambda: store.create(CONFIG, "other"),
        lambda: store.rename(run_id, "x"),
        lambda: store.annotate(run_id, "x"),
        lambda: store.tag(run_id, add=["x"]),
        lambda: store.add(run_id, progress(1)),
        lambda: (store.run(run_id), store.runs(), store.summaries(), store.events(run_id)),
    ):
        change()
    assert urgent == []
    other = store.made_with("other")
    for change in (
        lambda: store.pause(run_id),
        lambda: store.stop(run_id),
        lambda: store.transition(run_id, State.STOPPED),
        lambda: store.stop(other),
        lambda: store.delete(other),
    ):
        change()
        assert urgent.pop() == store.home
        assert urgent == []


# Errors


def sqlite_error(code, message="it failed"):
    error = sqlite3.OperationalError(message)
    error.sqlite_errorcode = code
    return error


LOCKED = "The record of runs is locked by another program: try again when that has ended."
FULL = (
    "The disk of the lab is full, so the record of runs cannot be written: delete runs that are no longer needed, or other files, "
    "and try again."
)
UNREADABLE = (
    "The record of runs, lab.sqlite in the lab's folder, cannot be read or written ({}): check that the folder is yours to write "
    "and the disk is not full, or choose another home folder."
)


@pytest.mark.parametrize(
    ("error", "full", "sentence", "temporary"),
    [
        (sqlite_error(sqlite3.SQLITE_BUSY), False, LOCKED, True),
        (sqlite_error(sqlite3.SQLITE_LOCKED), True, LOCKED, True),
        (sqlite_error(sqlite3.SQLITE_BUSY | 2 << 8), False, LOCKED, True),
        (sqlite_error(sqlite3.SQLITE_FULL), False, FULL, True),
        (sqlite_error(sqlite3.SQLITE_IOERR | 3 << 8), True, FULL, True),
        (sqlite_error(sqlite3.SQLITE_CANTOPEN), True, FULL, True),
        (sqlite_error(sqlite3.SQLITE_CANTOPEN), False, UNREADABLE.format("it failed"), False),
        (sqlite_error(sqlite3.SQLITE_CORRUPT), True, UNREADABLE.format("it failed"), False),
        (OSError(errno.ENOSPC, "no room"), True, FULL, True),
        (OSError(errno.EACCES, "denied"), False, UNREADABLE.format("denied"), False),
    ],
)
def test_each_error_is_a_sentence(store, monkeypatch, error, full, sentence, temporary):  # noqa: PLR0917
    monkeypatch.setattr(disk, "is_full", lambda error, folder: full and folder == store.home)
    with pytest.raises(StoreError) as caught, store.transaction():
        raise error
    assert (str(caught.value), caught.value.temporary) == (sentence, temporary)


def test_the_same_error_is_logged_once(store, caplog):
    caplog.set_level(logging.WARNING)
    for message in ("first", "first", "second", "first"):
        with pytest.raises(StoreError), store.transaction():
            raise sqlite_error(sqlite3.SQLITE_CORRUPT, message)
    assert [record.getMessage() for record in caplog.records] == [f"{store.path}: {each}" for each in ("first", "second", "first")]


def test_another_programs_file_names_its_first_table_and_a_newer_one_its_first_step(tmp_path):
    connection = sqlite3.connect(tmp_path / "x.sqlite", isolation_level=None)
    assert check(connection) == set()
    connection.execute("CREATE TABLE letters (a)")
    connection.execute("CREATE TABLE accounts (a)")
    with pytest.raises(StoreError) as other:
        check(connection)
    connection.execute("DROP TABLE letters")
    connection.execute("DROP TABLE accounts")
    migrate(connection)
    migrate(connection)  # nothing to do
    assert check(connection) == {name for name, _ in MIGRATIONS}
    connection.execute("INSERT INTO migrations VALUES ('z-later', ''), ('y-later', '')")
    with pytest.raises(StoreError) as newer:
        check(connection)
    connection.close()
    assert str(other.value) == (
        "The record of runs is another program's database (it has a table 'accounts'): choose another home folder."
    )
    assert str(newer.value) == (
        "The record of runs was written by a newer CNN Lab (step 'y-later'): update CNN Lab, or choose another home folder."
    )


# Rows


def test_a_run_that_cannot_be_read_says_what_to_do(store):
    good, damaged = store.create(CONFIG, "a"), store.create(CONFIG, "b")
    with store.transaction(write=True) as connection:
        connection.execute("UPDATE runs SET epochs_done = 'many' WHERE id = ?", (damaged,))

    with pytest.raises(StoreError) as caught:
        store.run(damaged)
    runs = store.runs()

    assert str(caught.value) == (
        f"The record of runs is damaged: run '{damaged}' cannot be read (epochs_done is 'many'). Put back a copy of it, or choose "
        "another home folder."
    )
    assert [run.id for run in runs] == [good]
    left_out = (
        f"Run '{damaged}' is left out: its row is damaged, or from a newer version of CNN Lab (epochs_done is 'many'). Nothing was "
        "deleted and other runs are unaffected. To recover it, restore a backup of the database, or open it with the newer version."
    )
    assert runs.unreadable == runs.interrupted({good}, "gone").unreadable == (left_out,)
    assert [run.message for run in runs.interrupted({good}, "gone")] == ["gone"]


@pytest.mark.parametrize("column", [*store_rows._TEXTS[1:], *store_rows._NUMBERS])
def test_each_column_of_another_type_is_noticed(store, column):
    run_id = store.create(CONFIG, "t")
    value = b"\x00" if column in store_rows._TEXTS else "text"
    with store.transaction(write=True) as connection:
        connection.execute(f"UPDATE runs SET {column} = ? WHERE id = ?", (value, run_id))  # noqa: S608 - names from the module
    with pytest.raises(StoreError, match=f"{column} is"):
        store.run(run_id)


def test_lists_are_as_long_as_asked_for(store):
    ids = [store.create(CONFIG, str(number)) for number in range(4)]
    assert [[run.id for run in store.runs(limit)] for limit in (-1, 0, 1, 3)] == [[], [], ids[:2:-1], ids[:0:-1]]
    assert [len(store.summaries(limit).runs) for limit in (-1, 0, 1, 9)] == [0, 0, 1, 4]
    assert store.without_record([ids[2], "0123abcd", ids[0], "89abcdef"]) == ("0123abcd", "89abcdef")


@pytest.mark.parametrize(
    ("stored", "points", "batches"),
    [
        (5, 5, [1, 2, 3, 4, 5]),
        (6, 5, [1, 3, 5, 6]),
        (9, 5, [1, 5, 9]),
        (10, 5, [1, 5, 9, 10]),
        (17, 5, [1, 9, 17]),
        (3, 2, [1, 3]),
        (4, 1, [1, 4]),
        (1, 9, [1]),
        (0, 9, []),
    ],
)
def test_which_reports_of_a_long_run_are_read(store, stored, points, batches):
    run_id = running(store)
    for step in range(1, stored + 1):
        store.add(run_id, progress(step))
    assert [event.step for event in store.progress(run_id, points)] == batches


def test_events_are_numbered_from_one_and_read_after_any_of_them(store):
    run_id = running(store)
    saved = [CheckpointSaved("last", 1, 0.5, step) for step in (5, 10)]
    for event in (saved[0], progress(6), saved[1]):
        store.add(run_id, event)
    assert [number for number, _ in store.events(run_id)] == [1, 2, 4]
    assert store.events(run_id, after=2) == ((4, saved[1]),)
    assert store.events(run_id, after=4) == ()
    for read in (store.events, store.epochs, store.progress, store.data_folder):
        with pytest.raises(RunNotFound):
            read("0123abcd")


def test_the_states_of_runs_are_named_once():
    by_process = {State.STARTING, State.RUNNING, State.PAUSING, State.STOPPING}
    assert by_process == records.IN_PROCESS
    assert by_process | {State.QUEUED} == records.ACTIVE
    assert by_process | {State.QUEUED, State.INTERRUPTED} == records.MAY_GO_ON
    assert {State.PAUSING, State.STOPPING} == records.ASKED_TO_END


def test_a_run_that_waits_is_one_that_is_queued():
    waits = {state: ActiveRun("a", state, CONFIG, "", Process(None, None), "").waits for state in State}
    assert [state for state, each in waits.items() if each] == [State.QUEUED]
    assert Runs().unreadable == ()


@pytest.mark.parametrize(
    ("running_now", "turns", "order"),
    [
        ("", {}, "a1 b1 c1 a2 c2"),
        ("a", {}, "b1 c1 a1 c2 a2"),
        ("a", {"b": 5}, "c1 a1 b1 c2 a2"),
        ("a", {"a": 1, "b": 5}, "c1 a1 b1 c2 a2"),
        ("a", {"a": 6, "b": 5, "c": 7}, "b1 a1 c1 a2 c2"),
    ],
)
def test_an_owner_whose_run_trains_has_just_had_a_turn(running_now, turns, order):
    def run(name):
        return ActiveRun(name, State.QUEUED, CONFIG, "", Process(None, None), name[0])

    assert in_turn([run(name) for name in ("a1", "a2", "b1", "c1", "c2")], map(run, running_now), turns) == tuple(order.split())


def test_how_much_is_read_where_nothing_is_asked_for():
    defaults = {
        (name, each.name): each.default
        for name in ("runs", "summaries", "progress", "events")
        for each in signature(getattr(Store, name)).parameters.values()
    }
    found = [defaults["runs", "limit"], defaults["summaries", "limit"], defaults["progress", "points"], defaults["events", "after"]]
    assert found == [200, 10_000, 500, 0]
    assert (store_lifecycle.MOST_AUTO_RESUMES, summaries.MOST_RUNS) == (3, 10_000)


def test_an_id_that_is_taken_is_drawn_again(store, monkeypatch):
    drawn = iter(["0000000a", "0000000a", "0000000a", "0000000b"])
    monkeypatch.setattr("cnnlab.runs.store.new_run_id", lambda: next(drawn))

    assert [store.create(CONFIG, token) for token in ("first", "second")] == ["0000000a", "0000000b"]
    assert [(run.id, run.position) for run in store.queue()] == [("0000000a", 1), ("0000000b", 2)]


def test_runs_that_wait_for_another_device_are_not_counted_before_a_run(store):
    choices = ("cuda:0", "cpu", "cuda:0", "cuda:1", "cuda", "auto", "cpu")
    for number, choice in enumerate(choices):
        store.create(CONFIG.change(device=choice), str(number))

    queue = store.queue()
    assert [run.config.device for run in queue] == list(choices)
    assert [run.position for run in queue] == [1, 1, 2, 1, 4, 6, 3]  # "auto" may take any, "cuda" any GPU


def test_a_run_that_was_deleted_is_not_resumed(store):
    assert store.auto_resume("0123abcd") is False


def test_a_second_store_of_a_home_reads_what_the_first_wrote_at_once(store):
    second = Store(store.home)
    run_id = store.create(CONFIG, "t", "mine")
    assert second.run(run_id).name == "mine"
    assert second.create(CONFIG, "t") == run_id
    second.close()
