"""Damaged files, full disks, other versions, a clock that jumps back: a sentence, and nothing that was good is lost."""

from __future__ import annotations

import os
import random
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from cnnlab.config import RunConfig
from cnnlab.errors import CheckpointError, CNNLabError, StoreError
from cnnlab.events import EpochDone, Progress, RunStarted
from cnnlab.runs.migrations import MIGRATIONS, migrate
from cnnlab.runs.records import State
from cnnlab.runs.runner import execute
from cnnlab.runs.store import Store
from cnnlab.runs.watch import mark_interrupted

ROOT = Path(__file__).parent.parent
CONFIG = RunConfig.make(limit=50, batch_size=25, epochs=1, device="cpu")
STARTED = RunStarted("cpu", "CPU", 61_706, 50, 50, 2, 3, 10)


def told(run_id: str, store: Store, epochs: int = 3) -> None:
    store.move(run_id, State.STARTING, device="cpu")
    store.add(run_id, STARTED, to=State.RUNNING)
    for epoch in range(1, epochs + 1):
        store.add(run_id, Progress(epoch, 1, 2, epoch * 2 - 1, 2.0, 0.25, 9_500.0, 0.1, 0.1, 4.0, 80.0))
        store.add(run_id, EpochDone(epoch, epoch * 2, 2.0, 0.25, 1.9, 0.5, 0.1, 8.0, 1.0, 6.0, 1.0))


@pytest.fixture
def filled(tmp_path) -> Path:
    """A home with five runs in its record, and no process."""
    store = Store(tmp_path)
    for number in range(5):
        told(store.create(CONFIG, f"token {number}", f"run {number}"), store)
    store.close()
    assert not (tmp_path / "lab.sqlite-wal").exists(), "the last one to close writes everything into the one file"
    return tmp_path


def read_all(home: Path) -> int:
    """Reads everything there is, as pages do; the number of runs."""
    store = Store(home)
    try:
        runs = store.runs()
        store.summaries()
        store.active()
        store.queue()
        for run in runs:
            store.run(run.id)
            store.events(run.id)
            store.epochs(run.id)
            store.progress(run.id)
        return len(runs)
    finally:
        store.close()


def content(home: Path) -> bytes:
    return (home / "lab.sqlite").read_bytes()


def sentence(error: BaseException) -> str:
    assert str(error).endswith(".")
    assert len(str(error)) < 700
    return str(error)


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
    """Writes over one value of a run as a disk does, which asks no trigger; the run's id."""
    connection = sqlite3.connect(home / "lab.sqlite")
    triggers = connection.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'").fetchall()
    for name, _ in triggers:
        connection.execute(f"DROP TRIGGER {name}")
    connection.execute(f"UPDATE runs SET {column} = ? WHERE number = ?", (value, number))  # noqa: S608 - our own names
    for _, sql in triggers:
        connection.execute(sql)
    run_id = connection.execute("SELECT id FROM runs WHERE number = ?", (number,)).fetchone()[0]
    connection.commit()
    connection.close()
    return run_id


def row(home: Path, number: int = 2) -> tuple[object, ...]:
    """All that the record holds of one run."""
    connection = sqlite3.connect(home / "lab.sqlite")
    connection.text_factory = bytes
    found = connection.execute("SELECT * FROM runs WHERE number = ?", (number,)).fetchone()
    connection.close()
    return found


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
    for name, said in ((runs, runs.unreadable), (table.runs, table.unreadable)):
        assert [each.name for each in name] == ["run 4", "run 3", "run 2", "run 0"]
        assert len(said) == 1
        assert f"Run '{run_id}' is left out" in sentence(RuntimeError(said[0]))
        assert "put back a copy" in said[0]
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

    assert [each.name for each in table.runs] == ["run 4", "run 3", "run 2", "run 0"]
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

    assert [each.name for each in store.runs()][3] == store.summaries().runs[3].name == "run\ufffd 1"
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
    assert run_id not in store.resumable(3)
    mark_interrupted(store)
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


# Disks and folders. What needs another user or a limit on this process happens in a process of its own.


def in_a_process(code: str, *arguments: object) -> str:
    """What a Python program printed; it must have ended in order."""
    done = subprocess.run(
        [sys.executable, "-c", code, *map(str, arguments)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


FULL_DISK = """
import resource, signal, sys
from pathlib import Path
import torch
from cnnlab.errors import CNNLabError
from cnnlab.runs.store import Store
from cnnlab.runs.watch import mark_interrupted
from cnnlab.training import checkpoints

home, run_id = Path(sys.argv[1]), sys.argv[2]
store, folder = Store(home), home / "runs" / run_id
good = dict.fromkeys(checkpoints._KEYS) | {"format": checkpoints.FORMAT, "epoch": 1, "model": {"w": torch.ones(1000)}}
checkpoints.save(good, folder / checkpoints.LAST)

# No file may grow beyond this, which every writer is told as it is told that a disk is full: the write fails.
size = (home / "lab.sqlite").stat().st_size
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))

for save in (checkpoints.save, lambda content, path: checkpoints.save_last(content, path.parent)):
    try:
        save(good | {"model": {"w": torch.ones(1_000_000)}, "epoch": 2}, folder / checkpoints.LAST)
    except CNNLabError as error:
        print("checkpoint:", error)
try:
    for number in range(1_000):
        store.annotate(run_id, "x" * 10_000 + str(number))
        store.rename(run_id, "y" * 10_000 + str(number))
except CNNLabError as error:
    print("record:", error)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no limit on the size of files")
def test_a_full_disk_is_a_sentence_and_what_was_there_stays(filled):
    from cnnlab.training import checkpoints

    store = Store(filled)
    run_id = store.runs()[0].id
    store.close()
    said = in_a_process(FULL_DISK, filled, run_id).splitlines()
    assert [line.partition(":")[0] for line in said] == ["checkpoint", "checkpoint", "record"]
    assert "cannot be written" in said[0]
    assert "free some space" in said[1]
    assert "the disk is not full" in said[2]
    assert read_all(filled) == 5
    _, latest = checkpoints.load_latest(filled / "runs" / run_id)
    assert latest["epoch"] == 1
    assert {path.name for path in (filled / "runs" / run_id).iterdir()} <= {checkpoints.LAST, checkpoints.PREVIOUS}, "no half files"


READ_ONLY = """
import os, sys
from pathlib import Path
from cnnlab.config import RunConfig
from cnnlab.errors import CNNLabError
from cnnlab.lab import Lab
from cnnlab.runs.store import Store
from cnnlab.runs.watch import mark_interrupted

os.setgid(65534)
os.setuid(65534)
home = Path(sys.argv[1])
for open_it in (lambda: Store(home).create(RunConfig.make(), "t"), lambda: Lab(home).rename(Lab(home).runs()[0].id, "x")):
    try:
        open_it()
    except CNNLabError as error:
        print(error)
    else:
        print("written")
"""


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root can become a user who may not write")
@pytest.mark.parametrize("there", [True, False], ids=["with a record", "empty"])
def test_a_home_that_may_not_be_written_is_a_sentence(filled, there):
    outside = Path(tempfile.mkdtemp())  # pytest's own folders are closed to others
    try:
        home = outside / "home"
        shutil.copytree(filled, home)
        if not there:
            (home / "lab.sqlite").unlink()
        for path in (*home.rglob("*"), home, outside):
            path.chmod(0o755 if path.is_dir() else 0o644)
        said = in_a_process(READ_ONLY, home).splitlines()
        assert len(said) == 2
        for line in said:
            assert str(home / "lab.sqlite") in line
            assert "choose another home folder" in line
        if there:
            assert read_all(home) == 5
    finally:
        shutil.rmtree(outside)


def test_a_run_on_truncated_data_fails_with_the_file_and_leaves_it_as_it_is(tmp_path):
    from cnnlab.datasets.places import SAMPLE_FOLDER

    raw = tmp_path / "data" / "FashionMNIST" / "raw"
    shutil.copytree(SAMPLE_FOLDER, raw)
    images = next(raw.glob("train-images*"))
    images.write_bytes(images.read_bytes()[:1_000])
    store = Store(tmp_path / "home")
    run_id = store.create(CONFIG.change(dataset="fashion-mnist"), "t", data=tmp_path / "data")

    assert execute(store, run_id) is State.FAILED

    message = store.run(run_id).message
    store.close()
    assert images.name in sentence(RuntimeError(message))
    assert "truncated" in message or "damaged" in message
    assert images.stat().st_size == 1_000


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
        path.write_bytes(saved[:length].ljust(len(saved), b"\0"))  # a power cut: the length is there, the content not yet
        try:
            kept = checkpoints.load(path)
        except CheckpointError:
            continue
        assert length > 0.99 * len(saved), "only the archive's last few bytes, many of them zero, say nothing of the content"
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
