"""Two versions of the program on one home, and a clock that jumps back."""

from __future__ import annotations

import ast
import hashlib
import json
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from filled_home import CONFIG, ROOT, content, read_all, record_training

from cnnlab.errors import StoreError
from cnnlab.runs import migrations
from cnnlab.runs.migrating import migrate
from cnnlab.runs.migrations import MIGRATIONS
from cnnlab.runs.records import State
from cnnlab.runs.store import Store

# A released step is never changed, or two homes would have different tables under the same history. A new step: append it to
# MIGRATIONS and add its name here with the hash that this test prints.
RELEASED = {
    "runs-and-events": "bde93100a7127ad64b1238a484115b01fcdb90ce2418c505e7ae873618b85930",
    "pause-resume-and-queue": "6e56b5ad077094a067830cb0a352dda12825ea9a2d1789f724ceb61fc85b8597",
    "summaries": "9cd944d024fe76689b9fa0fff6466f35f8b6d734807ceb0119c561b6332f13b5",
    "curve-follows-epochs": "46f87b4a7ca745a9f60ba471c7df000b30e1773c492269197a8ebcdf5019c61f",
    "runs-bear-their-last-change": "82a5cb9f4534a4db93cae79dc5aa2e15bc59e76b4deb9487d17d91ba5d17ee17",
    "tags": "d2d3b3929c83ce3536570cb4c820586a2b8dba1a5300269935f6b5471508739a",
    "sweeps": "d58573d3b1260058e4d2d734a98774ade456c7945268c5be5bb2e982b5ef8799",
    "trained-by-day": "c4b6b56f89d693a63b0d86cf9ce353645eb1e62d54d5084a363fb64c092eaafe",
    "log": "ef23c3328fe718620c0033c9c60bdf1b5c3c67a99da305d6d92b00379f81041b",
    "where-a-run-computes": "80c21b381922c04362f7930e9b692d737386795b53827652537c2b9de7bcd7b3",
}


def test_released_migrations_are_unchanged_and_in_order():
    hashes = {name: hashlib.sha256(json.dumps([name, *steps]).encode()).hexdigest() for name, steps in MIGRATIONS}
    assert list(hashes.items()) == list(RELEASED.items())


def test_the_sql_of_migrations_is_literal_text():
    tree = ast.parse(Path(migrations.__file__).read_text(encoding="utf-8"))
    steps = next(node.value for node in tree.body if isinstance(node, ast.AnnAssign) and ast.unparse(node.target) == "MIGRATIONS")
    assert ast.literal_eval(steps) == MIGRATIONS


# Two versions of the program on one home


def older(home: Path) -> str:
    """Creates a record of the first version with one run, and returns its id."""
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
    record_training(store.create(CONFIG, "new"), store)
    assert [run.name for run in store.runs()][1:] == ["old"]
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
    programs = [
        subprocess.Popen(
            [sys.executable, "-c", code, str(tmp_path)], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        for _ in range(4)
    ]
    answers = [process.communicate(timeout=300) for process in programs]
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
    record_training(first, store)
    now[0] = 10.0
    store.transition(first, State.INTERRUPTED, message="gone")
    store.resume(first)
    record_training(first, store, epochs=2)
    store.transition(first, State.FINISHED)
    run = store.run(first)
    assert run.ended >= run.created
    assert run.seconds == 4.0
    assert [run.id for run in store.runs()] == [second, first]
    assert [done.epoch for done in store.epochs(first)] == [1, 2]
    store.close()
