"""PyTorch's CUDA build against stand-ins for NVIDIA's two driver libraries: who calls the driver, and what happens when it fails.

Nothing computes on them. They log each call with the process that made it, and refuse CUDA after a fork, as the real driver does.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from cnnlab.config import RunConfig
from cnnlab.runs.store import Store
from cnnlab.system import gpus
from cnnlab.training import devices

SOURCES = Path(__file__).parent / "fake_driver"
COMPILER = shutil.which("cc")

pytestmark = [
    pytest.mark.skipif(sys.platform != "linux", reason="the stand-ins are Linux libraries"),
    pytest.mark.skipif(COMPILER is None, reason="the stand-ins need a C compiler"),
    pytest.mark.skipif(torch.version.cuda is None, reason="a PyTorch without CUDA calls no driver"),
]

# One round of the dispatcher with a queued run, as the process does it; the started runner ends at once.
ROUND = """
import os, sys
from pathlib import Path
from cnnlab.system import background, gpus
from cnnlab.workers import dispatcher, preloading, runner
home = Path(sys.argv[1])
os.environ[gpus.PROOFS] = str(home / "devices.json")
background.announce(home)
preloading.load(preloading.FOR_HELPER)
preloading.load(preloading.FOR_RUNNERS)
office = dispatcher.Dispatcher(home)
office._check_processes = lambda: None
runner.run_in_process = lambda *arguments: None
office.turn()
print(os.getpid(), office.store.active()[0].device)
office.close()
os._exit(0)
"""


@pytest.fixture
def driver(tmp_path, monkeypatch):
    """An environment with the stand-ins; its FAKE_LOG has a line for each call: the process, the library and the function."""
    folder = tmp_path / "driver"
    folder.mkdir()
    for source, library in (("nvml.c", "libnvidia-ml.so.1"), ("cuda.c", "libcuda.so.1")):
        subprocess.run([str(COMPILER), "-w", "-shared", "-fPIC", "-o", folder / library, SOURCES / source, "-ldl"], check=True)
    for name, value in {"LD_LIBRARY_PATH": folder, "FAKE_LOG": folder / "log", "FAKE_GPUS": 1}.items():
        monkeypatch.setenv(name, str(value))
    for name in ("CUDA_VISIBLE_DEVICES", gpus.PROOFS):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(devices, "_proved", {})
    return folder


def callers(driver: Path) -> set[int]:
    return {int(line.split()[0]) for line in (driver / "log").read_text(encoding="utf-8").splitlines()}


def test_the_process_that_forks_runners_never_calls_the_driver(driver, tmp_path, monkeypatch):
    monkeypatch.setenv("FAKE_GPUS", "2")
    store = Store(tmp_path / "home")
    store.create(RunConfig.make(limit=50, epochs=1), "a")
    store.close()

    done = subprocess.run([sys.executable, "-c", ROUND, tmp_path / "home"], capture_output=True, text=True, check=True)
    pid, device = done.stdout.split()

    assert device == "cpu"  # the stand-ins compute nothing, so auto falls back
    assert int(pid) not in callers(driver)
    assert len(callers(driver)) == 2, "each card was tried, in a process of its own"
    known = json.loads((tmp_path / "home" / "devices.json").read_text(encoding="utf-8"))
    assert [proof["name"] for proof in known["proofs"]] == ["cuda:0", "cuda:1"], "other processes of the lab need not try them"


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({}, "it failed a test"),
        ({"FAKE_CUINIT_RC": "46"}, "another program has this GPU for itself"),
        ({"FAKE_CUINIT_RC": "999"}, "the driver has lost this GPU"),
        ({"FAKE_CUINIT_RC": "999", "FAKE_NVML_RC": "999"}, ""),
    ],
)
def test_a_driver_that_lists_cards_and_fails_leaves_the_cpu_and_says_why(driver, monkeypatch, settings, words):
    for name, value in settings.items():
        monkeypatch.setenv(name, value)

    cpu, *others = devices.survey()

    assert (cpu.name, cpu.problem) == ("cpu", "")
    assert all(device.problem.startswith(words) and device.problem for device in others)
    assert devices.resolve("auto") == "cpu"
    assert os.getpid() not in callers(driver)


def test_what_is_hidden_from_cuda_is_not_tried(driver, monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")

    assert [device.name for device in devices.survey()] == ["cpu"]
    assert not (driver / "log").exists()
