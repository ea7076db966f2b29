"""A lab on Windows and macOS, as far as Linux can play them: processes are spawned, and files that are open cannot be replaced."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PLAYED = ROOT / "tests" / "elsewhere"

LIFE = """
import sys, threading, time
from pathlib import Path
from cnnlab.compute.wire import Address
from cnnlab.config import RunConfig
from cnnlab.lab import Lab
from cnnlab.runs.records import State
from cnnlab.system import background
from cnnlab.system.home import run_folder

if __name__ == "__main__":
    home = Path(sys.argv[1])
    lab = Lab(home)
    over = threading.Event()

    def until(condition, seconds=180):
        end = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < end, [(run.state, run.message) for run in lab.runs()]
            time.sleep(0.02)

    def hold():
        # Pages, virus scanners and programs that copy files elsewhere: all read what the lab writes.
        while not over.is_set():
            background.known(home), Address.read(home)
            for file in home.glob("runs/*/*.pt"):
                try:
                    with file.open("rb") as opened:
                        opened.read(100)
                        time.sleep(0.1)
                except OSError:
                    pass
                time.sleep(0.05)

    threading.Thread(target=hold, daemon=True).start()
    config = RunConfig.make(limit=600, batch_size=50, epochs=6, device="cpu", options={"activation": "relu"}, learning_rate=0.1)
    first = lab.start(config, token="first")
    until(lambda: lab.run(first).epochs_done >= 1)
    lab.pause(first)
    until(lambda: not lab.run(first).active)
    assert lab.run(first).state is State.PAUSED, lab.run(first)
    lab.resume(first)
    until(lambda: not lab.run(first).active)
    assert lab.run(first).state is State.FINISHED, lab.run(first)
    assert lab.predictions(first).total > 0

    time.sleep(1)  # a spare process may be starting
    second = lab.start(config.change(seed=2), token="second")
    until(lambda: not lab.run(second).active)
    assert lab.run(second).state is State.FINISHED, lab.run(second)
    lab.delete(second)  # its log is still open
    assert not run_folder(home, second).exists()
    over.set()
    lab.shut_down()
"""


@pytest.fixture
def environment(monkeypatch):
    """Of a program that plays the other systems."""
    paths = [str(PLAYED), str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
    return os.environ | {"PYTHONPATH": os.pathsep.join(paths), "CNNLAB_START_METHOD": "spawn"}


@pytest.mark.skipif(sys.platform != "linux", reason="plays on Linux what the other systems are")
def test_an_open_file_cannot_be_replaced_or_deleted_there(tmp_path, environment):
    program = """
import shutil, sys
from pathlib import Path
folder = Path(sys.argv[1]) / "folder"
folder.mkdir()
held, new = folder / "held", folder / "new"
held.write_text("old"), new.write_text("new")
refused = []
with held.open():
    for action in (lambda: new.replace(held), held.unlink, lambda: shutil.rmtree(folder)):
        try:
            action()
        except PermissionError:
            refused.append(1)
assert held.read_text() == "old"
shutil.rmtree(folder)
print(len(refused), folder.exists())
"""
    done = subprocess.run([sys.executable, "-c", program, tmp_path], check=True, capture_output=True, text=True, env=environment)

    assert done.stdout.split() == ["3", "False"]


@pytest.mark.skipif(sys.platform != "linux", reason="plays on Linux what the other systems are")
def test_runs_train_pause_resume_and_are_deleted_where_processes_are_spawned_and_open_files_are_kept(tmp_path, environment):
    program = tmp_path / "life.py"
    program.write_text(LIFE, encoding="utf-8")

    done = subprocess.run(
        [sys.executable, str(program), str(tmp_path / "home")], check=False, capture_output=True, text=True, env=environment
    )

    assert done.returncode == 0, done.stderr[-3000:]
    log = (tmp_path / "home" / "dispatcher.log").read_text(encoding="utf-8")
    assert "Traceback" not in log, log[-3000:]
