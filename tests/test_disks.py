"""Full disks, read-only folders, truncated data.

Code that needs another user, or a limit on its process, runs in a process of its own.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from filled_home import CONFIG, ROOT, read_all, sentence

from cnnlab.runs.records import State
from cnnlab.runs.store import Store
from cnnlab.workers.runner import execute


def in_a_process(code: str, *arguments: object) -> str:
    """The output of a Python program, which must succeed."""
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
        assert len(lines) == 2
        for line in lines:
            assert str(home / "lab.sqlite") in line
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
