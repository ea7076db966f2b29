"""Two versions of the program on one home, and a clock that jumps back."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from filled_home import CONFIG, ROOT, content, read_all, told

from cnnlab.errors import StoreError
from cnnlab.runs.migrations import MIGRATIONS, migrate
from cnnlab.runs.records import State
from cnnlab.runs.store import Store

# Two versions of the program on one home


def older(home: Path) -> str:
    """A record as the first version wrote it, with one run; its id."""
    connection = sqlite3.connect(home / "lab.sqlite", isolation_level=None)
    connection.execute("PRAGMA journal_mode = WAL")
    migrate(connection, MIGRATIONS[:1])
    connection.execute(
        "INSERT INTO runs (id, token, name, state, config, created, started, ended, epochs_done)"
        " VALUES (?, 't', 'old', ?, ?, 1, 2, 9, 1)",
        ("0123abcd", "finished", CONFIG.to_json()),
    )
    connection.close()
    return "0123abcd"


def test_a_newer_program_takes_over_the_record_of_an_older_one(tmp_path):
    run_id = older(tmp_path)
    store = Store(tmp_path)
    run = store.run(run_id)
    told(store.create(CONFIG, "new"), store)
    assert [each.name for each in store.runs()][1:] == ["old"]
    store.close()
    assert (run.name, run.state, run.seconds, run.owner, run.note) == ("old", State.FINISHED, 7.0, "", "")


def test_an_older_program_refuses_the_record_of_a_newer_one_and_leaves_it_as_it_is(filled):
    before = content(filled)
    connection = sqlite3.connect(filled / "lab.sqlite", isolation_level=None)
    with pytest.raises(StoreError, match=r"written by a newer CNN Lab .*update CNN Lab"):
        migrate(connection, MIGRATIONS[:1])
    connection.close()
    assert content(filled) == before
    assert read_all(filled) == 5


def test_processes_that_open_an_older_record_at_once_migrate_it_once(tmp_path):
    run_id = older(tmp_path)
    code = "import sys; from pathlib import Path; from cnnlab.runs.store import Store; print(Store(Path(sys.argv[1])).runs()[0].id)"
    together = [
        subprocess.Popen(
            [sys.executable, "-c", code, str(tmp_path)], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        for _ in range(4)
    ]
    answers = [process.communicate(timeout=120) for process in together]
    assert [out.strip() for out, _ in answers] == [run_id] * 4, answers
    connection = sqlite3.connect(tmp_path / "lab.sqlite")
    applied = [name for (name,) in connection.execute("SELECT name FROM migrations ORDER BY rowid")]
    connection.close()
    assert applied == [name for name, _ in MIGRATIONS]


# A clock that jumps back


def test_a_clock_that_jumps_back_neither_reorders_runs_nor_makes_time_negative(tmp_path):
    now = [1_000_000.0]
    store = Store(tmp_path, clock=lambda: now[0])
    first = store.create(CONFIG, "first", "first")
    now[0] = 999_000.0
    second = store.create(CONFIG, "second", "second")
    assert [run.id for run in store.queue()] == [first, second]
    told(first, store)
    now[0] = 10.0
    store.move(first, State.INTERRUPTED, message="gone")
    store.resume(first)
    told(first, store, epochs=2)
    store.move(first, State.FINISHED)
    run = store.run(first)
    assert run.ended >= run.created
    assert run.seconds is None or run.seconds >= 0
    assert [each.id for each in store.runs()] == [second, first]
    assert [done.epoch for done in store.epochs(first)] == [1, 2]
    store.close()
