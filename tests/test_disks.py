"""Full disks, read-only folders, truncated data.

Code that needs another user, or a limit on its process, runs in a process of its own.
"""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from filled_home import CONFIG, ROOT, read_all, sentence

from cnnlab.lab import Lab
from cnnlab.runs import store_lifecycle
from cnnlab.runs.records import State
from cnnlab.runs.store import Store
from cnnlab.system import room
from cnnlab.workers.runner import execute


def in_a_process(code: str, *arguments: object) -> str:
    """The output of a Python program, which must succeed."""
    done = subprocess.run(
        [sys.executable, "-c", code, *map(str, arguments)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=300,
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
from cnnlab.workers.watch import interrupt_lost_runs
from cnnlab.training import checkpoints

home, run_id = Path(sys.argv[1]), sys.argv[2]
store, folder = Store(home), home / "runs" / run_id
good = dict.fromkeys(checkpoints._KEYS) | {"format": checkpoints.FORMAT, "epoch": 1, "model": {"w": torch.ones(1000)}}
checkpoints.save(good, folder / checkpoints.LAST)

# No file may grow beyond this: writes fail as on a full disk.
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
    lines = in_a_process(FULL_DISK, filled, run_id).splitlines()
    assert [line.partition(":")[0] for line in lines] == ["checkpoint", "checkpoint", "record"]
    assert "cannot be written" in lines[0]
    assert "free some space" in lines[1]
    assert "the disk is not full" in lines[2]
    assert read_all(filled) == 5
    _, latest = checkpoints.load_latest(filled / "runs" / run_id)
    assert latest["epoch"] == 1
    assert {path.name for path in (filled / "runs" / run_id).iterdir()} <= {checkpoints.LAST, checkpoints.PREVIOUS}, "no half files"


NO_ROOM_TO_OPEN = """
import resource, signal, sys
from pathlib import Path
from cnnlab.errors import CNNLabError
from cnnlab.lab import Lab
from cnnlab.runs.store import Store
from cnnlab.system import background

home = Path(sys.argv[1])
background.ensure = lambda home: None
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (1_000, resource.RLIM_INFINITY))  # the file that connections share has 32 kB
lab = Lab(home)
print(len(lab.runs()), len(lab.summaries().runs), len(Store(home).events(lab.runs()[0].id)) > 0)
print(lab.runs()[0].state, lab.summaries().runs[0].state, lab.run(lab.runs()[0].id).state)
try:
    lab.rename(lab.runs()[0].id, "x" * 10_000)
except CNNLabError as error:
    print(error)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no limit on the size of files")
@pytest.mark.parametrize("log", [False, True], ids=["closed in order", "its processes died"])
def test_runs_are_listed_where_there_is_no_room_for_the_files_of_an_open_record(filled, log):
    if log:  # a log with content and no process, as a kill leaves it
        leave = "import os, sys; from pathlib import Path; from cnnlab.runs.store import Store; "
        leave += "store = Store(Path(sys.argv[1])); store.rename(store.runs()[0].id, 'renamed'); os._exit(0)"
        in_a_process(leave, filled)
        (filled / "lab.sqlite-shm").unlink()
        assert (filled / "lab.sqlite-wal").stat().st_size > 0
    first, states, *_ = in_a_process(NO_ROOM_TO_OPEN, filled).splitlines()
    assert first == "5 5 True"
    assert states == "interrupted interrupted interrupted"  # no process works on it, and that is not recorded
    store = Store(filled)
    assert store.runs()[0].name == ("renamed" if log else "run 4")
    assert store.runs()[0].state is State.RUNNING
    store.close()


def test_a_reserve_is_kept_where_there_is_room_and_released_where_there_is_none(tmp_path, monkeypatch):
    left = [1_000_000_000]
    monkeypatch.setattr(room, "free", lambda folder: left[0])
    reserve = tmp_path / "private" / "reserve"
    room.keep_reserve(tmp_path)
    assert reserve.stat().st_size == room.RESERVE
    assert room.shortage(tmp_path) == ""

    left[0] = 0
    store = Store(tmp_path)
    run_id = store.create(CONFIG, "t")  # neither a new run nor a name may use it
    store.rename(run_id, "other")
    assert reserve.exists()
    store.stop(run_id)
    assert not reserve.exists()
    room.keep_reserve(tmp_path)
    assert not reserve.exists()
    assert "Delete runs that are no longer needed" in room.shortage(tmp_path)
    store.close()


def test_a_run_is_deleted_on_a_full_disk_because_its_files_go_first(tmp_path, monkeypatch):
    lab = Lab(tmp_path)
    run_id = lab._store.create(CONFIG, "t", state=State.FINISHED)
    folder = tmp_path / "runs" / run_id
    folder.mkdir(parents=True)
    (folder / "last.pt").write_bytes(b"x" * 100)
    deleted, delete = [], store_lifecycle.delete

    def delete_row(connection, row):
        deleted.append(not folder.exists())
        delete(connection, row)

    monkeypatch.setattr(store_lifecycle, "delete", delete_row)
    lab.delete(run_id)
    assert deleted == [True]
    assert lab.runs() == ()
    lab.close()


def no_link(source: Path, _target: Path) -> None:
    """As on a file system without hard links."""
    raise OSError(errno.EPERM, "Operation not permitted", str(source))


@pytest.mark.parametrize("name", ["best.pt", "last.pt"])
def test_a_disk_that_fills_up_while_a_checkpoint_is_written_sends_the_run_back_to_the_queue(store, monkeypatch, name):
    from cnnlab.training import checkpoints

    run_id, save = store.create(CONFIG, "t"), checkpoints.torch.save

    def full(content, file):
        if Path(getattr(file, "name", "")).name == f".{name}.partial":
            raise OSError(errno.ENOSPC, "No space left on device", file.name)
        save(content, file)

    monkeypatch.setattr(checkpoints.torch, "save", full)
    if name == "last.pt":  # otherwise a second name of best.pt
        monkeypatch.setattr(checkpoints.os, "link", no_link)
    assert execute(store, run_id) is State.QUEUED
    assert "disk is full" in store.run(run_id).message
    assert str(store.home) not in store.run(run_id).message
    monkeypatch.setattr(checkpoints.torch, "save", save)
    assert execute(store, run_id) is State.FINISHED
    assert [event.epoch for event in store.epochs(run_id)] == [1]


READ_ONLY = """
import os, sys
from pathlib import Path
from cnnlab.config import RunConfig
from cnnlab.errors import CNNLabError
from cnnlab.lab import Lab
from cnnlab.runs.store import Store
from cnnlab.workers.watch import interrupt_lost_runs

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
if (home / "lab.sqlite").exists():
    print(len(Lab(home).runs()), "runs")
"""


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root can become a user who may not write")
@pytest.mark.parametrize("recorded", [True, False], ids=["with a record", "empty"])
def test_a_home_that_may_not_be_written_is_a_sentence(filled, recorded):
    outside = Path(tempfile.mkdtemp())  # other users cannot enter pytest's folders
    try:
        home = outside / "home"
        shutil.copytree(filled, home)
        if not recorded:
            (home / "lab.sqlite").unlink()
        for path in (*home.rglob("*"), home, outside):
            path.chmod(0o755 if path.is_dir() else 0o644)
        lines = in_a_process(READ_ONLY, home).splitlines()
        assert lines[2:] == (["5 runs"] if recorded else []), "reading needs no writing"
        for line in lines[:2]:
            assert "lab.sqlite in the lab's folder" in line
            assert str(home) not in line, "visitors see it"
            assert "choose another home folder" in line
        if recorded:
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
